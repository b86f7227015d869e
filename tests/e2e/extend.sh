#!/bin/bash
# More time for a grant that is active, through ssh: asked for and approved like a request; the
# account, its open session, its process and its sudo go on past the old end, and end at the new one.
# Denied or lapsed, nothing has changed.
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

refused_as() {
	local code=$1
	shift
	run_status 1 "$@" --json
	[ "$(field code)" = "$code" ] || fail "refused as $(field code), not $code"
}
end_of() { quietly gate alice show "$1" --json && date -d "$(field end)" +%s; }
past() { wait_for "[ \$(date +%s) -ge $(($1 + 1)) ]" 60; }

step "Alice works; it takes longer"
granted alice db-operator 14s bob
id=$GRANT account=$ACCOUNT
uid=$(getent passwd "$account" | cut -d: -f3)
session_open 1 alice "$PASSWORD" "$account@$HOST" || fail "alice cannot log in"
session_run 1 'sleep 300 & echo pid=$!'
pid=$(grep -oE 'pid=[0-9]+' <<<"$OUT" | cut -d= -f2)
end=$(end_of "$id")
run_ok gate alice extend "$id" --for 12s --reason not yet finished
more=$(grep -oE 'R-[0-9]+ waits' <<<"$OUT" | cut -d' ' -f1)
says "waits to extend $id"
says "Extends +$id"
[ "$(end_of "$id")" = "$end" ] || fail "it is longer without an approval"
run_ok gate alice extend "$id" --for 12s --reason not yet finished --json
[ "$(field id)" = "$more" ] || fail "the same extension was asked for twice"
run_ok gate bob pending
says "$more .*12s "
says "extends $id: not yet finished"
refused_as own-request gate alice approve "$more"
refused_as no-permission gate carol approve "$more"
refused_as no-such gate mallory approve "$more"
mark_log
run_ok gate bob approve "$more"
says "$id is extended"
wait_log "event=extend .*grant=$id .*by 12s, until"
run_ok gate alice status "$more" --wait
says "$more is granted: $id lasts until"
run_ok gate alice status
says "$more +granted"
[ "$(end_of "$id")" = $((end + 12)) ] || fail "it ends at $(end_of "$id"), not $((end + 12))"

step "Past the old end: the same account, session, process and rights"
past "$end"
session_run 1 'id -u; sudo /usr/bin/id -u; echo still here'
says "^$uid$"
says '^0$'
says 'still here'
dead "$pid" && fail "its process is gone"
[ "$(getent passwd "$account" | cut -d: -f3)" = "$uid" ] || fail "$account does not resolve as before"
run_ok gate alice show "$id" --json
[ "$(field state)" = active ] && [ "$(field sessions)" = 1 ] || fail "$OUT"
session_says 1 'ends in [0-9]+s; save your work' 15

step "At the new end it ends, as ever"
session_says 1 'has ended: its time is up' 20
session_over 1
wait_for "dead $pid" 5 || fail "its process lives"
wait_for "! getent passwd $account" 5 || fail "$account still resolves"
[ "$(date +%s)" -ge $((end + 12)) ] || fail "it ended before its new end"
refused_as not-now gate alice extend "$id" --for 1m --reason late

step "Denied, and not answered: it ends when it always did"
granted alice db-operator 9s bob
end=$(end_of "$GRANT")
run_ok gate alice extend "$GRANT" --for 10m --reason more --json
more=$(field id)
[ "$(date -d "$(field until)" +%s)" = "$end" ] || fail "it does not lapse with $GRANT"
run_ok gate bob deny "$more" --reason "come tomorrow"
[ "$(end_of "$GRANT")" = "$end" ] || fail "denied, and it is longer"
run_ok gate alice extend "$GRANT" --for 10m --reason "please" --json
more=$(field id)
wait_for "! getent passwd $ACCOUNT" 15 || fail "it did not end on time"
refused_as not-now gate bob approve "$more"
wait_for "quietly gate alice show $GRANT --json; [ \"\$(field state)\" = ended ]" 5
[ "$(end_of "$GRANT")" -le $((end + 1)) ] || fail "it lasted until $(end_of "$GRANT")"

step "No more than the role allows, and of nobody else's"
granted alice db-operator 1h bob
refused_as over-limit gate alice extend "$GRANT" --for 4h --reason much
says 'at most 4h in all'
refused_as no-such gate mallory extend "$GRANT" --for 5m --reason other
refused_as no-permission gate bob extend "$GRANT" --for 5m --reason other
run_status 2 gate alice extend "$GRANT" --for 0m --reason none
run_status 2 gate alice extend "$GRANT" --for 1e9h --reason none
run_status 2 gate alice extend "$GRANT" --for 5m
run_ok gate alice extend "$GRANT" --for 3h --reason "to the end" --json
more=$(field id)
run_ok gate bob revoke "$GRANT" --reason "incident 42"
refused_as not-now gate bob approve "$more"
quietly gate alice show "$more"
says "$GRANT is over"
stop_daemon || fail "SIGTERM ends it with $?"
passed
