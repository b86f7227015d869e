#!/bin/bash
# When a grant may begin and when its time is counted from, through ssh: the lifetimes of a role, its
# approval, claim or first login as the beginning, a start in the future, the most of a day, and
# durations that are none.
. "$WORLD_REPO/tests/support/lib.sh"
cat >>/etc/lockbox/policy.d/demo.conf <<'END'
role from-approval {
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "1h"
	starts = "approval"
}
role from-login {
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "1h"
	starts = "first-login"
	claim-window = "10m"
	groups = {"adm"}
	sessions = 2
}
role quick {
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "30m"
	request-lifetime = "30m"
	claim-window = "10s"
	max-per-day = "45m"
	start-ahead = "2h"
}
END
run_ok lockbox check
start_daemon
start_sshd

refused_as() {
	local code=$1
	shift
	run_status 1 "$@" --json
	[ "$(field code)" = "$code" ] || fail "refused as $(field code), not $code"
}
# Seconds from now to a time in the answer.
left() { echo $(($(date -d "$(field "$1")" +%s) - $(date +%s))); }
about() { [ "$1" -gt $(($2 - 30)) ] && [ "$1" -le $(($2 + 1)) ] || fail "$1 s, not about $2"; }

step "Time that counts from the approval goes by before the claim"
run_ok gate alice roles
says 'Counted +from the approval on'
run_ok gate alice request from-approval --for 6s --reason "a short one" --json
GRANT=$(field id)
run_ok gate bob approve "$GRANT" --json
end=$(field end)
[ "$(field begun)" != null ] && [ "$end" != null ] || fail "it has not begun: $OUT"
wait_for "[ \$(date +%s) -ge $(date -d "$end" +%s) ]" 10
refused_as not-now gate alice claim "$GRANT"
run_ok gate alice request from-approval --for 20m --reason "a longer one" --json
GRANT=$(field id)
run_ok gate bob approve "$GRANT" --json
end=$(field end)
run_ok gate alice claim "$GRANT" --json
[ "$(field end)" = "$end" ] || fail "the claim moved the end from $end to $(field end)"
run_ok gate alice end "$GRANT"

step "Time that counts from the first login begins with it, and only once"
run_ok gate alice request from-login --for 8s --reason "a look" --json
GRANT=$(field id)
run_ok gate bob approve "$GRANT"
run_ok gate alice claim "$GRANT" --json
about "$(left end)" 600
ACCOUNT=$(field account) PASSWORD=$(field password)
run_ok gate alice show "$GRANT"
says 'For +8s, from the first login on'
says 'Log in by'
mark_log
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
wait_log "event=begin .*grant=\"?$GRANT"
quietly gate alice show "$GRANT" --json
about "$(left end)" 8
end=$(field end)
session_run 1 id
says '\(adm\)'
run_ok gate alice claim "$GRANT" --json
session_open 2 alice "$(field password)" "$ACCOUNT@$HOST" || fail "alice cannot log in again"
quietly gate alice show "$GRANT" --json
[ "$(field end)" = "$end" ] || fail "the second login moved the end"
session_says 1 'has ended: its time is up' 15
session_over 1
session_over 2
wait_for "! getent passwd $ACCOUNT" 5 || fail "$ACCOUNT still resolves"

step "A start in the future: approved before, claimable from then on"
at=$(date -u -d '+6 seconds' +%Y-%m-%dT%H:%M:%SZ)
run_ok gate mallory request quick --for 5m --start-at "$at" --reason "the window" --json
GRANT=$(field id)
[ "$(field start_at)" = "$at" ] || fail "$OUT"
run_ok gate mallory request quick --for 5m --start-at "$at" --reason "the window" --json
[ "$(field id)" = "$GRANT" ] || fail "the same request was made twice"
run_ok gate bob approve "$GRANT"
says 'Not before'
refused_as not-now gate mallory claim "$GRANT"
says "can be claimed from $at"
wait_for "[ \$(date +%s) -ge $(date -d "$at" +%s) ]" 10
run_ok gate mallory claim "$GRANT"
run_ok gate mallory end "$GRANT"
run_ok gate mallory request quick --for 1m --start-at "$(date -d '+90 minutes' +%H:%M)" --reason "by the clock" --json
[ "$(left start_at)" -gt 5300 ] && [ "$(left start_at)" -le 5400 ] || fail "$OUT"
refused_as over-limit gate mallory request quick --for 1m --start-at "$(date -u -d '+3 hours' +%Y-%m-%dT%H:%MZ)" --reason late
says 'at most 2h after'
refused_as bad-input gate mallory request quick --for 1m --start-at 2020-01-01T00:00:00Z --reason late
says 'is over'
for bad in 25:00 tomorrow 2026-02-30T08:00:00Z 2026-11-23 0; do
	run_status 2 gate mallory request quick --for 1m --start-at "$bad" --reason late
	says 'is no time'
done

step "The role's own lifetimes"
run_ok gate alice request quick --for 5m --reason "lifetimes" --json
about "$(left until)" 1800
GRANT=$(field id)
run_ok gate bob approve "$GRANT" --json
about "$(left until)" 10
wait_for "[ \$(date +%s) -ge $(date -d "$(field until)" +%s) ]" 15
refused_as not-now gate alice claim "$GRANT"

step "No more than the role's maximum, and no more than that of a day"
refused_as over-limit gate alice request quick --for 31m --reason much
says 'at most 30m'
run_ok gate alice request quick --for 30m --reason "most of the day"
refused_as over-limit gate alice request quick --for 16m --reason "and more"
says 'at most 45m within 24 hours, and you may use 30m of that already: 15m is left'
run_ok gate alice request quick --for 15m --reason "and the rest"
refused_as over-limit gate alice request quick --for 1s --reason "and a second"

step "Durations that are none"
for bad in 0 0s -5m 1e9h 1.5h 99999999999h 4 h; do
	run_status 2 gate mallory request quick --for "$bad" --reason none
	says 'is no duration: write 30m'
done
stop_daemon || fail "SIGTERM ends it with $?"
passed
