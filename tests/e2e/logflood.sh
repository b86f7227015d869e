#!/bin/bash
# Floods of log lines: by a child that was taken over, and by refused logins and requests.  They
# neither fill the disk nor hide the lines that matter, and what was held back is told.  A syslog
# that is stopped for a while holds nobody up and loses nothing.
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

flood() { "$BUILD/tests/logflood" "$@"; }
lines() { log_since_mark | grep -cE "$1"; }

step "A flood by front: a hundred lines, then one a second"
granted alice db-operator 10m bob
mark_log
front=$(child_of_daemon front)
flood "$front" 1 '<0>the host is on fire'
wait_log 'front: the host is on fire' 3
mark_log
flood "$front" 100000 '<4>noise' &
flooder=$!
granted mallory db-operator 10m bob
wait_log "event=claim .*grant=$GRANT identity=mallory" 5
run_ok gate bob revoke "$GRANT" --reason test --json
wait_log "event=evicted .*grant=$GRANT " 5
wait $flooder || fail "the flood broke off"
wait_log 'front: [0-9]+ lines held back' 15
noise=$(lines 'front: noise')
[ "$noise" -le 140 ] || fail "$noise lines of noise"
[ "$noise" -ge 50 ] || fail "only $noise lines: was it a flood?"
pass "of 100000 lines $noise are in the log; the events among them are all there"
[ "$(child_of_daemon front)" = "$front" ] || note "front was replaced meanwhile"

step "A flood in the keeper's name that is no event is held back as well; events never are"
mark_log
keeper=$(child_of_daemon keeper)
flood "$keeper" 1300 '<5>event=made-up seq=1'
wait_for '[ "$(lines "keeper: event=made-up")" -eq 1300 ]' 10 || fail "$(lines 'keeper: event=made-up') of 1300 events"
flood "$keeper" 20000 '<4>keeper noise'
wait_log 'keeper: [0-9]+ lines held back' 15
noise=$(lines 'keeper: keeper noise')
[ "$noise" -lt 3000 ] || fail "$noise of 20000 lines came through"
pass "1300 of 1300 events, $noise of 20000 others"

step "Refused logins and requests, one after the other: few lines, and the ends are there"
mark_log
for ((i = 0; i < 60; i++)); do
	pamtester sshd mallory acct_mgmt >/dev/null 2>&1
	as mallory lockbox show R-1 >/dev/null 2>&1
done
run_ok gate alice end R-1 --json
wait_log 'event=evicted .*grant=R-1 ' 5
refused=$(lines 'event=login-refused')
[ "$refused" -ge 1 ] && [ "$refused" -le 15 ] || fail "$refused records of one account's refused logins"
pass "$refused records for 60 refused logins"

step "No syslog for a while: logins and ends go on, and all lines come when there is one again"
mark_log
kill -KILL "$(pgrep -f "^perl .*/syslogd.pl")" || fail "there is no syslog to stop"
for ((i = 1; i <= 8; i++)); do
	quietly as alice lockbox request db-operator --for 10m --json --reason "without $i"
	[ "$STATUS" -eq 0 ] || fail "$OUT"
	quietly as alice lockbox cancel "$(field id)" --json
	[ "$STATUS" -eq 0 ] || fail "$OUT"
done
[ "$(lines 'event=request')" -eq 0 ] || fail "the syslog goes on"
perl "$WORLD_REPO/tests/support/syslogd.pl"
wait_for '[ "$(lines "event=request")" -eq 8 ] && [ "$(lines "event=cancel")" -eq 8 ]' 10 || fail "$(lines 'event=request') requests and $(lines 'event=cancel') cancels of 8"
log_since_mark | grep -oE ' seq=[0-9]+' | cut -d= -f2 | sort -nc || fail "not in order"
! grep -q 'could not be delivered' < <(log_since_mark) || fail "lines were lost"
pass "16 of 16 events came late, and in order"
stop_daemon || fail "SIGTERM"
passed
