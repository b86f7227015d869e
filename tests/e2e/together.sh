#!/bin/bash
# Sixteen clients ask at once and share commits, with one among them that sends what it may not;
# the keeper is killed in the midst of it.  What was acknowledged is stored, what was not is there
# wholly or not at all, and nobody is the worse for the one.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/support/lib.sh"

people=128
acked=/run/acked
tool=$BUILD/tests/daemon_transitions
"$BUILD/tests/daemon_policy" $people >/etc/lockbox/policy.d/bench.conf
chmod 600 /etc/lockbox/policy.d/bench.conf
start_daemon
gate=$(id -u lockbox)

# records: "EVENT ID" of every record there is, sorted
records() {
	lockbox audit --json | tr '{' '\n' | sed -n 's/.*"event":"\([a-z]*\)".*"grant":"R-\([0-9]*\)".*/\1 \2/p' | sort
}

# One that sends bytes that are no request, over and over.
# shellcheck disable=SC2016 # Perl's
nuisance() {
	while :; do
		setpriv --reuid alice --regid alice --clear-groups \
			perl -MIO::Socket::UNIX -e '
				my $s = IO::Socket::UNIX->new("/run/lockbox/public.sock") or exit;
				print $s pack("a*", "LBX\x01") . "\xff" x 64;
				sysread $s, my $answer, 1;
			' 2>/dev/null
	done
}

step "All of them together, undisturbed"
nuisance &
noise=$!
run_ok "$tool" acknowledged 16 /run/lockbox/public.sock "$gate" 0 1 $people
kill $noise
wait $noise 2>/dev/null
[ "$(grep -c '^request' <<<"$OUT")" -eq 320 ] || fail "not every request was answered"
[ "$(grep -c '^cancel' <<<"$OUT")" -eq 320 ] || fail "not every cancel was answered"
[ "$(sort <<<"$OUT" | uniq -d | wc -l)" -eq 0 ] || fail "one grant was given to two"
[ -z "$(comm -23 <(sort <<<"$OUT") <(records))" ] || fail "acknowledged and not recorded: $(comm -23 <(sort <<<"$OUT") <(records) | head -n 3)"
pass "640 changes are acknowledged and recorded"

for round in 1 2 3; do
	step "The keeper is killed while they ask ($round)"
	mark_log
	"$tool" acknowledged 16 /run/lockbox/public.sock "$gate" 16 3 $people >$acked 2>&1 &
	clients=$!
	wait_for "[ \$(wc -l <$acked) -ge $((round * 150)) ] || dead $clients" 30
	kill -KILL "$(child_of_daemon keeper)"
	wait_for "dead $clients" 60 || fail "clients hang"
	wait $clients || fail "a client: $(tail -n 2 $acked)"
	wait_for daemon_answers 20 || fail "the daemon does not come back"
	[ "$(wc -l <$acked)" -lt 1920 ] || note "all were answered before the kill"
	note "$(wc -l <$acked) changes were acknowledged"
	# It examines the whole store before it begins: every index fits every grant.
	lost=$(comm -23 <(sort $acked) <(records))
	[ -z "$lost" ] || fail "acknowledged and lost: $(head -n 3 <<<"$lost")"
	pass "none of them is lost"
	# A grant with no record of its request, or a record with no grant, would be half of one.
	while read -r event id; do
		[ "$event" = request ] || continue
		quietly lockbox show "R-$id" --json
		[ "$STATUS" -eq 0 ] || fail "R-$id is recorded and not there"
	done < <(comm -13 <(sort $acked) <(records) | tail -n 20)
	pass "what was not acknowledged is whole"
done
[ "$(records | uniq -d | wc -l)" -eq 0 ] || fail "a change is recorded twice"
stop_daemon
passed
