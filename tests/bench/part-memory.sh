#!/bin/bash
# Memory of each process of the daemon, by its proportional share (Pss): with no grant, and with
# 10,000 live ones.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"

people=500
"$BUILD/tests/daemon_policy" $people >/etc/lockbox/policy.d/bench.conf
chmod 600 /etc/lockbox/policy.d/bench.conf
install -d -m 0700 -o lockbox-keeper -g lockbox-keeper /var/lib/lockbox

for live in 0 10000; do
	rm -f /var/lib/lockbox/*
	[ $live = 0 ] || setpriv --reuid lockbox-keeper --regid lockbox-keeper --clear-groups \
		"$BUILD/tests/daemon_fill" /var/lib/lockbox live $live $((EPOCHSECONDS + 3500)) $people
	start_daemon
	# Settled: each account's home was looked at, by as many helpers.
	wait_for "[ \$(find /home -maxdepth 1 -name 'lb-*' | wc -l) -eq $live ]" 180 || fail "not all homes are made"
	for process in warden keeper front courier; do
		pid=$DAEMON_PID
		[ $process = warden ] || pid=$(child_of_daemon $process)
		measured memory $process $live bytes "$(awk '/^Pss:/ { print $2 * 1024 }' "/proc/$pid/smaps_rollup")"
		measured memory-own $process $live bytes \
			"$(awk '/^Private_(Clean|Dirty):/ { n += $2 * 1024 } END { print n }' "/proc/$pid/smaps_rollup")"
	done
	stop_daemon || true
done
table memory "Memory of each process (proportional share)" "" "live grants"
table memory-own "... of its own alone" "" "live grants"
