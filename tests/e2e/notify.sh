#!/bin/bash
# What the service manager hears, and that a child which hangs is replaced.
#   sd_notify: READY only when logins can be decided, RELOADING, STATUS, WATCHDOG, STOPPING
#   watchdog:  SIGSTOP of keeper, front and courier: each is killed and another one takes its place;
#              of the warden: the manager hears nothing more, and would start it again
. "$WORLD_REPO/tests/support/lib.sh"
heard=/run/heard
count() { grep -c "$1" $heard || true; }
hears() { wait_for "[ \"\$(grep -cE '$1' $heard)\" -ge ${2:-1} ]" "${3:-5}" || fail "the manager does not hear $1: $(tail -n 5 $heard)"; }
manager() {
	rm -f $heard
	manager_pid=$(perl "$WORLD_REPO/tests/support/notifyd.pl" "$1" $heard)
	export NOTIFY_SOCKET=$1 WATCHDOG_USEC=1500000
}
# WATCHDOG_PID is the warden's own, as systemd sets it.
start_watched() {
	# shellcheck disable=SC2016 # for the other shell
	bash -c 'export WATCHDOG_PID=$$; exec /usr/sbin/lockboxd -d' >>/var/log/lockboxd.log 2>&1 &
	DAEMON_PID=$!
}

step "READY comes when logins can be decided, and not before"
manager /run/manager
start_watched
hears 'READY=1' 1 10
daemon_answers || fail "READY, and the daemon does not answer"
start_sshd
granted alice db-operator 10m bob
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session: $(cat /run/session.1)"
pass "a login works"
hears 'STATUS=1 accounts; policy in force'
for round in 1 2 3; do
	kill_daemon KILL
	wait "$DAEMON_PID" 2>/dev/null
	wait_for '! pgrep lockboxd' 5 || fail "children live on"
	# What an earlier warden published is not to be taken for an answer.
	rm -f /run/lockbox/accounts
	: >$heard
	start_watched
	wait_for "grep -q READY=1 $heard" 10 || fail "no READY"
	getent passwd "$ACCOUNT" >/dev/null || fail "READY $round, and the account does not resolve"
	pamtester polkit-1 "$ACCOUNT" acct_mgmt >/dev/null || fail "READY $round, and a login is refused"
done
pass "three starts: at READY the account resolves and its logins are decided"

step "Reload: RELOADING with the time, then READY; also when the new policy is refused"
: >$heard
reload_daemon
hears 'RELOADING=1; MONOTONIC_USEC=[0-9]+'
hears 'READY=1; STATUS=1 accounts; policy in force'
cp /etc/lockbox/policy.d/demo.conf /run/demo.conf
echo 'role broken {' >>/etc/lockbox/policy.d/demo.conf
: >$heard
reload_daemon
hears 'RELOADING=1'
hears 'READY=1; STATUS=1 accounts; the last policy was refused'
cp /run/demo.conf /etc/lockbox/policy.d/demo.conf
reload_daemon
hears 'READY=1; STATUS=1 accounts; policy in force'
pass "each reload begins and ends"

step "WATCHDOG while the warden goes on, and only then"
: >$heard
hears WATCHDOG=1 3
pass "it is heard: $(count WATCHDOG=1) times"
kill_daemon STOP
# What was on its way before.
wait_for '[[ $(ps -o stat= -p $DAEMON_PID) == T* ]]' 2 || fail "not stopped"
before=$(count WATCHDOG=1)
wait_for "[ \"\$(count WATCHDOG=1)\" != $before ]" 2 && fail "a warden that is stopped answers the watchdog"
kill_daemon CONT
hears WATCHDOG=1 $((before + 1))
pass "a warden that is stopped says nothing, so the manager would start it again"

step "Children that hang (SIGSTOP) are killed and replaced; grants and sessions stay"
mark_log
declare -A old
for child in keeper front courier; do
	old[$child]=$(child_of_daemon $child)
	kill -STOP "${old[$child]}"
done
hung=$(now_cs)
refused=0
pamtester polkit-1 "$ACCOUNT" acct_mgmt >/dev/null 2>&1 || refused=1
[ $refused = 1 ] || fail "a stopped keeper lets somebody in"
wait_log 'front hangs \(nothing heard of it for 10 s\): replacing it' 14
wait_log 'courier hangs' 4
wait_for "dead ${old[front]}" 2 || fail "the stopped front is still there"
# Front comes back although the keeper hangs; it serves nobody before the keeper does.
wait_log 'keeper hangs \(nothing heard of it for 15 s\): replacing it' 10
for child in keeper front courier; do
	wait_for "dead ${old[$child]}" 2 || fail "the stopped $child is still there"
	wait_for "[ -n \"\$(child_of_daemon $child)\" ]" 5 || fail "no new $child"
done
wait_for "gate alice show $GRANT --json >/run/show" 10 || fail "no answer after that"
[ "$(field state "$(cat /run/show)")" = active ] && [ "$(field sessions "$(cat /run/show)")" = 1 ] || fail "it is not as it was: $(cat /run/show)"
run_ok pamtester polkit-1 "$ACCOUNT" acct_mgmt
session_run 1 'echo still here'
[[ $OUT == *"still here"* ]] || fail "the session has ended"
hears 'STATUS=the keeper is being started again'
hears 'STATUS=1 accounts; policy in force'
took=$(($(now_cs) - hung))
pass "all three were replaced, $((took / 100)) s after they had stopped"

if [ -n "${LB_LONG-}" ]; then
	step "Nobody is replaced because the warden itself stood still (LB_LONG=1)"
	mark_log
	# shellcheck disable=SC2046 # pids
	kill -STOP "$DAEMON_PID" $(pgrep -P "$DAEMON_PID")
	wait_for false 12
	# shellcheck disable=SC2046 # pids
	kill -CONT $(pgrep -P "$DAEMON_PID") "$DAEMON_PID"
	before=$(count WATCHDOG=1)
	hears WATCHDOG=1 $((before + 4)) 8
	! grep -q hangs < <(log_since_mark) || fail "$(log_since_mark | grep hangs)"
	pass "nobody was"
fi

step "STOPPING at the end; an abstract socket; a socket that is not there"
stop_daemon || fail "SIGTERM ends it with $?"
hears 'STOPPING=1'
kill "$manager_pid"
manager @lockbox-manager
start_watched
hears 'READY=1' 1 10
pass "an abstract name is heard as well"
stop_daemon || fail "SIGTERM"
kill "$manager_pid"
export NOTIFY_SOCKET=/run/nobody
start_watched
wait_for daemon_answers 10 || fail "without a listener it does not start"
stop_daemon || fail "SIGTERM"
passed
