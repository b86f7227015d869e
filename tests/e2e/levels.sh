#!/bin/bash
# Levels of approval, through ssh: their order, who counts where, denial at any of them, what people
# read meanwhile, and what the checker of policies refuses.
#   ATTACKS 8   nobody approves a request of their own, nor twice
. "$WORLD_REPO/tests/support/lib.sh"
cat >>/etc/lockbox/policy.d/demo.conf <<'END'
team security { members = {"carol", "bob"} }
role db-change {
	description = "Changes the database"
	requesters = {"engineers"}
	level leads { approvers = {"leads"} approvals = 2 }
	level security { approvers = {"security"} }
	max-duration = "1h"
	groups = {"adm"}
}
role hot-fix {
	description = "The same person may do both"
	requesters = {"engineers"}
	level leads { approvers = {"leads"} }
	level security { approvers = {"security"} same-person = true }
	max-duration = "1h"
}
END
run_ok lockbox check
start_daemon
start_sshd

ask() {
	quietly gate "$1" request "$2" --for 5m --json --reason "${3-a reason}"
	[ "$STATUS" -eq 0 ] || fail "request: $OUT"
	GRANT=$(field id)
}
refused_as() {
	local code=$1
	shift
	run_status 1 "$@" --json
	[ "$(field code)" = "$code" ] || fail "refused as $(field code), not $code"
}
narrow() { [ "$(LC_ALL=C.UTF-8 wc -L <<<"$OUT")" -le 80 ] || fail "wider than 80 columns"; }

step "Alice asks: two leads, then security"
run_ok gate alice roles
says 'Level 1 +leads: 2 of leads'
says 'Level 2 +security: 1 of security'
run_ok gate alice request db-change --for 5m --reason the index is broken
says 'It waits for level 1 of 2, leads: bob, dave'
GRANT=$(grep -oE 'R-[0-9]+' <<<"$OUT" | head -n 1)
narrow
refused_as not-now gate carol approve "$GRANT"
says 'your turn comes after that'
run_ok gate carol pending
says_not "$GRANT"
run_ok gate bob pending
says "$GRANT .*leads 0 of 2"
narrow

step "Both leads agree; what bob said there does not count for security as well"
run_ok gate bob approve "$GRANT" --comment "as agreed"
says 'is recorded; leads has 1 of 2'
refused_as not-now gate bob approve "$GRANT"
run_ok gate dave approve "$GRANT" --json
[ "$(field state)" = pending ] && [ "$(field level)" = security ] || fail "$OUT"
refused_as not-now gate bob approve "$GRANT"
says 'takes somebody else: carol'
refused_as not-now gate dave approve "$GRANT"
refused_as own-request gate alice approve "$GRANT"
refused_as not-now gate alice claim "$GRANT"
run_ok gate alice status
says 'waits for security, level 2 of 2 \(0 of 1\): carol'
narrow
run_ok gate alice show "$GRANT"
says 'Level 1 +leads: approved by bob, dave'
says 'Level 2 +security: 0 of 1, waits for carol'
narrow
run_ok gate carol pending
says "$GRANT .*security 0 of 1"

step "Security agrees; alice gets the account"
run_ok gate carol approve "$GRANT" --json
[ "$(field state)" = approved ] && [ "$(field approvals)" = 3 ] || fail "$OUT"
run_ok gate alice claim "$GRANT" --json
ACCOUNT=$(field account)
temp_ssh alice "$(field password)" "$ACCOUNT@$HOST" true || fail "alice cannot log in"
run_ok lockbox audit --grant "$GRANT"
says 'leads: 1 of 2: as agreed'
says 'security: 1 of 1'
run_ok gate alice end "$GRANT"

step "A denial at the second level ends it, with a reason that alice reads"
ask alice db-change
run_ok gate bob approve "$GRANT"
run_ok gate dave approve "$GRANT"
run_ok gate carol deny "$GRANT" --reason "the freeze lasts until Monday"
run_ok gate alice show "$GRANT"
says 'denied by carol: the freeze lasts until Monday'
refused_as not-now gate carol approve "$GRANT"
refused_as not-now gate alice claim "$GRANT"

step "Where the level allows it, one person counts for both"
ask alice hot-fix
run_ok gate bob approve "$GRANT"
run_ok gate bob approve "$GRANT" --json
[ "$(field state)" = approved ] || fail "$OUT"
run_ok gate alice cancel "$GRANT"

step "At the same instant: two approvers count once each, and one of two acts wins"
at_once() {
	local pids=() name
	for name in "$@"; do
		# shellcheck disable=SC2086 # words
		gate $name >"/run/at-once.${name%% *}" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	quietly gate alice show "$GRANT" --json
}
for n in 1 2 3; do
	ask alice two-leads "together $n"
	at_once "bob approve $GRANT" "dave approve $GRANT" "bob approve $GRANT"
	[ "$(field state)" = approved ] && [ "$(field approvals)" = 2 ] || fail "$OUT"
	at_once "bob revoke $GRANT --reason incident" "alice claim $GRANT"
	case $(field state) in cancelled | ending | ended) ;; *) fail "revoked and claimed: $OUT" ;; esac
	if grep -q 'your account is ready' /run/at-once.alice; then
		[ -n "$(field account)" ] || fail "an account that is none: $OUT"
	else
		[ "$(field account)" = null ] || grep -q 'could not be made: revoked' /run/at-once.alice ||
			fail "$(cat /run/at-once.alice): an account that nobody was given: $OUT"
	fi
	ask alice log-reader "one of the two $n"
	at_once "bob deny $GRANT --reason no" "dave approve $GRANT" "alice cancel $GRANT"
	case $(field state) in denied | cancelled) ;; *) fail "$OUT" ;; esac
	pass "$(field state)"
done

step "Who is no lead any more has not approved; other levels must be asked anew"
ask alice db-change
run_ok gate bob approve "$GRANT"
run_ok gate dave approve "$GRANT"
sed -i -e 's/^team leads .*/team leads { members = {"bob", "carol", "mallory"} }/' \
	-e 's/^team security .*/team security { members = {"carol", "dave"} }/' /etc/lockbox/policy.d/demo.conf
mark_log
reload_daemon
wait_log 'policy in force'
run_ok gate alice show "$GRANT"
says 'leads: 1 of 2, by bob, waits for carol, mallory'
refused_as not-now gate dave approve "$GRANT"
sed -i 's/level security { approvers = {"security"} }/level safety { approvers = {"security"} }/' /etc/lockbox/policy.d/demo.conf
mark_log
reload_daemon
wait_log "$GRANT.*the policy no longer allows it"
run_ok gate alice show "$GRANT" --json
[ "$(field state)" = cancelled ] || fail "$OUT"

step "A role that nobody could ever be given is refused by name"
sed -i 's/^team security .*/team security { members = {"bob"} }/' /etc/lockbox/policy.d/demo.conf
run_refused lockbox check
says "role 'db-change': a request of 'mallory' could never be approved"
run_ok gate alice roles
says 'db-change'
passed
