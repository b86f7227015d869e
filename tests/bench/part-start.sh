#!/bin/bash
# no-world
# From the start of lockboxd until it answers, over how many grants are past: the whole store is
# examined first.  On the disk that holds the build, as part-store.sh.  PAST: the numbers of grants
# (1000 100000 1000000; the last makes a store of about 2.5 GB).
. "$BENCH_DIR/table.sh"

export LB_PAST=${PAST-}
world_on_disk world-start.sh
