# shellcheck shell=bash
# Words for end-to-end scripts; they run inside tests/support/world, as root.
#
#   . "$WORLD_REPO/tests/support/lib.sh"
#
# Telling:    step TEXT · note TEXT · pass TEXT · fail TEXT (ends the script)
# Running:    run_ok CMD... · run_refused CMD... · run_status N CMD... - each shows the command and its
#             output, keeps the output in $OUT and the status in $STATUS, and fails if it is not so
#             quietly CMD... - no telling; OUT and STATUS are set
#             says REGEX · says_not REGEX - about $OUT
# Waiting:    wait_for CONDITION [SECONDS] - polls a shell condition every 20 ms
#             wait_log REGEX [SECONDS] - until a line in the syslog fits, after the last `mark_log`
#             mark_log · log_since_mark
# Parts:      start_sshd · stop_sshd · start_daemon · stop_daemon · reload_daemon · kill_daemon SIG
# People:     gate NAME WORDS... - ssh lockbox@lockbox-demo with NAME's key
#             person_ssh NAME [SSH-OPTION...] TARGET [COMMAND] - ssh with NAME's key
#             temp_ssh NAME PASSWORD [SSH-OPTION...] ACCOUNT@lockbox-demo [COMMAND] - key and password
#             as NAME CMD... - a local command as a local user
#             install_lockbox - in a bare world: the real packaging/install, without setup
# Sessions:   session_open N NAME PASSWORD [SSH-OPTION...] TARGET - a login with a terminal that stays
#             session_type N TEXT · session_says N REGEX [SECONDS] - what the terminal shows
#             session_run N COMMAND - types it, waits until it is done; OUT is what it wrote
#             session_over N [SECONDS] - until ssh has ended; STATUS is its status
#             no_session GRANT - until the daemon, too, knows that none is open any more
# Processes:  dead PID - true when it is gone or a zombie · owned UID - pids with it as uid or login uid
#             child_of_daemon keeper|front|courier - its pid
# JSON:       field NAME [TEXT] - the first "NAME" in a JSON text (default $OUT)
# Whole path: granted NAME ROLE FOR APPROVER - request, approve, claim; sets GRANT ACCOUNT PASSWORD
# At the end: passed - prints the verdict; a script that does not come this far has failed
set -uo pipefail

[ "${WORLD-}" = 1 ] || {
	echo "run this through tests/support/world" >&2
	exit 1
}
HOST=lockbox-demo
SYSLOG=/var/log/syslog
OUT=
STATUS=0
SSHD_PID=
DAEMON_PID=
log_mark=0
checks=0

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
	c_bold=$'\e[1m' c_dim=$'\e[2m' c_green=$'\e[32m' c_red=$'\e[31m' c_blue=$'\e[34m' c_off=$'\e[0m'
else
	c_bold='' c_dim='' c_green='' c_red='' c_blue='' c_off=''
fi

step() { printf '\n%s== %s%s\n' "$c_bold" "$*" "$c_off"; }
note() { printf '%s   %s%s\n' "$c_dim" "$*" "$c_off"; }
pass() {
	checks=$((checks + 1))
	printf '   %sok%s %s\n' "$c_green" "$c_off" "$*"
}
fail() {
	printf '   %sFAILED%s %s\n' "$c_red" "$c_off" "$*"
	printf '%s' "$c_dim"
	echo "   last lines of the syslog:"
	tail -n 30 $SYSLOG | sed 's/^/   | /'
	if [ -s /var/log/lockboxd.log ]; then
		echo "   last lines of the daemon's standard error:"
		tail -n 15 /var/log/lockboxd.log | sed 's/^/   | /'
	fi
	printf '%s' "$c_off"
	exit 1
}
passed() {
	printf '\n%spassed%s: %s checks\n' "$c_green" "$c_off" "$checks"
	exit 0
}

# How a command is shown: as one would type it.
shown() {
	local word text=
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_@%+=:,./-]* | '') text+=" '${word//\'/\'\\\'\'}'" ;;
		*) text+=" $word" ;;
		esac
	done
	printf '%s' "${text# }"
}

quietly() {
	STATUS=0
	OUT=$("$@" 2>&1 </dev/null) || STATUS=$?
}

# What a person types at home, where their key is the one ssh takes by itself.
shown_for() {
	case $1 in
	gate) printf '%s$ ssh lockbox@%s %s' "$2" "$HOST" "$(shown "${@:3}")" ;;
	person_ssh) printf '%s$ ssh %s' "$2" "$(shown "${@:3}")" ;;
	temp_ssh) printf '%s$ ssh %s' "$2" "$(shown "${@:4}")" ;;
	as) printf '%s$ %s' "$2" "$(shown "${@:3}")" ;;
	*) printf '# %s' "$(shown "$@")" ;;
	esac
}

loudly() {
	printf '   %s%s%s\n' "$c_blue" "$(shown_for "$@")" "$c_off"
	quietly "$@"
	[ -z "$OUT" ] || printf '%s\n' "$OUT" | sed 's/^/   /'
}

run_ok() {
	loudly "$@"
	[ "$STATUS" -eq 0 ] || fail "status $STATUS where 0 was due: $(shown "$@")"
	checks=$((checks + 1))
}

run_refused() {
	loudly "$@"
	[ "$STATUS" -ne 0 ] || fail "went through, and should have been refused: $(shown "$@")"
	checks=$((checks + 1))
}

run_status() {
	local due=$1
	shift
	loudly "$@"
	[ "$STATUS" -eq "$due" ] || fail "status $STATUS where $due was due: $(shown "$@")"
	checks=$((checks + 1))
}

says() {
	grep -qE -- "$1" <<<"$OUT" || fail "the output does not say: $1"
	checks=$((checks + 1))
}
says_not() {
	! grep -qE -- "$1" <<<"$OUT" || fail "the output should not say: $1"
	checks=$((checks + 1))
}

# The monotonic clock, in hundredths of a second: tests may set the wall clock.
now_cs() {
	local up
	read -r up _ </proc/uptime
	echo "${up/./}"
}

wait_for() {
	local limit
	limit=$(awk -v now="$(now_cs)" -v s="${2:-5}" 'BEGIN { print int(now + s * 100) }')
	until eval "$1" >/dev/null 2>&1; do
		[ "$(now_cs)" -lt $limit ] || return 1
		sleep 0.02
	done
}

mark_log() { log_mark=$(stat -c %s $SYSLOG); }
log_since_mark() { tail -c +$((log_mark + 1)) $SYSLOG; }
wait_log() {
	# No pipeline: grep ends at the first line it finds, and the broken pipe would count as a no.
	if wait_for "grep -qE -- $(printf '%q' "$1") < <(log_since_mark)" "${2:-5}"; then
		checks=$((checks + 1))
	else
		fail "no such line in the syslog within ${2:-5} s: $1"
	fi
}

install_lockbox() { "$WORLD_REPO/packaging/install" "$@"; }

start_sshd() {
	mkdir -p /run/sshd
	/usr/sbin/sshd -D -p 22 -p 2222 -o ListenAddress=127.0.0.1 -o ListenAddress=::1 "$@" 2>>/var/log/sshd.log &
	SSHD_PID=$!
	wait_for '(exec 3<>/dev/tcp/127.0.0.1/2222)' 5 || fail "sshd did not start: $(cat /var/log/sshd.log)"
}
stop_sshd() {
	[ -n "$SSHD_PID" ] || return 0
	kill "$SSHD_PID" 2>/dev/null
	wait "$SSHD_PID" 2>/dev/null
	SSHD_PID=
}

# Status 3 says that the daemon was not reached; any other answer is one.
daemon_answers() {
	local status=0
	lockbox status >/dev/null 2>&1 || status=$?
	[ $status -ne 3 ]
}
start_daemon() {
	/usr/sbin/lockboxd -d "$@" >>/var/log/lockboxd.log 2>&1 &
	DAEMON_PID=$!
	wait_for "daemon_answers || ! kill -0 $DAEMON_PID" 10
	kill -0 "$DAEMON_PID" 2>/dev/null || fail "lockboxd ended at once: $(tail -n 5 /var/log/lockboxd.log)"
	daemon_answers || fail "lockboxd does not answer"
}
stop_daemon() {
	[ -n "$DAEMON_PID" ] || return 0
	kill -TERM "$DAEMON_PID" 2>/dev/null
	local status=0
	wait "$DAEMON_PID" 2>/dev/null || status=$?
	DAEMON_PID=
	return $status
}
reload_daemon() { kill -HUP "$DAEMON_PID"; }
kill_daemon() { kill -"$1" "$DAEMON_PID"; }

key_of() { printf '%s' "/root/keys/$1"; }

person_ssh() {
	local name=$1
	shift
	ssh -o BatchMode=yes -o IdentitiesOnly=yes -i "$(key_of "$name")" "$@"
}

gate() {
	local name=$1
	shift
	person_ssh "$name" "lockbox@$HOST" "$@"
}

# ssh asks a program for the password, so no terminal is needed; the password is in no argument.
temp_ssh() {
	local name=$1 password=$2
	shift 2
	[ -x /root/askpass ] || {
		# shellcheck disable=SC2016 # for the program, not for here
		printf '#!/bin/sh\nprintf "%%s\\n" "$TEST_PASSWORD"\n' >/root/askpass
		chmod 700 /root/askpass
	}
	TEST_PASSWORD=$password SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force \
		ssh -o IdentitiesOnly=yes -o NumberOfPasswordPrompts=1 -i "$(key_of "$name")" "$@"
}

as() {
	local name=$1
	shift
	setpriv --reuid "$name" --regid "$name" --init-groups --reset-env -- "$@"
}

# --- sessions with a terminal -----------------------------------------------------------------

declare -A session_pid
session_open() {
	local n=$1 name=$2 password=$3
	shift 3
	rm -f "/run/session.$n" "/run/session.$n.in"
	mkfifo "/run/session.$n.in"
	TERM=dumb temp_ssh "$name" "$password" -tt "$@" <>"/run/session.$n.in" >"/run/session.$n" 2>&1 &
	session_pid[$n]=$!
	# The shell's own echo of the line is not what is waited for.
	# shellcheck disable=SC2016 # for the other end
	session_type "$n" "PS1='$ '; echo open\"\"ed-$n"
	wait_for "grep -q opened-$n /run/session.$n || dead ${session_pid[$n]}" 10
	grep -q "opened-$n" "/run/session.$n" || return 1
}
session_type() { printf '%s\n' "$2" >"/run/session.$1.in"; }
session_says() {
	if wait_for "grep -qaE -- $(printf '%q' "$2") /run/session.$1" "${3:-5}"; then
		checks=$((checks + 1))
	else
		fail "session $1 does not show: $2; it shows: $(tail -n 15 "/run/session.$1")"
	fi
}
no_session() {
	wait_for "grep -q '\"sessions\":0' < <(lockbox show $1 --json)" 5 || fail "a session of $1 still is open"
}
session_turn=0
session_run() {
	local n=$1 from
	session_turn=$((session_turn + 1))
	from=$(stat -c %s "/run/session.$n")
	session_type "$n" "$2; echo \"<\"\"done $session_turn \$?>\""
	wait_for "grep -qa '<done $session_turn ' /run/session.$n || dead ${session_pid[$n]}" 15
	OUT=$(tail -c +$((from + 1)) "/run/session.$n" | tr -d '\r' | sed -e 1d)
	STATUS=$(sed -n "s/.*<done $session_turn \([0-9]*\)>.*/\1/p" <<<"$OUT")
	STATUS=${STATUS:-255}
	OUT=$(sed -e '/<done /,$d' <<<"$OUT")
}
session_over() {
	wait_for "dead ${session_pid[$1]}" "${2:-10}" || fail "session $1 still is open after ${2:-10} s"
	STATUS=0
	wait "${session_pid[$1]}" || STATUS=$?
}

# --- processes ---------------------------------------------------------------------------------

dead() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ ${line##*) } == [ZX]* ]]
}
owned() {
	ps -eo pid=,stat=,euid=,ruid=,suid=,fsuid=,luid= |
		awk -v uid="$1" '$2 !~ /^[ZX]/ && ($3 == uid || $4 == uid || $5 == uid || $6 == uid || $7 == uid) { print $1 }'
}
child_of_daemon() { pgrep -P "$DAEMON_PID" -f "lockboxd -x $1 " | head -n 1; }

# Values hold no escaped quotes where tests look; enough to read "name":"value" and "name":12.
field() {
	local text=${2-$OUT}
	grep -oE "\"$1\":(\"[^\"]*\"|[^,}\"]*)" <<<"$text" | head -n 1 | sed -e 's/^"[^"]*"://' -e 's/^"//' -e 's/"$//'
}

granted() {
	quietly gate "$1" request "$2" --for "$3" --json --reason "test"
	[ "$STATUS" -eq 0 ] || fail "request: $OUT"
	GRANT=$(field id)
	quietly gate "$4" approve "$GRANT" --json
	[ "$STATUS" -eq 0 ] || fail "approve: $OUT"
	quietly gate "$1" claim "$GRANT" --json
	[ "$STATUS" -eq 0 ] || fail "claim: $OUT"
	ACCOUNT=$(field account)
	# shellcheck disable=SC2034 # for the scripts
	PASSWORD=$(field password)
	[ -n "$ACCOUNT" ] || fail "claim names no account: $OUT"
}
