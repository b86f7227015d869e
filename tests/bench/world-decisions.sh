#!/bin/bash
# What part-decisions.sh runs in a world: world-decisions.sh DISK
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"

disk=$1
people=600
stores=("empty" "1,000 pending" "100,000 past" "both")

# Each person may ask only so often; so there are many.
"$BUILD/tests/daemon_policy" $people >/etc/lockbox/policy.d/bench.conf
chmod 600 /etc/lockbox/policy.d/bench.conf
gate=$(id -u lockbox)
chief=$(sed -n 's/^identity chief { keys = {"\(.*\)"} }$/\1/p' /etc/lockbox/policy.d/bench.conf |
	ssh-keygen -l -f - | cut -d ' ' -f 2)

fill() {
	setpriv --reuid lockbox-keeper --regid lockbox-keeper --clear-groups \
		"$BUILD/tests/daemon_fill" /var/lib/lockbox "$1" "$2" $people
}

# per_second CLIENTS EACH: of the daemon that runs
per_second() {
	"$BUILD/tests/daemon_transitions" decisions "$1" /run/lockbox/public.sock "$gate" $first "$2" $people "$chief"
}

for i in "${!stores[@]}"; do
	store_on_disk "$disk/$i"
	# In "both" what waits is older than all that is over: none of it may be walked past.
	case ${stores[i]} in "1,000 pending" | both) fill pending 1000 ;; esac
	case ${stores[i]} in "100,000 past" | both) fill past 100000 ;; esac
	umount -n /var/lib/lockbox
done

# A daemon that starts again has forgotten who asked how often.
for ((round = 0; round < ROUNDS; round++)); do
	for i in "${!stores[@]}"; do
		store_on_disk "$disk/$i"
		start_and_wait
		first=0
		measured decisions "${stores[i]}" 1 per_s "$(per_second 1 25)"
		first=25
		measured decisions "${stores[i]}" 16 per_s "$(per_second 16 10)"
		stop_daemon || true
		umount -n /var/lib/lockbox
	done
done

table decisions "Decisions per second, by what the store holds" "empty" clients
for clients in 1 16; do
	target "$clients client(s): with 1,000 pending and with 100,000 past within 20 % of each other" \
		"abs(m(\"decisions\", \"1,000 pending\", $clients) / m(\"decisions\", \"100,000 past\", $clients) - 1) <= 0.2"
	target "$clients client(s): with both within 20 % of an empty store" \
		"m(\"decisions\", \"both\", $clients) >= 0.8 * m(\"decisions\", \"empty\", $clients)"
done
