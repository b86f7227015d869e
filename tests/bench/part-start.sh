#!/bin/bash
# no-world
# From the start of lockboxd until it answers, over how many grants are past: the whole store is
# examined first.  On the disk that holds the build, as part-store.sh.  PAST: the numbers of grants
# (1000 100000 1000000; the last makes a store of about 2.5 GB).
. "$BENCH_DIR/table.sh"

disk=$(mktemp -d "$BUILD/bench/start.XXXXXX")
trap 'rm -rf "$disk"' EXIT
WORLD_LOGS=$disk LB_ROUNDS=$ROUNDS LB_PAST=${PAST-} "$BENCH_REPO/tests/support/world" "$BENCH_DIR/world-start.sh" "$disk"
