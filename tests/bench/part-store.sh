#!/bin/bash
# no-world
# Durable state changes per second, seen by those who ask, beside bare LMDB committing one record
# of like size with the same flags on the same disk.  The world's own /var lies in memory, where a
# flush costs nothing: the store is put on the disk that holds the build.
. "$BENCH_DIR/table.sh"

world_on_disk world-store.sh
