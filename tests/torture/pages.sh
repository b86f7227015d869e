#!/bin/bash
# Every page of a store is spoilt in turn, in some forty ways each (tests/unit/test_store_pages.c;
# in `make check` it takes one page in 24).
#   ATTACKS 39  each is found, or nothing is read differently for it
# no-world
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "$TORTURE" != short ] || {
	echo "unit/test_store_pages does a part of it"
	exit 0
}
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
out=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && LB_TEST_THOROUGH=1 "$BUILD/tests/test_store_pages" 2>&1)
status=$?
printf '%s\n' "$out"
count "$(sed -n 's/^[0-9]* pages, \([0-9]*\) ways spoilt:.*/\1/p' <<<"$out" | grep . || echo 0)" spoilt-pages
count_bad $((status != 0)) bad-states
exit $status
