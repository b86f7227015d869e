#!/bin/bash
# The daemon dead, stopped, restarted, its children killed, its policy broken: nobody gets in by it,
# nobody stays in by it, and nothing else on the host waits.
#   ATTACKS 7   a lost peer means no: SIGKILL and SIGSTOP of the daemon
#   ATTACKS 18  a name whose time is up does not resolve although the daemon is dead
#   ATTACKS 32  a role that asks for a group as good as root
#   ATTACKS 28  root's way in without the daemon; a broken policy leaves the old one in force
. "$WORLD_REPO/tests/support/lib.sh"
echo 'exempt login root' >>/etc/lockbox/pam.conf
start_daemon
start_sshd

watch_names() {
	perl "$WORLD_REPO/tests/support/names.pl" "$ACCOUNT" "$uid" /run/names &
	names=$!
	wait_for 'grep -q " 1 1$" /run/names' 5 || fail "the account does not resolve"
}
# lookups_were_fast: ends the watch
lookups_were_fast() {
	kill $names
	wait $names 2>/dev/null
	local slowest
	slowest=$(sed -n 's/.*slowest_ms //p' /run/names)
	awk -v s="$slowest" 'BEGIN { exit !(s < 100) }' || fail "a lookup took $slowest ms"
	pass "lookups were unaffected: $(tail -n 1 /run/names)"
}
uid_of() { getent passwd "$1" | cut -d: -f3; }
# took COMMAND...: TOOK is in hundredths of a second
took() {
	local start
	start=$(now_cs)
	quietly "$@"
	TOOK=$(($(now_cs) - start))
}
refused_in_time() {
	local what=$1
	mark_log
	took pamtester sshd alice acct_mgmt
	[ "$STATUS" -ne 0 ] || fail "$what: let in"
	[ $TOOK -lt 200 ] || fail "$what: the module took $TOOK hundredths of a second"
	wait_log 'pam_lockbox\(sshd:account\): refused, no verdict from lockboxd: user=alice' 1
	took person_ssh alice "alice@$HOST" true
	[ "$STATUS" -ne 0 ] || fail "$what: let in"
	[ $TOOK -lt 300 ] || fail "$what: the login took $TOOK hundredths of a second"
	says 'access daemon does not answer'
	took as alice sudo /usr/bin/true
	[ "$STATUS" -ne 0 ] && [ $TOOK -lt 250 ] || fail "$what: sudo: $STATUS after $TOOK hundredths of a second"
	took temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true
	[ "$STATUS" -ne 0 ] || fail "$what: a temporary account is let in"
	[ $TOOK -lt 400 ] || fail "$what: that login took $TOOK hundredths of a second"
	took pamtester polkit-1 "$ACCOUNT" acct_mgmt
	[ "$STATUS" -ne 0 ] && [ $TOOK -lt 200 ] || fail "$what: polkit: $STATUS after $TOOK hundredths of a second"
	run_status 3 lockbox status
	pass "$what: refused within 2 s, with a line in the syslog"
	took pamtester login root acct_mgmt
	[ "$STATUS" -eq 0 ] && [ $TOOK -lt 150 ] || fail "$what: root's way in at the console: $STATUS after $TOOK"
	wait_log 'ALARM: let in without a grant' 1
	pass "$what: the console that root has exempted is open, with an alarm"
}
# Its four processes, or some of them.
all_of_it() { echo "$DAEMON_PID" "$(pgrep -P "$DAEMON_PID" | paste -sd' ')"; }
ended() {
	wait_for "gate carol audit --grant $1 | grep -q evicted" 10 || fail "$1 has no receipt: $(gate carol audit --grant "$1")"
}
now_past() { [ "$(date +%s.%N | tr -d .)" -ge "$(($1 + 0))000000000" ]; }

step "First: with the daemon there, the same logins work"
granted alice db-operator 10m bob
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true
run_ok pamtester polkit-1 "$ACCOUNT" acct_mgmt
no_session "$GRANT"
run_ok gate alice claim "$GRANT" --json
PASSWORD=$(field password)
uid=$(uid_of "$ACCOUNT")

step "Stopped (SIGSTOP): no answer is a no"
watch_names
stopped=$(all_of_it)
# shellcheck disable=SC2086 # pids
kill -STOP $stopped
refused_in_time "stopped"
lookups_were_fast
# shellcheck disable=SC2086 # pids
kill -CONT $stopped
wait_for 'gate alice status --json' 10 || fail "does not go on: $(gate alice status)"
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true

step "Only the keeper stopped, only the front stopped"
kill -STOP "$(child_of_daemon keeper)"
took pamtester sshd alice acct_mgmt
[ "$STATUS" -ne 0 ] && [ $TOOK -lt 200 ] || fail "let in, or after $TOOK"
kill -CONT "$(child_of_daemon keeper)"
front=$(child_of_daemon front)
kill -STOP "$front"
wait_for "gate alice claim $GRANT --json" 1 && fail "the front answers although it is stopped"
run_ok pamtester polkit-1 "$ACCOUNT" acct_mgmt
pass "logins do not need the front"
kill -CONT "$front"
wait_for "gate alice claim $GRANT --json >/run/claim" 10 || fail "the front does not go on"
PASSWORD=$(field password "$(cat /run/claim)")

step "Each child killed: it comes back, sessions and grants are as they were"
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session: $(cat /run/session.1)"
for child in courier front keeper; do
	mark_log
	pid=$(child_of_daemon $child)
	kill -KILL "$pid"
	wait_log "$child was ended by signal 9: starting it again"
	wait_for "p=\$(child_of_daemon $child); [ -n \"\$p\" ] && [ \"\$p\" != $pid ]" 5 || fail "$child does not come back"
	wait_for "gate alice show $GRANT --json >/run/show" 5 || fail "no answer after $child: $(cat /run/show)"
	[ "$(field sessions "$(cat /run/show)")" = 1 ] || fail "sessions after $child: $(cat /run/show)"
	run_ok getent passwd "$ACCOUNT"
	run_ok pamtester polkit-1 "$ACCOUNT" acct_mgmt
	session_run 1 'echo still here'
	[[ $OUT == *"still here"* ]] || fail "the session has ended with $child"
	pass "$child was killed and is back"
done

step "A grant ends while the keeper is being killed all the time"
granted mallory log-reader 8s bob
mallory=$GRANT mallory_end=$(date -d "$(field end)" +%s) mallory_account=$ACCOUNT
session_open 2 mallory "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session"
session_run 2 'setsid -f sleep 2001'
mallory_uid=$(uid_of "$ACCOUNT")
wait_for "pgrep -f '^sleep 2001\$'" 5 || fail "nothing runs"
wait_for "now_past $((mallory_end - 1))" 10
(
	while :; do
		pid=$(child_of_daemon keeper)
		[ -z "$pid" ] || kill -KILL "$pid"
		sleep 0.02
	done
) 2>/dev/null &
killer=$!
wait_for "now_past $mallory_end" 10
wait_for "[ -z \"\$(owned $mallory_uid)\" ]" 1.5 || fail "still there without a keeper: $(owned "$mallory_uid")"
late=$(awk -v a="$(date +%s.%N)" -v b="$mallory_end" 'BEGIN { printf "%.2f", a - b }')
run_status 2 getent passwd "$mallory_account"
session_over 2 2
kill $killer
wait $killer 2>/dev/null
pass "the warden alone has ended it, $late s after the end"
wait_for "gate alice status --json" 15 || fail "the keeper does not come back"
ended "$mallory"
session_run 1 'echo still here'
[[ $OUT == *"still here"* ]] || fail "the other session has ended as well"

step "Killed (SIGKILL), the whole of it"
granted mallory log-reader 12s bob
mallory=$GRANT mallory_end=$(date -d "$(field end)" +%s)
session_open 2 mallory "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session"
session_run 2 'setsid -f sleep 2002'
uid=$(uid_of "$ACCOUNT")
watch_names
kill_daemon KILL
wait "$DAEMON_PID" 2>/dev/null
wait_for '! pgrep lockboxd' 5 || fail "children live on without the warden: $(pgrep -a lockboxd)"
refused_in_time "killed"
note "an account whose time is up no longer resolves, though nobody is there to take it away"
wait_for 'grep -q " 0 0$" /run/names' 15 || fail "it still resolves: $(cat /run/names)"
moment=$(sed -n 's/ 0 0$//p' /run/names | head -n 1)
off=$(awk -v a="$moment" -v b="$mallory_end" 'BEGIN { printf "%.3f", a - b }')
awk -v o="$off" 'BEGIN { exit !(o >= -0.005 && o < 0.06) }' || fail "it stopped resolving $off s after its end"
run_status 2 getent passwd "$ACCOUNT"
run_status 2 getent passwd "$uid"
! getent group lbr-log-reader | grep -q "$ACCOUNT" || fail "the group still names it"
pass "it stopped resolving $off s after its end"
lookups_were_fast
session_run 2 'echo here'
[[ $OUT == *here* ]] || fail "this test wants that session alive"

step "Started again: first what is overdue, then everything goes on"
uid1=$(uid_of lb-alice-1)
perl "$WORLD_REPO/tests/support/names.pl" lb-alice-1 "$uid1" /run/names &
names=$!
wait_for 'grep -q " 1 1$" /run/names' 5 || fail "the account of the other grant does not resolve"
start_daemon
wait_for "[ -z \"\$(owned $uid)\" ]" 2 || fail "what was overdue still runs: $(owned "$uid")"
session_over 2 2
ended "$mallory"
[ "$(wc -l </run/names)" = 1 ] || fail "lb-alice-1 did not resolve all the time: $(cat /run/names)"
lookups_were_fast
quietly gate alice show R-1 --json
[ "$(field state)" = active ] && [ "$(field sessions)" = 1 ] || fail "R-1 is not as it was: $OUT"
session_run 1 'sudo /usr/bin/id -u'
[ "$OUT" = 0 ] || fail "sudo in the old session: $OUT"
run_refused gate alice claim R-1
says 'a session of R-1 is open'
session_type 1 exit
session_over 1 5
wait_for 'gate alice claim R-1 --json >/run/claim' 5 || fail "the end of the old session is not seen: $(cat /run/claim)"
PASSWORD=$(field password "$(cat /run/claim)") ACCOUNT=$(field account "$(cat /run/claim)")
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true

step "Ended in good order (SIGTERM) and started again: grants, sessions, timers, spent passwords"
wait_for 'gate alice claim R-1 --json >/run/claim' 5
spent=$(field password "$(cat /run/claim)")
run_ok temp_ssh alice "$spent" "$ACCOUNT@$HOST" true
kept_account=$ACCOUNT
granted mallory log-reader 9s bob
mallory_end=$(date -d "$(field end)" +%s) mallory=$GRANT
session_open 2 mallory "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session"
uid=$(uid_of "$ACCOUNT")
quietly gate alice request log-reader --for 5m --json --reason "waits for approval"
pending=$(field id)
watch_names
stop_daemon || fail "SIGTERM ends it with $?"
quietly pgrep lockboxd
[ -z "$OUT" ] || fail "left: $OUT"
[ ! -S /run/lockbox/public.sock ] && [ ! -S /run/lockbox/pam.sock ] || fail "sockets are left"
run_ok getent passwd "$ACCOUNT"
session_run 2 'echo alive'
[[ $OUT == *alive* ]] || fail "stopping the daemon has ended a session"
start_daemon
quietly gate mallory show "$mallory" --json
[ "$(field sessions)" = 1 ] || fail "the session is not counted any more: $OUT"
run_refused temp_ssh alice "$spent" "$kept_account@$HOST" true
[ "$(wc -l </run/names)" = 1 ] || fail "the account did not resolve all the time: $(cat /run/names)"
lookups_were_fast
session_says 2 "Lockbox: your access under $mallory ends in" 10
session_says 2 "Lockbox: your access under $mallory has ended: its time is up" 10
late=$(awk -v a="$(date +%s.%N)" -v b="$mallory_end" 'BEGIN { printf "%.2f", a - b }')
awk -v l="$late" 'BEGIN { exit !(l > -0.1 && l < 1) }' || fail "told $late s after the end"
session_over 2 3
run_ok gate bob approve "$pending"
run_ok gate alice cancel "$pending"
run_ok gate carol audit
says ' stop '

step "A broken policy: the old one stays, and says so; root's check names file and line"
cp /etc/lockbox/policy.d/demo.conf /run/demo.conf
mark_log
echo 'role broken {' >>/etc/lockbox/policy.d/demo.conf
run_refused lockbox check
reload_daemon
wait_log 'policy refused: the old policy stays in force'
wait_log 'policy: /etc/lockbox/policy.d/demo.conf:[0-9]+:'
run_ok gate alice roles
says db-operator
for group in shadow disk sudo root docker; do
	getent group $group >/dev/null || groupadd $group
	mark_log
	sed "s/groups = {\"adm\"}/groups = {\"$group\"}/" /run/demo.conf >/etc/lockbox/policy.d/demo.conf
	reload_daemon
	wait_log 'policy refused: the old policy stays in force'
	grep -qE "policy: .*demo.conf:[0-9]+: group '$group' (is as good as root|has gid 0)" < <(log_since_mark) || fail "not because of the group $group"
	pass "ATTACKS 32: a role that asks for the group $group is refused"
done
mark_log
cp /run/demo.conf /etc/lockbox/policy.d/demo.conf
chmod 666 /etc/lockbox/policy.d/demo.conf
reload_daemon
wait_log 'policy refused: the old policy stays in force'
pass "so is a file that others can write"
mark_log
chmod 644 /etc/lockbox/policy.d/demo.conf
reload_daemon
wait_log 'policy in force: 5 identities'

step "A policy that takes a person or a role away ends what was granted by it"
granted mallory log-reader 10m bob
mallory=$GRANT
session_open 2 mallory "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session"
uid=$(uid_of "$ACCOUNT")
sed -i 's/team engineers.*/team engineers { members = {"alice"} }/; s/team everybody.*/team everybody { members = {"alice", "bob", "dave"} }/' /etc/lockbox/policy.d/demo.conf
reload_daemon
session_says 2 "has ended: the policy no longer allows it"
session_over 2 3
wait_for "[ -z \"\$(owned $uid)\" ]" 2 || fail "still there"
ended "$mallory"
quietly gate alice show R-1 --json
[ "$(field state)" = active ] || fail "alice's grant has ended as well: $OUT"
uid=$(uid_of "$kept_account")
[ -n "$uid" ] || fail "alice's account is gone"
perl -0pi -e 's/role db-operator \{.*?\n\}\n//s' /etc/lockbox/policy.d/demo.conf
! grep -q 'role db-operator' /etc/lockbox/policy.d/demo.conf || fail "the role still is in the file"
reload_daemon
wait_for "! getent passwd $kept_account" 5 || fail "the account of a role that is gone still resolves"
ended R-1
! grep -q db-operator /etc/sudoers.d/lockbox || fail "the role still is in sudoers"
quietly gate alice show R-1 --json
[ "$(field state)" = ended ] || fail "R-1: $OUT"
cp /run/demo.conf /etc/lockbox/policy.d/demo.conf
reload_daemon
wait_for 'gate alice roles | grep -q db-operator' 5 || fail "the role does not come back"
stop_daemon || fail "SIGTERM"
passed
