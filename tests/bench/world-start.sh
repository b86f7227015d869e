#!/bin/bash
# What part-start.sh runs in a world: world-start.sh DISK
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"

disk=$1
people=500
rounds=$((ROUNDS > 3 ? 3 : ROUNDS))
"$BUILD/tests/daemon_policy" $people >/etc/lockbox/policy.d/bench.conf
chmod 600 /etc/lockbox/policy.d/bench.conf
store_on_disk "$disk"

there=0
for past in ${LB_PAST:-1000 100000 1000000}; do
	setpriv --reuid lockbox-keeper --regid lockbox-keeper --clear-groups \
		"$BUILD/tests/daemon_fill" /var/lib/lockbox past $((past - there)) $people
	there=$past
	for ((round = 0; round < rounds; round++)); do
		begun=${EPOCHREALTIME/./}
		start_and_wait
		measured start lockbox "$past" ns $(((${EPOCHREALTIME/./} - begun) * 1000))
		stop_daemon || true
	done
	measured start-file lockbox "$past" bytes "$(stat -c %s /var/lib/lockbox/store.mdb)"
done
rm -rf /var/lib/lockbox/*

table start "From the start of lockboxd until it answers" "" "past grants"
table start-file "Size of the store" "" "past grants"
plot start "From the start of lockboxd until it answers" "past grants" "start=start"
target "1,000,000 past grants: a start of at most 10 s" 'm("start", "lockbox", 1000000) <= 10e9'
