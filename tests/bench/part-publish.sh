#!/bin/bash
# What one publication of the accounts costs the warden, beside writing a file of as many bytes and
# renaming it into place.  In memory, as /run is.
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"

mkdir -p /run/publish
rounds=$((ROUNDS > 5 ? 5 : ROUNDS))
for ((round = 0; round < rounds; round++)); do
	for n in 10 1000 10000 100000; do
		quietly "$BUILD/tests/daemon_publish" /run/publish $n
		[ "$STATUS" -eq 0 ] || fail "$OUT"
		measured publish lockbox $n ns "$(sed -n 's/^publish //p' <<<"$OUT")"
		measured publish "write and rename" $n ns "$(sed -n 's/^write //p' <<<"$OUT")"
	done
done
table publish "One publication of all accounts" "write and rename" accounts
