#!/bin/bash
# The ends of many grants in the same second: from the end until the last process is gone, beside
# kill(2) on each of as many processes by the one who started them, which nothing can beat.
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"

people=500
"$BUILD/tests/daemon_policy" $people >/etc/lockbox/policy.d/bench.conf
chmod 600 /etc/lockbox/policy.d/bench.conf

install -d -m 0700 -o lockbox-keeper -g lockbox-keeper /var/lib/lockbox

# once CASE SHAPE N PROCESSES: one round of the bench, with a store and a daemon of its own.  A
# busy machine may need longer to start all the processes than the grants have to live.
once() {
	local slack
	for slack in 1 2 4; do
		! try "$@" $slack || return 0
		stop_daemon || true
		[ "$STATUS" -eq 3 ] || fail "evict_bench: $OUT"
	done
	fail "evict_bench: $OUT"
}

# bench_ns ARGUMENT...: OUT is what it printed; status 3 when the end came too soon
bench_ns() {
	STATUS=0
	OUT=$("$BUILD/tests/evict_bench" "$@") || STATUS=$?
	[ "$STATUS" -eq 0 ]
}

try() {
	local case=$1 shape=$2 n=$3 each=$4 slack=$5 end
	end=$((EPOCHSECONDS + 4 + (n / 500 + n * each / 2000) * slack))
	rm -f /var/lib/lockbox/*
	setpriv --reuid lockbox-keeper --regid lockbox-keeper --clear-groups \
		"$BUILD/tests/daemon_fill" /var/lib/lockbox live "$n" $end $people
	# shellcheck disable=SC2119 # arguments are optional
	start_daemon
	bench_ns lockbox "$shape" "$n" "$each" $end $people || return 1
	measured "$case" lockbox "$n" ns "$OUT"
	# Not part of it, but the next round is not to begin before: homes cleared, receipts stored.
	# shellcheck disable=SC2016 # for the condition
	wait_for '[ -z "$(find /home -maxdepth 1 -name "lb-*" -print -quit)" ] && daemon_answers' 180 || fail "not all was cleared"
	measured "$case-cleared" lockbox "$n" ns $((${EPOCHREALTIME/./} * 1000 - end * 1000000000))
	stop_daemon || true
	end=$((EPOCHSECONDS + 2 + (n / 500 + n * each / 2000) * slack))
	bench_ns bare "$shape" "$n" "$each" $end $people || return 1
	measured "$case" "kill(2)" "$n" ns "$OUT"
}

for n in ${LB_GRANTS:-1 100 1000 10000}; do
	rounds=$((n >= 100 && ROUNDS > 3 ? 3 : ROUNDS))
	for ((round = 0; round < rounds; round++)); do once evict-grants grant "$n" 1; done
done
for n in ${LB_SESSIONS:-1 100 1000}; do
	rounds=$((n >= 100 && ROUNDS > 3 ? 3 : ROUNDS))
	for ((round = 0; round < rounds; round++)); do once evict-sessions session "$n" 10; done
done

table evict-grants "From the end of N grants, one process each, until the last process is gone" "kill(2)" grants
table evict-sessions "The same of N sessions of ten processes" "kill(2)" sessions
table evict-grants-cleared "... of N grants until homes are cleared and receipts stored" "" grants
table evict-sessions-cleared "... of N sessions of ten processes" "" sessions
plot evict "Until the last process is gone" grants "evict-grants=grants of one process" "evict-sessions=sessions of ten"
for n in 1 100 1000 10000; do
	target "$n grants: the last process gone within 1 s" "m(\"evict-grants\", \"lockbox\", $n) <= 1e9"
done
target "1 session of 10 processes: within 1 s" 'm("evict-sessions", "lockbox", 1) <= 1e9'
target "100 sessions of 10 processes: within 1 s" 'm("evict-sessions", "lockbox", 100) <= 1e9'
target "1,000 sessions of 10 processes: within 5 s" 'm("evict-sessions", "lockbox", 1000) <= 5e9'
