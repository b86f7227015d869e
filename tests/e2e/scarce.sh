#!/bin/bash
# What the daemon needs runs out: room in /run, descriptors, processes; a helper hangs in the
# kernel.  Nobody is let in by it, ends are kept, and all goes on when there is enough again.
. "$WORLD_REPO/tests/support/lib.sh"
mkdir -p /run/lockbox
mount -t tmpfs -o size=1m,mode=755 small /run/lockbox
start_daemon
start_sshd
uid_of() { getent passwd "$1" | cut -d: -f3; }
may_enter() { pamtester polkit-1 "$1" acct_mgmt >/dev/null 2>&1; }
# A process of an account, as a login would have it; pid is its.
run_as() {
	setpriv --reuid "$1" --regid "$1" --clear-groups sleep 3000 &
	pid=$!
	disown $pid
}
state_of() { quietly gate carol show "$1" --json && field state; }
ends() { wait_for "[ \"\$(state_of $1)\" = ended ]" "${2:-10}" || fail "$1 is $(state_of "$1")"; }
watch_names() {
	perl "$WORLD_REPO/tests/support/names.pl" "$1" "$2" /run/names &
	names=$!
	wait_for 'tail -n 1 /run/names | grep -q " 1 1$"' 5 || fail "the account does not resolve"
}
unwatch() {
	kill $names
	wait $names 2>/dev/null
}

step "/run is full: no account resolves, nobody is let in by an old file; then it goes on by itself"
granted alice db-operator 20m bob
alice=$ACCOUNT alice_id=$GRANT
granted mallory db-operator 20m bob
mallory=$ACCOUNT mallory_id=$GRANT
run_as "$(uid_of "$mallory")"
mallory_pid=$pid
watch_names "$alice" "$(uid_of "$alice")"
# And stays so: the file that is withdrawn leaves room for the next, which this one is to take first.
perl -e 'open F, ">>", "/run/lockbox/full" or die; for (;;) { syswrite F, "x" x 4096 }' &
filler=$!
wait_for '! cp /etc/services /run/lockbox/probe' 5 || fail "it does not fill up"
rm -f /run/lockbox/probe
mark_log
for try in 1 2 3 4 5; do
	quietly gate dave request log-reader --for 5m --json --reason "test $try"
	dave_id=$(field id)
	quietly gate bob approve "$dave_id"
	run_refused gate dave claim "$dave_id"
	says 'could not be made'
	wait_log 'cannot publish the accounts'
	! wait_for '[ -e /run/lockbox/accounts ]' 0.3 || continue
	break
done
[ ! -e /run/lockbox/accounts ] || fail "the old file still is in place"
wait_for 'tail -n 1 /run/names | grep -q " 0 0$"' 2 || fail "a process that had the old file goes on with it: $(tail -n 2 /run/names)"
run_status 2 getent passwd "$alice"
run_refused person_ssh alice "$alice@$HOST" true
pass "withdrawn, also in processes that had it open"
note "an end meanwhile"
run_ok gate mallory end "$mallory_id" --json
wait_for "dead $mallory_pid" 3 || fail "an ended grant's process lives while /run is full"
ends "$mallory_id"
! may_enter "$mallory" || fail "it may log in"
kill $filler
wait $filler 2>/dev/null
rm /run/lockbox/full
wait_for 'tail -n 1 /run/names | grep -q " 1 1$"' 4 || fail "with room again it does not resolve: $(log_since_mark)"
unwatch
may_enter "$alice" || fail "it is refused with room again"
run_status 2 getent passwd "$mallory"
ends "$dave_id"
quietly gate dave request log-reader --for 5m --json --reason again
dave_id=$(field id)
quietly gate bob approve "$dave_id"
run_ok gate dave claim "$dave_id" --json
pass "with room again it is published within a second or two, without what has ended"

# Nothing more can be opened: what is open stays.
hold_files() { prlimit --pid "$1" --nofile=3: || fail "its limit cannot be set"; }
free_files() { prlimit --pid "$1" --nofile="$(awk '/^Max open files/ { print $5 }' "/proc/$1/limits"):"; }

step "Out of descriptors, the warden: grants wait or are refused, ends are kept"
granted mallory db-operator 20m bob
mallory=$ACCOUNT mallory_id=$GRANT
run_as "$(uid_of "$mallory")"
hold_files "$DAEMON_PID"
run_ok gate bob revoke "$mallory_id" --reason test --json
! may_enter "$mallory" || fail "out of descriptors, and a revoked grant is let in"
quietly gate dave request log-reader --for 4m --json --reason test
scarce=$(field id)
quietly gate bob approve "$scarce"
quietly timeout 4 ssh -o BatchMode=yes -o IdentitiesOnly=yes -i /root/keys/dave lockbox@$HOST claim "$scarce"
[ "$STATUS" -ne 0 ] || fail "an account is made without descriptors: $OUT"
free_files "$DAEMON_PID"
wait_for "dead $pid" 5 || fail "with descriptors again its process lives"
ends "$mallory_id"
wait_for "getent passwd $alice" 4 || fail "the others do not resolve"
may_enter "$alice" || fail "the others are refused"
pass "ended when it could be, and nobody came in meanwhile"

step "Out of descriptors, the keeper: refused, and then again as before"
stop_daemon || fail "SIGTERM"
# Without the capability the limit cannot be raised again.
(
	ulimit -n 96
	exec setpriv --bounding-set -sys_resource /usr/sbin/lockboxd -d
) >>/var/log/lockboxd.log 2>&1 &
DAEMON_PID=$!
wait_for daemon_answers 10 || fail "it does not start with 96 descriptors"
may_enter "$alice" || fail "refused with descriptors enough"
mark_log
# No one user may have so many connections.
perl -e 'use IO::Socket::UNIX; for (0 .. 199) { $> = 20000 + $_ / 20; push @c, IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "/run/lockbox/public.sock"); $> = 0 } sleep 60' &
holder=$!
# Which of the two runs out first is a matter of chance; front then ends, and a new one begins.
wait_log 'no connection can be taken for now: Too many open files|cannot be looked at|front misbehaved|front exited' 5
for _ in 1 2 3; do
	! may_enter "$mallory" || fail "let in"
done
! may_enter "$alice" || note "one that is allowed was still let in"
kill $holder
wait $holder 2>/dev/null
wait_for "may_enter $alice" 10 || fail "it does not go on"
wait_for "gate alice status --json" 5 || fail "no answers"
stop_daemon || fail "SIGTERM"
start_daemon
run_as "$(uid_of "$alice")"
pass "logins go on"

step "No process can be made: a reload leaves the old policy, ends are kept"
strace -q -p "$DAEMON_PID" -e trace=clone,clone3,fork,vfork -e inject=clone,clone3,fork,vfork:error=EAGAIN -o /run/strace 2>/run/strace.err &
strace=$!
wait_for "grep -q '^TracerPid:.[1-9]' /proc/$DAEMON_PID/status" 5 || fail "no tracer: $(cat /run/strace.err)"
mark_log
reload_daemon
wait_for 'grep -q INJECTED /run/strace' 5 || fail "nothing was to be forked"
granted_before=$(gate alice roles | grep -c db-operator)
[ "$granted_before" -ge 1 ] || fail "the old policy is not in force"
run_ok gate bob revoke "$alice_id" --reason test --json
! may_enter "$alice" || fail "a revoked grant is let in"
wait_for "! getent passwd $alice" 3 || fail "it resolves"
kill -KILL "$(child_of_daemon keeper)"
wait_for '[ -z "$(child_of_daemon keeper)" ]' 3
! may_enter "$alice" || fail "let in without a keeper"
! grep -q 'policy in force' < <(log_since_mark) || fail "a policy that was not checked is in force"
kill $strace
wait $strace 2>/dev/null
wait_log 'policy in force' 10
wait_for "dead $pid" 5 || fail "with processes again the revoked grant's lives"
wait_for daemon_answers 10 || fail "no keeper again"
ends "$alice_id"
pass "the reload was finished, the keeper started, the grant ended when there were processes again"

step "A helper hangs in the kernel: nothing waits for it"
mknod /dev/fuse c 10 229 2>/dev/null || true
granted alice db-operator 20m bob
alice=$ACCOUNT alice_id=$GRANT
home=$(getent passwd "$alice" | cut -d: -f6)
"$BUILD/tests/stuck" "$home" >/run/stuck 2>&1 &
stuck=$!
wait_for 'grep -q mounted /run/stuck' 3 || fail "no file system that hangs: $(cat /run/stuck)"
run_as "$(uid_of "$alice")"
run_ok gate alice end "$alice_id" --json
wait_for "dead $pid" 3 || fail "its process lives"
wait_for "ps -o stat= --ppid $DAEMON_PID | grep -qv L" 5 || fail "no helper hangs: $(ps -o pid,stat,args --ppid "$DAEMON_PID")"
! getent passwd "$alice" >/dev/null || fail "it resolves"
! may_enter "$alice" || fail "it may log in"
granted mallory db-operator 20m bob
run_as "$(uid_of "$ACCOUNT")"
run_ok gate mallory end "$GRANT" --json
wait_for "dead $pid" 3 || fail "another grant's process lives"
ends "$GRANT"
reload_daemon
wait_log 'policy in force' 5
pass "others are made and ended, and the policy is read, while one helper hangs"
kill $stuck
wait $stuck 2>/dev/null
ends "$alice_id"
quietly gate carol audit --grant "$alice_id"
says evicted
pass "let go, it is done with as well"
umount -l "$home" 2>/dev/null
stop_daemon || fail "SIGTERM"
passed
