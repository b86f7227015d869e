#!/bin/bash
# Power is lost at every moment of a keeper's work: what a disk may then hold is put together from
# the record of every write, cut off, left out and out of order, and opened (replay.c says how).
#   ATTACKS 40  no state loses or brings back anything that was acknowledged, or does not open
# no-world
# parts: 2
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
commits=36
[ "$TORTURE" = short ] || commits=400
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm

"$BUILD/tests/replay" $commits "$PART" "$PARTS" >"${WORLD_LOGS:-$BUILD/tests}/replay.txt"
status=$?
cat "${WORLD_LOGS:-$BUILD/tests}/replay.txt"
read -r states _ lost _ resurrected _ bad _ refused _ < <(tail -n 1 "${WORLD_LOGS:-$BUILD/tests}/replay.txt")
count "${states:-0}" power-losses
count_bad "${lost:-1}" lost
count_bad "${resurrected:-0}" resurrected
count_bad $((${bad:-0} + ${refused:-0})) bad-states
[ "${states:-0}" -gt 500 ] && [ $status -eq 0 ]
