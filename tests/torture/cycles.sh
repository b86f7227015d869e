#!/bin/bash
# Whole lives of grants, one after the other: what a past grant leaves in the store, and that its file
# holds little beside what is kept (cycles.c).  No reader is ever there that keeps pages from being
# used again.
#   ATTACKS 38  the list of free pages stays short
# no-world
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
grants=500
[ "$TORTURE" = short ] || grants=20000
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
"$BUILD/tests/cycles" $grants
status=$?
count $grants lives-of-grants
count_bad $((status != 0)) bad-states
exit $status
