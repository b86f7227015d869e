#!/bin/bash
# Asking and deciding: who may, how many it takes, what lapses, what is said; and --json throughout.
#   ATTACKS 8   nobody approves a request of their own, in any guise
. "$WORLD_REPO/tests/support/lib.sh"
# What nobody answers lapses soon here.
sed -i -e '$a request-lifetime = "10s"' -e '$a claim-window = "10s"' /etc/lockbox/lockbox.conf
start_daemon
start_sshd

# json KIND...: OUT is one JSON document on one line with these names in it (objects: a.b, lists: a.0)
json() {
	[ "$(wc -l <<<"$OUT")" -eq 1 ] || fail "not one line: $OUT"
	perl -MJSON::PP -e '
		my $doc = decode_json(shift);
		for my $path (@ARGV) {
			my $at = $doc;
			for my $step (split /\./, $path) {
				my $ok = ref $at eq "ARRAY" ? $step < @$at : ref $at eq "HASH" && exists $at->{$step};
				die "no $path in it\n" unless $ok;
				$at = ref $at eq "ARRAY" ? $at->[$step] : $at->{$step};
			}
		}' "$OUT" "$@" || fail "not the JSON it should be: $OUT"
	checks=$((checks + 1))
}
grant_names="id state host identity role account uid duration duration_seconds requested until end approvals approvals_needed approvers sessions ticket reason groups sudo cause"
ask() {
	quietly gate "$1" request "$2" --for "${3-5m}" --json --reason "${4-a reason}"
	[ "$STATUS" -eq 0 ] || fail "request: $OUT"
	GRANT=$(field id)
}
refused_as() {
	local code=$1
	shift
	run_status 1 "$@" --json
	[ "$(field code)" = "$code" ] || fail "refused as $(field code), not $code"
	json error.code error.message
	case $- in *x*) ;; esac
}

step "Own requests: nobody decides on them, whatever else they may"
ask alice log-reader
refused_as own-request gate alice approve "$GRANT"
refused_as own-request as alice lockbox approve "$GRANT"
refused_as own-request gate alice deny "$GRANT" --reason no
run_ok gate bob approve "$GRANT" --json
# shellcheck disable=SC2086 # words
json $grant_names approvers.0
[ "$(field state)" = approved ] && [ "$(field approvals)" = 1 ] || fail "$OUT"
ask bob log-reader
refused_as own-request gate bob approve "$GRANT"
run_ok gate alice approve "$GRANT"
run_refused gate bob pending --json extra
run_ok gate bob cancel "$GRANT"

step "Only approvers of the role; others are not even told"
ask alice db-operator
refused_as no-such gate mallory approve "$GRANT"
refused_as no-such gate mallory show "$GRANT"
refused_as no-permission gate carol approve "$GRANT"
run_ok gate mallory pending
says_not "$GRANT"
refused_as no-identity lockbox approve "$GRANT"
run_ok gate dave pending --json
json grants.0.id
run_ok gate dave approve "$GRANT"
refused_as not-now gate bob approve "$GRANT"
refused_as not-now gate bob deny "$GRANT" --reason late
run_ok gate bob revoke "$GRANT" --reason "not today" --json
[ "$(field state)" = cancelled ] || fail "revoking an approval: $OUT"
refused_as not-now gate alice claim "$GRANT"

step "Two words: one person's counts once"
ask alice two-leads
run_ok gate bob approve "$GRANT" --json --comment "fine with me"
[ "$(field state)" = pending ] && [ "$(field approvals)" = 1 ] && [ "$(field approvals_needed)" = 2 ] || fail "$OUT"
refused_as not-now gate bob approve "$GRANT"
run_ok gate bob pending
says_not "$GRANT"
refused_as not-now gate alice claim "$GRANT"
run_ok gate dave approve "$GRANT" --json
[ "$(field state)" = approved ] || fail "$OUT"
run_ok gate alice claim "$GRANT" --json
json id host account password end login
run_ok gate alice end "$GRANT" --json
# shellcheck disable=SC2086 # words
json $grant_names

step "Denied with a reason, cancelled, and each only once"
ask alice db-operator
run_status 2 gate bob deny "$GRANT"
run_refused gate bob deny "$GRANT" --reason '" "'
run_ok gate bob deny "$GRANT" --reason "the freeze lasts until Monday"
run_ok gate alice show "$GRANT" --json
[ "$(field state)" = denied ] || fail "$OUT"
says 'denied by bob: the freeze lasts until Monday'
refused_as not-now gate bob approve "$GRANT"
refused_as not-now gate alice claim "$GRANT"
refused_as not-now gate alice cancel "$GRANT"
ask alice db-operator
refused_as no-permission gate bob cancel "$GRANT"
refused_as no-such gate mallory cancel "$GRANT"
run_ok gate alice cancel "$GRANT" --json
[ "$(field state)" = cancelled ] || fail "$OUT"
refused_as not-now gate bob approve "$GRANT"

step "Only the engineer claims and ends"
ask alice db-operator
run_ok gate bob approve "$GRANT"
refused_as no-permission gate bob claim "$GRANT"
refused_as no-such gate mallory claim "$GRANT"
run_ok gate alice claim "$GRANT"
refused_as no-permission gate bob end "$GRANT"
refused_as no-such gate mallory end "$GRANT"
refused_as no-such gate mallory revoke "$GRANT" --reason x
refused_as no-permission gate alice revoke "$GRANT" --reason x
run_ok lockbox revoke "$GRANT" --reason "root may take away"
wait_for "gate alice show $GRANT --json | grep -q '\"state\":\"ended\"'" 5 || fail "not ended"

step "Limits: more than the maximum is refused at once, and the maximum is named"
refused_as over-limit gate alice request db-operator --for 5h --reason long
says 'at most 4h'
run_ok gate alice request db-operator --for 4h --reason long --json
[ "$(field duration_seconds)" = 14400 ] || fail "$OUT"
run_ok gate alice cancel "$(field id)"
run_ok gate alice request db-operator --reason usual --json
[ "$(field duration)" = 1h ] || fail "not the role's default: $OUT"
run_ok gate alice cancel "$(field id)"
for time in 0 -1 1 5x 99999999999h ''; do run_status 2 gate alice request db-operator --for "'$time'" --reason x; done
refused_as no-such gate alice request no-such-role --for 5m --reason x
refused_as no-such gate carol request db-operator --for 5m --reason x
run_status 2 gate alice request db-operator --for 5m
run_status 2 gate alice request
run_status 2 gate alice frobnicate

step "The same request twice finds the first"
ask alice two-leads 5m "the same words"
first=$GRANT
ask alice two-leads 5m "the same words"
[ "$GRANT" = "$first" ] || fail "$first and $GRANT"
ask alice two-leads 6m "the same words"
[ "$GRANT" != "$first" ] || fail "another duration is another request"
run_ok gate alice cancel "$GRANT"
run_ok gate alice cancel "$first"
ask alice two-leads 5m "the same words"
[ "$GRANT" != "$first" ] || fail "a cancelled one came back"
run_ok gate alice cancel "$GRANT"

step "What nobody answers lapses; what nobody claims lapses"
ask alice db-operator
unanswered=$GRANT
ask mallory db-operator
unclaimed=$GRANT
run_ok gate bob approve "$unclaimed" --json
until=$(date -d "$(field until)" +%s)
run_ok gate alice status --json
json grants.0.id
wait_for "gate alice show $unanswered --json | grep -q '\"state\":\"lapsed\"'" 15 || fail "$unanswered has not lapsed"
wait_for "gate mallory show $unclaimed --json | grep -q '\"state\":\"lapsed\"'" 15 || fail "$unclaimed has not lapsed"
[ "$(date +%s)" -ge "$until" ] || fail "it has lapsed too early"
refused_as not-now gate bob approve "$unanswered"
refused_as not-now gate mallory claim "$unclaimed"
run_ok gate carol audit --grant "$unanswered" --json
says '"event":"lapse"'
json records.0.seq records.0.time records.0.event records.0.grant records.0.identity records.0.account records.0.uid records.0.actor records.0.detail records.0.hash next

step "The record: for auditors and root, by cursor, without a gap"
refused_as no-permission gate alice audit
refused_as no-permission gate bob audit
run_ok gate carol audit --json
[ "$(field next)" -gt 20 ] || fail "hardly a record"
perl -MJSON::PP -e 'my ($n, $e) = (0); for (@{decode_json(shift)->{records}}) { die "gap\n" if $_->{seq} != ++$n } print "$n\n"' "$OUT" || fail "a gap in it"
run_ok gate carol audit --after 5 --json
[ "$(field seq)" = 6 ] || fail "after 5 comes $(field seq)"
quietly lockbox audit --json
[ "$STATUS" -eq 0 ] || fail "root cannot read it: $OUT"
run_ok gate alice roles --json
json roles.0.name roles.0.description roles.0.max_duration roles.0.default_duration roles.0.approvals_needed roles.0.approvers roles.0.groups roles.0.sudo roles.0.may_request roles.0.may_approve
for verb in roles request status claim cancel end pending show approve deny revoke audit; do
	quietly gate alice $verb --help
	[ "$STATUS" -eq 0 ] && [ -n "$OUT" ] || fail "no help for $verb: $OUT"
done
pass "every verb has its help"
stop_daemon
run_status 3 lockbox status --json
json error.code
[ "$(field code)" = unreachable ] || fail "$OUT"
run_refused gate alice status
passed
