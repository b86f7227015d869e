#!/bin/bash
# no-world
# A whole login, `ssh HOST true`, with the modules and without, as login.sh says, on a whole Debian
# that is booted with systemd (tests/booted/run).  pam_systemd is there in both, and makes both
# sessions and their control groups.
. "$BENCH_DIR/table.sh"

disk_made
BOOTED_DISK=$DISK LB_ROUNDS=$ROUNDS "$BENCH_REPO/tests/booted/run" "$BUILD" tests/bench/booted-login.sh
