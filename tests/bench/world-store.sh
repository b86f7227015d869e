#!/bin/bash
# What part-store.sh runs in a world: world-store.sh DISK
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"

disk=$1
people=600
tool=$BUILD/tests/daemon_transitions

# Each person may ask only so often; so there are many.
"$BUILD/tests/daemon_policy" $people >/etc/lockbox/policy.d/bench.conf
chmod 600 /etc/lockbox/policy.d/bench.conf

store_on_disk "$disk"
# shellcheck disable=SC2119 # arguments are optional
start_daemon
gate=$(id -u lockbox)

first=0
clients() {
	"$tool" clients "$1" /run/lockbox/public.sock "$gate" $first "$2" $people
	first=$(((first + $1 * $2) % people))
}

for ((round = 0; round < ROUNDS; round++)); do
	rm -f "$disk/bare"
	measured store-transitions "bare LMDB" 1 per_s "$("$tool" lmdb "$disk/bare" 1000)"
	measured store-transitions lockbox 1 per_s "$(clients 1 25)"
	first=$(((first + 25) % people))
	measured store-transitions lockbox 16 per_s "$(clients 16 10)"
	first=$(((first + 160) % people))
done
rm -f "$disk/bare"

table store-transitions "Durable state changes per second" "bare LMDB" clients
plot store "Durable state changes per second" clients "store-transitions=one at a time, and 16 at once"
target "one client: at least 80 % of bare LMDB's commits" \
	'm("store-transitions", "lockbox", 1) >= 0.8 * m("store-transitions", "bare LMDB", 1)'
target "16 clients: at least 4 times bare LMDB's" \
	'm("store-transitions", "lockbox", 16) >= 4 * m("store-transitions", "bare LMDB", 1)'
stop_daemon
