#!/bin/bash
# The main job, narrated: nobody has standing access; a person asks, someone else approves, and a
# temporary account exists exactly as long as the approved grant lasts.  `make demo` runs this in a
# world of its own; every step is checked, and the first that misbehaves ends it.
. "$WORLD_REPO/tests/support/lib.sh"

role=db-operator
seconds=20
secret=/run/one-time-password

# terminal COMMAND...: the engineer's login with a terminal, indented as it goes.
terminal() {
	local status
	# shellcheck disable=SC2154 # c_blue is the library's
	printf '   %salice$ ssh %s@%s%s\n' "$c_blue" "$ACCOUNT" "$HOST" "$c_off"
	expect -f "$WORLD_REPO/tests/support/terminal.exp" $secret \
		-o IdentitiesOnly=yes -i "$(key_of alice)" "$ACCOUNT@$HOST" -- "$@" |
		tee /run/terminal | sed -u -e 's/\r//g' -e 's/^/   /'
	status=${PIPESTATUS[0]}
	case $status in
	0) ;;
	9) fail "no one-time password was asked for" ;;
	7) fail "the connection ended too early" ;;
	*) fail "the terminal session did not go as it should ($status)" ;;
	esac
	OUT=$(tr -d '\r' </run/terminal)
}
seen() {
	says "$1"
	pass "$2"
}

step "A host with people's old accounts on it, and Lockbox in front"
note "sshd, sudo and PAM are the distribution's own; lockboxd runs as four processes"
start_daemon
start_sshd
run_ok ps -o user:16,args --ppid "$DAEMON_PID"
for name in keeper front courier; do says "lockbox-$name +lockboxd"; done

step "alice still has an account of old and a line in sudoers: neither opens anything"
run_ok cat /etc/sudoers.d/alice
run_refused person_ssh alice "alice@$HOST" id
seen "ssh lockbox@$HOST request" "refused at login, with the words that tell how to ask"
run_refused as alice sudo /usr/bin/id
seen "ssh lockbox@$HOST request" "refused at sudo as well"

step "alice asks: her SSH key says who she is, nothing is installed on her side"
run_ok gate alice roles
says "$role"
run_ok gate alice request $role --for ${seconds}s --reason "index of the orders table is broken"
grant=$(grep -oE 'R-[0-9]+' <<<"$OUT" | head -n 1)
[ -n "$grant" ] || fail "the request has no number"
run_refused gate alice approve "$grant"
seen 'own request' "nobody approves a request of their own"
run_refused gate alice claim "$grant"
seen "$grant" "nothing to claim before somebody else has said yes"

step "bob, who may approve for this role, looks and says yes"
run_ok gate bob pending
says "$grant"
run_ok gate bob show "$grant"
says 'index of the orders table'
run_ok gate bob approve "$grant"

step "alice claims: only now the account exists, for $seconds seconds"
run_ok gate alice claim "$grant"
ACCOUNT=$(grep -oE 'lb-alice-[0-9]+' <<<"$OUT" | head -n 1)
[ -n "$ACCOUNT" ] || fail "claim names no account"
# The password stands alone on its line.
grep -xE '[[:space:]]*[A-Za-z0-9-]{16,}[[:space:]]*' <<<"$OUT" | tr -d '[:space:]' >$secret
[ -s $secret ] || fail "claim shows no one-time password"
run_ok getent passwd "$ACCOUNT"
uid=$(cut -d: -f3 <<<"$OUT")
[ "$uid" -ge 1900010000 ] && [ "$uid" -le 1900999999 ] || fail "the uid $uid is outside the reserved range"
run_ok sed '/^#/d; /^$/d' /etc/sudoers.d/lockbox

step "She logs in with the enrolled key and the one-time password, works, and leaves things behind"
note "the end of the $seconds seconds comes by itself; nothing more is typed after the last command"
terminal 'id' \
	'sudo /usr/bin/id -u' \
	'sudo /usr/bin/cat /etc/shadow' \
	'setsid -f sleep 1000' \
	'sudo /usr/local/sbin/reindex' \
	'ps -o pid,user:12,args -C sleep'
seen "^uid=$uid\\($ACCOUNT\\).*\\(lbr-$role\\)" "the account, the group of its role"
seen '\(adm\)' "the groups of its role"
seen '^0$' "sudo of a command that the role has"
! grep -aqE "root:[*!x$]" <<<"$OUT" || fail "the password file was shown"
seen 'not allowed|password is required|may not run|incorrect password|no password was provided' "any other command is refused"
seen "Lockbox: $role on $HOST \\($grant\\) until" "what was granted and until when"
seen "Lockbox: your access under $grant ends in [0-9]+s" "a warning before the end"
seen "Lockbox: your access under $grant has ended: its time is up" "the reason, on the terminal, at the end"
seen "Connection to $HOST closed|closed by remote host" "the connection was closed"
behind=$(sed -nE "s/^ *([0-9]+) +$ACCOUNT +sleep 1000$/\1/p" <<<"$OUT")
root_process=$(sed -nE 's/^ *([0-9]+) +root +sleep 300$/\1/p' <<<"$OUT")
[ -n "$behind" ] && [ -n "$root_process" ] || fail "the two processes were not started"

step "Nothing is left"
gone() { dead "$behind" && dead "$root_process" && [ -z "$(owned "$uid")" ]; }
wait_for gone 2 || fail "still there: $(ps -o pid,uid,args -p "$behind,$root_process,$(owned "$uid" | paste -sd,)")"
run_status 1 ps -o pid,user,args -p "$behind,$root_process"
pass "the process left with setsid is dead, and the root process that sudo started"
run_status 2 getent passwd "$ACCOUNT"
run_status 2 getent passwd "$uid"
wait_for "[ ! -e /home/$ACCOUNT ]" 5 || fail "the home still is there"
pass "the account resolves to nothing, the home is gone"
run_refused temp_ssh alice "$(cat $secret)" "$ACCOUNT@$HOST" id
pass "a second login is refused"

step "carol, the auditor, reads the trail: grant, person, account and uid in each line"
wait_for "gate carol audit --grant $grant | grep -q evicted" 5 || fail "no receipt of the eviction in the record"
run_ok gate carol audit --grant "$grant"
for event in request approve claim login-ok session-open expire evicted; do says "$event"; done
says 'killed [2-9] processes, none'
note "the same lines in syslog:"
run_ok grep -E "event=[a-z-]+ seq=[0-9]+ grant=$grant " /var/log/auth.log
for event in request approve; do says "event=$event seq=[0-9]+ grant=$grant identity=alice "; done
for event in claim login-ok session-open expire evicted; do
	says "event=$event seq=[0-9]+ grant=$grant identity=alice account=\"?$ACCOUNT\"? uid=$uid "
done
run_refused gate alice audit
pass "and nobody but an auditor reads it"

step "It was all the real thing: sshd, PAM, sudo, NSS, and a daemon that ends in good order"
stop_sshd
stop_daemon || fail "the daemon did not end with 0"
passed
