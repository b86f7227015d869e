#!/bin/bash
# A customer has the last word: by statements that its own approvers sign, and nobody else.
#   ATTACKS 8   statements replayed, of another customer, host or change, by somebody else, cut short
. "$WORLD_REPO/tests/support/lib.sh"
policy=/etc/lockbox/policy.d/demo.conf
for name in eve fay gus; do
	ssh-keygen -q -t ed25519 -N '' -C "$name@acme" -f "/root/keys/$name"
	echo "identity $name { keys = {\"$(cat "/root/keys/$name.pub")\"} }" >>$policy
done
cat >>$policy <<'END'
customer acme { approvers = {"eve"} }
customer other { approvers = {"gus"} }
role acme-db {
	description = "The customer's database"
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "1h"
	groups = {"adm"}
	customer = "acme"
}
END
echo 'ticket-url = "https://tickets.example.org/%s"' >>/etc/lockbox/lockbox.conf
run_ok lockbox check
start_daemon
start_sshd

ask() {
	quietly gate "$1" request acme-db --for 5m --ticket "${2-CS-7}" --json --reason "${3-a reason}"
	[ "$STATUS" -eq 0 ] || fail "request: $OUT"
	GRANT=$(field id)
}
refused_as() {
	local code=$1
	shift
	run_status 1 "$@" --json
	[ "$(field code)" = "$code" ] || fail "refused as $(field code), not $code"
}
is() {
	wait_for "quietly gate $1 show $2 --json; [ \"\$(field state)\" = $3 ]" 5 || fail "$2 is $(field state), not $3"
	checks=$((checks + 1))
}
# sign NAME [NAMESPACE]: of what comes, as NAME
sign() { ssh-keygen -q -Y sign -n "${2-lockbox-customer}" -f "/root/keys/$1" 2>/dev/null; }
# change BY CUSTOMER WORDS... <SIGNATURES: sends them
change() { person_ssh "$1" "lockbox@$HOST" customer "${@:2}" --signature -; }
# refuses TEXT WORDS... <SIGNATURES
refuses() {
	local due=$1 status=0
	shift
	OUT=$(change "$@" 2>&1) || status=$?
	[ $status -eq 1 ] || fail "status $status, not 1: $OUT"
	grep -q -- "$due" <<<"${OUT//$'\n'  / }" || fail "not said: $due; but: $OUT"
	pass "refused: $due"
}
statement() { gate "$1" customer "${@:2}" --statement; }
works() { change "$@" >/run/changed 2>&1 || fail "$(cat /run/changed)"; checks=$((checks + 1)); }

step "Nobody has signed: the provider's levels alone apply"
run_ok gate eve customer
says 'nobody has signed for it yet'
says_not 'other'
ask alice
run_ok gate bob approve "$GRANT" --json
[ "$(field state)" = approved ] || fail "$OUT"
run_ok gate alice cancel "$GRANT"
refused_as no-such gate mallory customer acme
refused_as no-such gate gus customer acme
refused_as no-such gate eve show "$GRANT"

step "The customer opts in, by eve's signature; nobody else's will do"
run_ok gate eve customer acme --on
says 'lockbox-customer 1'
says 'covers: role acme-db'
says 'approver: eve ssh-ed25519 SHA256:'
statement eve acme --on >/run/on
sign gus </run/on >/run/sig.gus
refuses 'made by nobody who decides' eve acme --on </run/sig.gus
sign eve lockbox-approval </run/on | refuses 'namespace' eve acme --on
sed 's/customer: acme/customer: other/' /run/on | sign eve | refuses 'is not good\|does not\|signature' eve acme --on
sed 's/host: .*/host: elsewhere/' /run/on | sign eve | refuses 'signature' eve acme --on
sign eve </run/on >/run/sig.on
head -n 3 /run/sig.on | refuses 'signature' eve acme --on
{ cat /run/sig.on; echo x; } | refuses 'signature' eve acme --on
refuses 'signature' eve acme --off </run/sig.on
run_ok gate eve customer acme
says 'nobody has signed for it yet'
ask alice
earlier=$GRANT
works eve acme --on </run/sig.on
run_ok gate eve customer acme
says 'has the last word'
is alice "$earlier" cancelled
refuses 'signature' eve acme --on </run/sig.on
run_ok gate carol audit
says 'signed by eve: lockbox-customer 1'

step "Now a ticket is needed, and the last level is acme's"
refused_as bad-input gate alice request acme-db --for 5m --reason "no ticket"
ask alice CS-7
refused_as no-such gate eve show "$GRANT"
run_ok gate eve pending
says_not "$GRANT"
run_ok gate bob approve "$GRANT"
says 'the customer decides next'
is alice "$GRANT" customer-notified
run_ok gate carol audit --grant "$GRANT"
says 'customer-notified'
run_ok gate eve pending
says "$GRANT"
run_ok gate eve show "$GRANT"
says 'https://tickets.example.org/CS-7'
says 'Level 2 +acme \(customer\): 0 of 1, waits for eve'
says 'a shell \(/bin/bash\), 1 session'
says_not "$earlier"
run_ok gate bob show "$GRANT"
says "Earlier +$earlier cancelled, R-1 cancelled"
refused_as not-now gate bob approve "$GRANT"
refused_as not-now gate dave approve "$GRANT"
refused_as no-such gate gus approve "$GRANT"
refused_as not-now gate alice claim "$GRANT"
run_ok gate eve approve "$GRANT" --json
[ "$(field state)" = approved ] || fail "$OUT"
run_ok gate alice claim "$GRANT" --json
account=$(field account)
temp_ssh alice "$(field password)" "$account@$HOST" id >/dev/null || fail "alice cannot log in"

step "eve reads what was done under it, and nothing else; she ends it when she likes"
run_ok gate eve audit
says "login-ok .*$GRANT"
says_not "R-1 "
refused_as no-permission gate gus audit
refused_as no-permission gate alice audit
run_ok gate eve revoke "$GRANT" --reason "enough seen"
is eve "$GRANT" ended

step "A customer's no ends it, with a reason that alice reads"
ask alice CS-8
run_ok gate bob approve "$GRANT"
run_ok gate eve deny "$GRANT" --reason "not this week"
run_ok gate alice show "$GRANT"
says 'denied by eve: not this week'

step "A resource can be a customer's, too, and is as soon as it is labelled"
cat >>$policy <<'END'
role files {
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "1h"
	resource ours { groups = {"adm"} }
	resource theirs {
		groups = {"adm"}
		customer = "acme"
	}
}
END
run_ok lockbox check
mark_log
reload_daemon
wait_log 'policy in force'
run_ok gate alice request files --resource ours --for 5m --reason "the provider's" --json
run_ok gate bob approve "$(field id)" --json
[ "$(field state)" = approved ] || fail "$OUT"
run_ok gate alice cancel "$(field id)"
refused_as bad-input gate alice request files --resource theirs --for 5m --reason "no ticket"
run_ok gate alice request files --resource theirs --for 5m --ticket CS-8 --reason "acme's" --json
run_ok gate bob approve "$(field id)" --json
[ "$(field state)" = customer-notified ] || fail "$OUT"
run_ok gate eve approve "$(field id)" --json
[ "$(field state)" = approved ] || fail "$OUT"
run_ok gate alice cancel "$(field id)"

step "The operator alone changes nothing of it: not the switch, the roster, the keys, nor the labels"
ask mallory CS-9
run_ok gate bob approve "$GRANT"
sed -i -e 's/^customer acme .*/customer acme { approvers = {"fay"} }/' $policy
mark_log
reload_daemon
wait_log 'policy in force'
refused_as no-such gate fay approve "$GRANT"
run_ok gate eve customer acme
says 'eve SHA256'
says_not 'fay SHA256'
statement root-is-none acme --off >/dev/null 2>&1
lockbox customer acme --off --statement | sign fay >/run/sig.fay
OUT=$(lockbox customer acme --off --signature /run/sig.fay 2>&1) && fail "fay signed for acme"
pass "fay's signature counts for nothing"
# eve's name with the operator's key
cp $policy /run/policy.good
sed -i "s|^identity eve .*|identity eve { keys = {\"$(cat /root/keys/mallory.pub)\"} }|; s|^identity mallory .*|identity mallory { unix-user = \"mallory\" }|" $policy
run_ok lockbox check
mark_log
reload_daemon
wait_log 'policy in force'
refused_as no-permission gate mallory approve "$GRANT"
says 'not one that decides for the customer'
is bob "$GRANT" customer-notified
cp /run/policy.good $policy
# the label and the customer taken out
sed -i -e '/^customer acme/d' -e '/customer = "acme"/d' $policy
run_ok lockbox check
mark_log
reload_daemon
wait_log 'policy in force'
is bob "$GRANT" customer-notified
refused_as bad-input gate alice request acme-db --for 5m --reason "no ticket again"
run_ok gate eve approve "$GRANT" --json
[ "$(field state)" = approved ] || fail "$OUT"

step "Eve signs for fay; then two of them are needed, and both sign"
statement eve acme --approvers eve fay --approvals 2 | sign eve | works eve acme --approvers eve fay --approvals 2
is bob "$GRANT" cancelled
run_ok gate mallory show "$GRANT"
says 'changed who decides for it'
statement fay acme --off >/run/off
sign eve </run/off >/run/sig.eve
refuses '2 of the customer' eve acme --off </run/sig.eve
cat /run/sig.eve /run/sig.eve | refuses '2 of the customer' eve acme --off
ask alice CS-10
run_ok gate dave approve "$GRANT"
run_ok gate fay approve "$GRANT" --json
[ "$(field state)" = customer-notified ] || fail "$OUT"
refused_as not-now gate fay approve "$GRANT"
run_ok gate eve approve "$GRANT" --json
[ "$(field state)" = approved ] || fail "$OUT"
run_ok gate alice cancel "$GRANT"
{ cat /run/sig.eve; sign fay </run/off; } | works fay acme --off
run_ok gate fay customer acme --json
[ "$(field on)" = false ] || fail "$OUT"
quietly gate alice request acme-db --for 5m --json --reason "nobody asks acme any more"
[ "$STATUS" -eq 0 ] || fail "$OUT"
run_ok gate bob approve "$(field id)" --json
[ "$(field state)" = approved ] || fail "$OUT"

step "It is kept: after a start anew it is as it was"
stop_daemon
start_daemon
run_ok gate eve customer acme --json
[ "$(field change)" = 3 ] && [ "$(field on)" = false ] || fail "$OUT"
passed
