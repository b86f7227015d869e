#!/bin/bash
# Rules, through ssh: what the policy approves by itself and what it only nearly does, condition by
# condition; levels that it adds; that it never stands for a customer; what is kept of it.
. "$WORLD_REPO/tests/support/lib.sh"
policy=/etc/lockbox/policy.d/demo.conf
install -m 755 "$BUILD/tests/sk_soft.so" /usr/lib/sk_soft.so
ssh-keygen -q -t ed25519-sk -w /usr/lib/sk_soft.so -N '' -C alice@token -f /root/keys/token ||
	fail "no key of a hardware kind"
for name in eve erin; do ssh-keygen -q -t ed25519 -N '' -C "$name" -f "/root/keys/$name"; done
sed -i "/^identity alice/s|keys = {|isolated = true mfa = true keys = {\"$(cat /root/keys/token.pub)\", |" $policy
echo 'labels = {"staging"}' >>/etc/lockbox/lockbox.conf
{
	echo "identity eve { keys = {\"$(cat /root/keys/eve.pub)\"} }"
	echo "identity erin { keys = {\"$(cat /root/keys/erin.pub)\"} }"
	cat <<'END'
team security { members = {"erin"} }
customer acme { approvers = {"eve"} }
role reader {
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "4h"
	groups = {"adm"}
	permission = read-only
}
role acme-reader {
	requesters = {"engineers"}
	approvers = {"leads"}
	groups = {"adm"}
	permission = read-only
	customer = "acme"
}
END
} >>$policy
cp $policy /root/without-rules

start_daemon
start_sshd

# With the conditions that follow: what the policy has besides.
rules() {
	{
		cat /root/without-rules
		printf '%s\n' "$@"
	} >$policy
	lockbox check >/run/check 2>&1 || fail "$(cat /run/check)"
	mark_log
	reload_daemon
	wait_log 'policy'
}
# On a fast machine alice asks here more often than anybody may, and is told when to ask again.
asks() {
	local wait_s
	turn=$((turn + 1))
	quietly gate "$1" request "${ROLE-reader}" --json --reason "turn $turn" "${@:2}"
	while [[ $OUT == *'too many requests; try again in '* ]]; do
		wait_s=${OUT##*try again in }
		sleep "${wait_s%% *}"
		quietly gate "$1" request "${ROLE-reader}" --json --reason "turn $turn" "${@:2}"
	done
	[ "$STATUS" -eq 0 ] || fail "request: $OUT"
	GRANT=$(field id)
}
turn=0
# approved|pending NAME WORDS...: what becomes of a request
becomes() {
	asks "${@:2}"
	[ "$(field state)" = "$1" ] || fail "$GRANT is $(field state), not $1: $(shown "$@")"
	checks=$((checks + 1))
	quietly gate alice cancel "$GRANT"
	[ "$2" = alice ] || [ "$2" = token ] || quietly gate "$2" cancel "$GRANT"
}
# with CONDITION: the rule has this one alone
with() { rules "rule small { roles = {\"reader\"} $* approve = true }"; }
# As `gate token ...`, with the hardware key.
person_ssh() {
	local name=$1
	shift
	ssh -o BatchMode=yes -o IdentitiesOnly=yes -o SecurityKeyProvider=/usr/lib/sk_soft.so \
		-i "$(key_of "$name")" "$@"
}

step "Without a rule it is for people; with one the policy approves, and says so"
becomes pending alice --for 20m
with 'at-most = "30m"'
run_ok gate alice request reader --for 30m --reason "a look"
says 'is approved: automatically by rule small'
says 'Approved +automatically by rule small'
GRANT=$(grep -oE 'R-[0-9]+ is approved' <<<"$OUT" | cut -d' ' -f1)
run_ok gate alice show "$GRANT" --json
[ "$(field rule)" = small ] || fail "$OUT"
run_ok gate carol audit --grant "$GRANT" --json
says 'approved by rule small'
says 'automatically, by rule small'
quietly gate alice claim "$GRANT" --json
ACCOUNT=$(field account) PASSWORD=$(field password)
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
session_run 1 id
says '\(adm\)'

step "More of it is weighed as the whole"
run_status 0 gate alice extend "$GRANT" --for 1m --reason "not done" --json
[ "$(field state)" = pending ] || fail "31 minutes were approved by rule: $OUT"
run_ok gate alice cancel "$(field id)"
run_ok gate bob revoke "$GRANT" --reason "enough"
session_over 1

step "Each condition, met and just missed"
becomes approved alice --for 30m
becomes pending alice --for 1801s
ROLE=db-operator becomes pending alice --for 1m
with 'permissions = {"read-only"}'
becomes approved alice
with 'permissions = {"change"}'
becomes pending alice
with 'identities = {"alice"}'
becomes approved alice
becomes pending mallory
with 'isolated = true'
becomes approved alice
becomes pending mallory
with 'mfa = true'
becomes approved alice
becomes pending mallory
with 'hardware-key = true'
becomes approved token
becomes pending alice
with 'tickets = {"OPS-*"}'
becomes approved alice --ticket OPS-7
becomes pending alice --ticket ops-7
becomes pending alice
with 'host-labels = {"staging"}'
becomes approved alice
with 'host-labels = {"production"}'
becomes pending alice
with 'hours = {"daily 00:00-24:00"}'
becomes approved alice
hour=$(date -u +%H) # local noon is twelve hours from now: this hour is midnight's there
with "hours = {\"daily 06:00-18:00\"} time-zone = \"XXX$((10#$hour))\""
becomes pending alice

step "A client cannot say that its key is one of hardware"
with 'hardware-key = true'
asks token
[ "$(field state)" = approved ] || fail "$OUT"
run_ok gate carol audit --grant "$GRANT" --json
token=$(ssh-keygen -lf /root/keys/token.pub | cut -d' ' -f2)
says "key ${token//+/.}"
run_ok gate token cancel "$GRANT"
run_refused gate alice --identity alice --key "$token" request reader --reason x
run_refused gate alice request reader --reason x --key "$token"
run_ok person_ssh alice -o "SetEnv=LOCKBOX_KEY=$token SSH_ORIGINAL_COMMAND=roles" "lockbox@$HOST" request reader --reason "with an environment" --json
[ "$(field state)" = pending ] || fail "$OUT"

step "A level that a rule adds, after the role's own; it goes before approval"
rules 'rule small { roles = {"reader"} approve = true }' \
	'rule long { permissions = {"read-only"} longer-than = "1h" approvers = {"security"} }'
becomes approved alice --for 1h
asks alice --for 61m
[ "$(field state)" = pending ] || fail "$OUT"
run_ok gate bob show "$GRANT"
says 'Level 1 +approval: 0 of 1'
says 'Level 2 +long \(added by this rule\)'
run_refused gate erin approve "$GRANT"
says 'your turn comes'
run_ok gate bob approve "$GRANT"
run_refused gate alice claim "$GRANT"
run_ok gate erin show "$GRANT" --statement
says '^added-by-rule: long$'
run_ok gate erin approve "$GRANT"
run_ok gate carol audit --grant "$GRANT" --json
says 'levels added by rule: long'

step "What was approved by rule, and what waits, follow the policy"
asks alice --for 20m
small=$GRANT
asks alice --for 62m
long=$GRANT
rules
wait_for "gate alice show $small --json | grep -q cancelled" || fail "$small stands without its rule"
quietly gate alice show "$long" --json
[ "$(field state)" = cancelled ] || fail "$long still waits for a level that is gone"
asks alice --for 20m
with ''
quietly gate alice show "$GRANT" --json
[ "$(field state)" = pending ] || fail "a new rule approved what waited"
run_refused gate alice claim "$GRANT"
run_ok gate alice cancel "$GRANT"

step "No rule stands for a customer"
rules 'rule any { permissions = {"read-only"} approve = true }'
ROLE=acme-reader becomes approved alice --for 5m
gate eve customer acme --on --statement | ssh-keygen -q -Y sign -n lockbox-customer -f /root/keys/eve 2>/dev/null |
	person_ssh eve "lockbox@$HOST" customer acme --on --signature - >/run/on 2>&1 || fail "$(cat /run/on)"
becomes approved alice --for 5m
ROLE=acme-reader asks alice --for 5m --ticket CS-1
[ "$(field state)" = customer-notified ] || fail "it is $(field state)"
run_refused gate alice claim "$GRANT"
run_refused gate bob approve "$GRANT"
run_ok gate eve show "$GRANT"
says 'Approved +automatically by rule any, but for the customer'
says 'acme'
run_ok gate eve show "$GRANT" --statement
says '^by-rule: any$'
run_ok gate eve approve "$GRANT"
quietly gate alice show "$GRANT" --json
[ "$(field state)" = approved ] || fail "$OUT"

step "A policy that would approve too much is not taken"
for bad in 'rule r { roles = {"full-admin"} approve = true }' 'rule r { teams = {"leads"} approve = true }' \
	'rule r { permissions = {"root-equivalent"} approve = true }' \
	'rule r { roles = {"reader"} approvers = {"leads"} approvals = 2 }'; do
	{
		cat /root/without-rules
		echo "$bad"
	} >$policy
	run_refused lockbox check
done
cp /root/without-rules $policy
stop_daemon || fail "SIGTERM ends it with $?"
passed
