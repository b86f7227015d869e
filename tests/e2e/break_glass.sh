#!/bin/bash
# Break-glass through ssh: at once for who is named, an alarm to the others, a review by somebody else;
# with a customer only by consent that was signed in advance.
. "$WORLD_REPO/tests/support/lib.sh"
grep -q '^identity eve' /etc/lockbox/policy.d/demo.conf && fail "the demo policy has an eve"
ssh-keygen -q -t ed25519 -N '' -f "$(key_of eve)"
cat >>/etc/lockbox/policy.d/demo.conf <<END
identity eve { keys = {"$(cat "$(key_of eve).pub")"} }
customer acme { approvers = {"eve"} }
role glass {
	requesters = {"engineers"}
	approvers = {"leads"}
	groups = {"adm"}
	max-duration = "1h"
	break-glass = {"alice"}
	break-glass-for = "10m"
	alarms = {"leads"}
	reviewers = {"auditors"}
	review-within = "2s"
}
role glass-acme {
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "1h"
	customer = "acme"
	break-glass = {"alice"}
	alarms = {"leads"}
	reviewers = {"auditors"}
	review-block = 0
}
END
run_ok lockbox check
start_daemon
start_sshd

step "Who is named has it at once, and the alarm is out"
run_ok gate alice roles
says 'Break-glass +yours, for 10m'
mark_log
run_status 2 gate alice request glass --break-glass
run_ok gate alice request glass --break-glass --reason database is down
says 'is approved, by break-glass; the alarm is out'
says 'Approvals +none: break-glass'
GRANT=$(grep -oE 'R-[0-9]+' <<<"$OUT" | head -n 1)
wait_log "keeper: event=break-glass .*grant=$GRANT identity=alice .*ALARM: approved at once"
run_ok gate bob pending
says "$GRANT +alice +glass +approved +ALARM: look"
run_ok gate bob status
says 'BREAK-GLASS, not reviewed yet'
run_ok gate bob acknowledge "$GRANT"
run_ok gate bob pending
says_not "$GRANT"
run_refused gate mallory request glass --break-glass --reason "me too"
says 'not among those who may have glass by break-glass'
run_refused gate alice request glass --break-glass --for 11m --reason "longer"
says 'for at most 10m'

step "It is one account, with its sessions and its end"
run_ok gate alice claim "$GRANT" --json
ACCOUNT=$(field account) PASSWORD=$(field password)
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" id
says 'adm'
run_refused gate carol review "$GRANT" --justified --comment "too early"
says 'not over yet'
run_ok gate alice extend "$GRANT" --for 5m --reason "not done yet"
says 'waits to extend'
run_ok gate bob approve "$(grep -oE 'R-[0-9]+ waits' <<<"$OUT" | cut -d' ' -f1)"
run_ok gate alice end "$GRANT"
wait_for "lockbox show $GRANT | grep -q '  ended'" 10 || fail "it has not ended"

step "The review: overdue, in the way of more, and closed by somebody else"
wait_for "lockbox metrics | grep -q 'reviews_overdue 1'" 10 || fail "nothing is overdue"
run_ok gate carol pending
says "$GRANT +alice +glass +ended +REVIEW OVERDUE"
run_refused gate alice request glass --break-glass --reason "down again"
says 'overdue'
run_refused gate alice review "$GRANT" --justified --comment "I was right"
says 'your own'
run_refused gate bob review "$GRANT" --justified --comment "he was right"
run_status 2 gate carol review "$GRANT" --comment "no verdict"
run_ok gate carol review "$GRANT" --justified --comment "restarted it, as the record says"
run_ok gate alice show "$GRANT"
says 'Review +justified, by carol'
says 'Comment +restarted it'
run_ok lockbox metrics --json
{ [ "$(field reviews_open)" = 0 ] && [ "$(field break_glass)" = 0 ]; } || fail "metrics: $OUT"
run_refused gate alice metrics
run_ok gate alice request glass --break-glass --reason "down again" --json
[ "$(field state)" = approved ] || fail "no more break-glass after the review: $OUT"
run_ok gate alice cancel "$(field id)"

# customer OPTIONS...: eve asks for the statement, signs it, and it is done.
customer() {
	gate eve customer acme "$@" --statement >/run/statement 2>/run/err || fail "statement: $(cat /run/err)"
	ssh-keygen -q -Y sign -n lockbox-customer -f "$(key_of eve)" </run/statement >/run/signature 2>/dev/null
	OUT=$(ssh -o BatchMode=yes -o IdentitiesOnly=yes -i "$(key_of eve)" "lockbox@$HOST" customer acme "$@" \
		--signature - --json </run/signature 2>&1) || fail "not signed: $OUT"
	checks=$((checks + 1))
}

step "A customer: refused without consent, then told, and able to stop it"
customer --on
run_refused gate alice request glass-acme --break-glass --ticket T-1 --reason "customer is down"
says 'customer acme has the last word on glass-acme'
customer --break-glass
run_ok gate eve customer acme
says 'Break-glass +consented to'
run_ok gate alice request glass-acme --break-glass --ticket T-1 --reason "customer is down" --json
GRANT=$(field id)
[ "$(field state)" = approved ] || fail "not approved: $OUT"
run_ok gate eve status
says "$GRANT"
run_ok gate eve audit --grant "$GRANT"
says 'break-glass'
run_ok gate eve revoke "$GRANT" --reason "not on our data"
run_ok gate alice request glass-acme --break-glass --ticket T-2 --reason "still down" --json
GRANT=$(field id)
customer --no-break-glass
run_ok gate alice show "$GRANT" --json
[ "$(field state)" = cancelled ] || fail "what was not claimed outlived the consent: $OUT"
run_refused gate alice request glass-acme --break-glass --ticket T-3 --reason "still down"
says 'consented to break-glass'
passed
