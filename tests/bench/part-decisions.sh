#!/bin/bash
# no-world
# Decisions per second, seen by those who ask, in stores that hold nothing, what waits, and what is
# long over: neither may slow down what is asked now.  The store is on the disk that holds the build.
. "$BENCH_DIR/table.sh"

world_on_disk world-decisions.sh
