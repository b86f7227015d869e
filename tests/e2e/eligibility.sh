#!/bin/bash
# Eligibility, through ssh: who has none can use nothing else; checks, managers, what lapses, what is
# revoked, and what the policy takes away.
#   ATTACKS 8   nobody attests or approves for himself
#   ATTACKS 44  a new policy that takes it away, while grants are open
#   ATTACKS 49  policies in which nobody could become eligible, or two people are one
. "$WORLD_REPO/tests/support/lib.sh"
POLICY=/etc/lockbox/policy.d/demo.conf
cat >/etc/lockbox/policy.d/eligibility.conf <<'END'
check screening { attesters = {"hr"} valid = "30d" }
check training  { attesters = {"hr"} }
team hr { members = {"carol"} }
team newcomers { members = {"mallory"} }
role reader {
	description = "Reads"
	requesters = {"newcomers"}
	approvers = {"leads"}
	managers = {"leads"}
	checks = {"screening"}
}
role changer {
	description = "Changes"
	requesters = {"newcomers"}
	approvers = {"leads"}
	managers = {"leads"}
	checks = {"screening", "training"}
	requires = "reader"
	ends-with-eligibility = true
}
END
# Mallory is an engineer in the sample; here she only is new.
sed -i -e 's/, "mallory"//g' -e 's/"mallory", //g' $POLICY
run_ok lockbox check
start_daemon
start_sshd

refused_as() {
	local code=$1
	shift
	run_status 1 "$@" --json
	[ "$(field code)" = "$code" ] || fail "refused as $(field code), not $code"
}
narrow() { [ "$(LC_ALL=C.UTF-8 wc -L <<<"$OUT")" -le 80 ] || fail "wider than 80 columns"; }
new_policy() {
	mark_log
	reload_daemon
	wait_log 'policy in force'
}
ask() {
	quietly gate mallory request "$1" --for 10m --json --reason "${2-a reason}"
	[ "$STATUS" -eq 0 ] || fail "request: $OUT"
	GRANT=$(field id)
}
state_of() {
	quietly lockbox show "$1" --json
	field state
}

step "Before it, her key opens eligibility and roles alone"
run_ok gate mallory eligibility
narrow
says 'changer'
says 'screening: MISSING; can be attested by carol'
says 'eligibility request reader'
run_ok gate mallory roles
says 'needed first'
for words in status pending "request reader --reason x" "claim R-1" "audit"; do
	# shellcheck disable=SC2086 # words
	refused_as not-eligible gate mallory $words
done
run_ok gate alice status
run_ok as mallory lockbox eligibility --json
[ "$(field role)" = changer ] && [ "$(field state)" = never ] || fail "$OUT"
refused_as not-eligible as mallory lockbox status

step "She asks; nobody attests or approves for himself, nor who may not"
refused_as no-such gate alice eligibility request reader --reason x
run_status 2 gate mallory eligibility request reader
run_ok gate mallory eligibility request reader --reason new on the team
says 'waits for a manager'
run_ok gate mallory eligibility request reader --reason again --json
[ "$(field reason)" = "new on the team" ] || fail "the same twice is not found: $OUT"
refused_as not-eligible gate mallory eligibility attest mallory screening
refused_as no-permission gate bob eligibility attest mallory screening
refused_as no-permission gate carol eligibility approve mallory reader
refused_as own-request gate carol eligibility attest carol screening
refused_as no-such gate carol eligibility attest nobody screening
refused_as not-eligible gate bob eligibility approve mallory reader
says 'screening was never attested; it can be by carol'
run_ok gate carol eligibility pending
narrow
says 'mallory for reader'
says 'eligibility attest mallory screening'
says_not 'eligibility approve'
run_ok gate bob eligibility pending
says_not 'eligibility (attest|approve) mallory'
says 'You can approve it once nothing is missing'
run_ok lockbox eligibility pending
says_not 'eligibility (attest|approve) mallory'
[ "$(lockbox complete-words eligibility attest '')" = mallory ] || fail "no identity is offered"
[ "$(lockbox complete-words eligibility attest mallory '')" = screening ] || fail "no check is offered"
[ "$(lockbox complete-words eligibility approve mallory '')" = reader ] || fail "no role is offered"

step "Her check is attested, then a manager approves"
run_ok gate carol eligibility attest mallory screening
says 'You have attested screening of mallory'
refused_as not-eligible gate mallory request reader --reason x
run_ok gate bob eligibility pending
says 'eligibility approve mallory reader'
run_ok gate bob eligibility approve mallory reader --json
[ "$(field eligible)" = true ] && [ "$(field manager)" = bob ] || fail "$OUT"
run_ok gate bob eligibility pending
says 'Nothing waits'
run_ok gate mallory eligibility
says 'yes; approved by bob'
says 'screening: attested by carol'
narrow
run_ok gate mallory roles --json
says '"eligibility":"held"'
ask reader
run_ok gate mallory status

step "A role that requires another, and another check"
refused_as not-eligible gate mallory request changer --reason x
says 'eligibility request changer'
run_ok gate mallory eligibility request changer --reason on call from May
refused_as not-eligible gate bob eligibility approve mallory changer
says 'training was never attested'
run_ok gate carol eligibility attest mallory training
run_ok gate bob eligibility approve mallory changer
granted mallory changer 10m bob
temp_ssh mallory "$PASSWORD" "$ACCOUNT@$HOST" true || fail "mallory cannot log in"
run_ok lockbox audit --json
says '"event":"attest"[^}]*"identity":"mallory"[^}]*"actor":"carol"'
says '"event":"eligibility-approve"[^}]*"identity":"mallory"[^}]*"actor":"bob"'

step "Revoked: what waits ends, and what is active, for that role says so"
CHANGE=$GRANT
ask reader "another reason"
quietly gate bob approve "$GRANT" --json
run_ok gate bob eligibility revoke mallory reader --reason moved on
[ "$(state_of "$GRANT")" = cancelled ] || fail "$OUT"
wait_for "[ \"\$(state_of $CHANGE)\" = ended ]" || fail "$OUT"
run_ok lockbox show "$CHANGE"
says 'no longer eligible: eligibility for reader has ended: revoked by'
refused_as not-eligible gate mallory request changer --reason x
refused_as no-such gate bob eligibility revoke mallory reader
refused_as no-such gate alice eligibility revoke mallory
run_ok gate mallory eligibility request reader --reason once more
run_ok gate dave eligibility approve mallory reader
ask changer "back"
run_ok gate mallory cancel "$GRANT"

step "A check lapses: what waits ends by itself, and nobody logs in with what is active"
granted mallory reader 10m bob
READ=$GRANT
temp_ssh mallory "$PASSWORD" "$ACCOUNT@$HOST" true || fail "mallory cannot log in"
no_session "$READ"
quietly gate mallory claim "$READ" --json
PASSWORD=$(field password)
ask changer "it lapses"
sed -i 's/check screening .*/check screening { attesters = {"hr"} valid = "10s" }/' /etc/lockbox/policy.d/eligibility.conf
new_policy
mark_log
run_ok gate carol eligibility attest mallory screening
ask changer "it lapses while it waits"
wait_log "event=revoke .*grant=$GRANT .*no longer eligible: screening" 20
wait_log 'event=attest-end .*identity=mallory .*screening: lapsed'
[ "$(state_of "$GRANT")" = cancelled ] || fail "$OUT"
[ "$(state_of "$READ")" = active ] || fail "the role does not say that it ends: $OUT"
quietly temp_ssh mallory "$PASSWORD" "$ACCOUNT@$HOST" true
[ "$STATUS" -ne 0 ] || fail "mallory logs in without a check"
wait_log 'event=login-refused .*not eligible any more'
refused_as not-eligible gate mallory claim "$READ"
refused_as not-eligible gate mallory request reader --reason x
says 'screening lapsed at'
sed -i 's/check screening .*/check screening { attesters = {"hr"} valid = "30d" }/' /etc/lockbox/policy.d/eligibility.conf
new_policy
run_ok gate carol eligibility attest mallory screening
quietly gate mallory claim "$READ" --json
temp_ssh mallory "$(field password)" "$ACCOUNT@$HOST" true || fail "attested anew, mallory cannot log in: $OUT"
run_ok gate mallory end "$READ"

step "The policy takes it away: reloads all the while, and the grants end"
granted mallory changer 10m bob
CHANGE=$GRANT
ask reader "the policy changes"
# The first of these that sees the new policy takes it away.
mark_log
for _ in 1 2 3 4 5; do reload_daemon; done
sed -i 's/^team newcomers .*/team newcomers { members = {} }/' /etc/lockbox/policy.d/eligibility.conf
reload_daemon
wait_for "[ \"\$(state_of $CHANGE)\" = ended ]" || fail "$OUT"
[ "$(state_of "$GRANT")" = cancelled ] || fail "$OUT"
wait_log 'event=eligibility-end .*the policy no longer allows it'
sed -i 's/^team newcomers .*/team newcomers { members = {"mallory"} }/' /etc/lockbox/policy.d/eligibility.conf
new_policy
refused_as not-eligible gate mallory request reader --reason x

step "It outlives the daemon"
run_ok gate mallory eligibility request reader --reason back again
run_ok gate bob eligibility approve mallory reader
stop_daemon
start_daemon
ask reader "after the restart"

step "lockbox check: what nobody could become eligible for, and two people who are one"
cp /etc/lockbox/policy.d/eligibility.conf /root/good.conf
broken() {
	sed "$1" /root/good.conf >/etc/lockbox/policy.d/eligibility.conf
	run_refused lockbox check
	says "$2"
}
broken 's/^team hr .*/team hr { members = {"mallory"} }/' "'mallory' could never become eligible: nobody else could attest 'screening'"
broken 's/managers = {"leads"}/managers = {"newcomers"}/' "no manager of 'reader' but the person"
broken 's/description = "Reads"/requires = "changer"/' "role 'changer' requires itself, through 'reader'"
KEY=$(awk '{ print $1, $2 }' /root/keys/alice.pub)
broken "\$aidentity twin { keys = {\"$KEY twin\"} }" "belongs to identity 'alice' already"
broken '$aidentity twin { unix-user = "alice" }\nidentity alter { unix-user = "alice" }' 'one Unix user is one identity'
mark_log
reload_daemon
wait_log 'keeps|not taken|stays in force|refused'
cp /root/good.conf /etc/lockbox/policy.d/eligibility.conf
run_ok lockbox check
run_ok gate mallory status
passed
