#!/bin/bash
# What each process has left after its start, and that a start in which it cannot be given up ends.
#   ATTACKS 45  setgroups, setresgid, setresuid fail, or say they did and did not: the daemon does not serve
#   ATTACKS 53  no core dumps, nothing to be read by others of the same user, secrets kept out of swap
. "$WORLD_REPO/tests/support/lib.sh"

status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
is() {
	local have
	have=$(status_of "$2" "$3" | tr '\t' ' ' | tr -s ' ' | sed 's/ $//')
	[ "$have" = "$4" ] || fail "$1: $3 is \"$have\", not \"$4\""
}

step "What is left to each child"
start_daemon
for child in keeper front courier; do
	pid=$(child_of_daemon $child)
	uid=$(id -u lockbox-$child) gid=$(id -g lockbox-$child)
	is $child "$pid" Uid "$uid $uid $uid $uid"
	is $child "$pid" Gid "$gid $gid $gid $gid"
	is $child "$pid" Groups ""
	is $child "$pid" NoNewPrivs 1
	is $child "$pid" Seccomp 2
	for set in CapInh CapPrm CapEff CapAmb; do is $child "$pid" $set 0000000000000000; done
	[ "$(stat -c %u "/proc/$pid/environ")" = 0 ] || fail "$child: can be dumped"
	quietly setpriv --reuid "$uid" --regid "$gid" --clear-groups cat "/proc/$pid/environ"
	[ "$STATUS" -ne 0 ] || fail "$child: its own user can look into it"
	quietly setpriv --reuid "$uid" --regid "$gid" --clear-groups cat "/proc/$pid/maps"
	[ "$STATUS" -ne 0 ] || fail "$child: its own user can look into it"
	grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits" || fail "$child: core dumps"
	root=$(readlink "/proc/$pid/root")
	case $child:$root in
	keeper:/var/lib/lockbox | front:/run/lockbox/empty | courier:/run/lockbox/empty) ;;
	*) fail "$child: its root is $root" ;;
	esac
	[ "$(tr -d '\0' <"/proc/$pid/environ" | wc -c)" = 0 ] || fail "$child: has an environment"
	pass "$child: uid $uid, no groups, no capabilities, filter, no dumps, root $root"
done
pid=$DAEMON_PID
grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits" || fail "warden: core dumps"
is warden "$pid" Seccomp 2
pass "warden: filter, no dumps"
if ldd /usr/sbin/lockboxd | grep -q libasan; then
	note "locked memory: not in a sanitizer build (tests/sanitize/runtime.c)"
else
	locked=$(awk '/^VmLck:/ { print $2 }' "/proc/$(child_of_daemon keeper)/status")
	[ "$locked" -gt 0 ] || fail "the keeper has no locked memory"
	pass "the keeper has $locked kB of locked memory"
fi

step "No child has a descriptor that is not its own"
for child in keeper front courier; do
	pid=$(child_of_daemon $child)
	# shellcheck disable=SC2012 # what they point at
	ls -l "/proc/$pid/fd" | sed -n 's/.*-> //p' >/run/fds
	! grep -qE '^/(etc|home|root|usr|tmp)' /run/fds || fail "$child: $(cat /run/fds)"
	case $child in
	front | courier) ! grep -qE '^/var|^/proc' /run/fds || fail "$child: $(cat /run/fds)" ;;
	esac
done
pass "none of /etc, /home, /root, /usr, /tmp; neither store nor /proc in front and courier"
# Which of them has a socket to the outside: none.
for child in keeper front courier; do
	pid=$(child_of_daemon $child)
	inodes=$(ls -l "/proc/$pid/fd" | sed -n 's/.*socket:\[\([0-9]*\)\].*/\1/p' | paste -sd'|')
	! grep -wE "$inodes" /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 || fail "$child: has a network socket"
done
pass "no network socket"
stop_daemon || fail "SIGTERM"

# traced INJECT CALL: starts it under strace with that tampering in the children
traced() {
	rm -f /run/lockbox/public.sock
	mark_log
	strace -f -qq -o /run/trace -e trace="$2" -e inject="$2:$1" /usr/sbin/lockboxd -d >/run/traced 2>&1 &
	tracer=$!
}
stop_traced() {
	pkill -TERM -x lockboxd
	wait_for "dead $tracer" 5 || { pkill -KILL -x lockboxd; wait_for "dead $tracer" 5; }
	wait "$tracer" 2>/dev/null
	# Fake success leaves processes of root's behind, that wait for their links.
	wait_for '! pgrep -x lockboxd' 5 || pkill -KILL -x lockboxd
}

step "A start under the same tracer without tampering serves"
strace -f -qq -o /run/trace -e trace=setresuid,setresgid,setgroups /usr/sbin/lockboxd -d >/run/traced 2>&1 &
tracer=$!
wait_for daemon_answers 15 || fail "it does not serve under strace: $(cat /run/traced)"
run_ok lockbox roles
for call in setresuid setresgid setgroups; do
	[ "$(grep -c "$call(" /run/trace)" -ge 3 ] || fail "not all three children call $call: $(cat /run/trace)"
done
stop_traced

step "Each of the calls fails, or says it did and did not: nothing is served (ATTACKS 45)"
for call in setgroups setresgid setresuid; do
	for how in error=EPERM error=EAGAIN error=EINVAL retval=0; do
		# Without groups to drop, a setgroups that does nothing is none the worse.
		[ $call:$how != setgroups:retval=0 ] || continue
		traced $how $call
		wait_log "cannot (drop groups|become [gu]id)|privileges (were not dropped|can be taken back)" 15
		! daemon_answers || fail "it serves although $call does $how"
		for pid in $(pgrep -x lockboxd); do
			! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- '-x keeper' || [ ! -S /run/lockbox/public.sock ] ||
				! timeout 1 perl "$WORLD_REPO/tests/support/frames.pl" /run/lockbox/public.sock frame:2 wait >/dev/null ||
				fail "somebody answers"
		done
		run_refused pamtester sshd alice acct_mgmt
		stop_traced
		pass "$call $how: does not serve"
	done
done
note "setgroups that does nothing, where there are groups to drop"
traced retval=0 setgroups
setgroups_seen() { grep -q 'setgroups(' /run/trace; }
wait_for setgroups_seen 15 || fail "not called"
stop_traced
strace -f -qq -o /run/trace -e trace=setgroups -e inject=setgroups:retval=0 \
	setpriv --groups 0,4,27 /usr/sbin/lockboxd -d >/run/traced 2>&1 &
tracer=$!
wait_for 'grep -qE "setpriv|setgroups" /run/trace' 5
stop_traced
# setpriv's own call is tampered with as well there, so the groups come from a shell that has them.
mark_log
setpriv --groups 0,4,27 strace -f -qq -o /run/trace -e trace=setgroups -e inject=setgroups:retval=0 \
	/usr/sbin/lockboxd -d >/run/traced 2>&1 &
tracer=$!
wait_log 'privileges were not dropped' 15
! daemon_answers || fail "it serves with groups that were not dropped"
stop_traced
pass "setgroups retval=0: does not serve"

step "Nor without no-new-privileges, chroot, filter or undumpability"
for pair in "prctl:error=EPERM:cannot" "chroot:error=EPERM:cannot change root" "chroot:retval=0:privileges can be taken back|cannot" \
	"seccomp:error=EACCES:system call filter"; do
	call=${pair%%:*} rest=${pair#*:}
	traced "${rest%%:*}" "$call"
	wait_log "${rest#*:}" 15
	! daemon_answers || fail "it serves although $call does ${rest%%:*}"
	stop_traced
	pass "$call ${rest%%:*}: does not serve"
done

step "The users it becomes must be there, and be their own"
does_not_start() {
	mark_log
	quietly timeout 10 /usr/sbin/lockboxd -d
	[ "$STATUS" -ne 0 ] && [ "$STATUS" -ne 124 ] || fail "it starts: $1"
	wait_log 'system user lockbox-[a-z]* is missing .*or shares its id'
	pass "does not start: $1"
}
cp -a /etc/passwd /run/passwd
sed -i '/^lockbox-front:/d' /etc/passwd
does_not_start "a user is missing"
cp -a /run/passwd /etc/passwd
sed -i -E "s/^(lockbox-front:[^:]*):[0-9]+:/\\1:$(id -u lockbox-keeper):/" /etc/passwd
does_not_start "two of them share a uid"
cp -a /run/passwd /etc/passwd
sed -i -E 's/^(lockbox-courier:[^:]*):[0-9]+:/\1:0:/' /etc/passwd
does_not_start "one of them is root"
cp -a /run/passwd /etc/passwd
run_refused as mallory /usr/sbin/lockboxd -d
start_daemon
run_ok lockbox roles
passed
