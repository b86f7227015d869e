#!/bin/bash
# no-world
# Every reason that the keeper gives for a refusal is provoked by a unit test: they run once more, and
# note what they were refused (tests/support/refusals.h); then the source is searched for reasons that
# are not among that (tests/support/refusals.pl).
set -uo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$repo" || exit 1
export LOCKBOX_REFUSALS=$dir/said
for source in tests/unit/test_*.c; do
	grep -qE '"(keeper_fixture|refusals)\.h"' "$source" || continue
	test=${source##*/}
	"$BUILD/tests/${test%.c}" >"$dir/log" 2>&1 || {
		cat "$dir/log"
		echo "$test failed"
		exit 1
	}
done
check() { perl tests/support/refusals.pl "$1" common/proto.h lockboxd/keeper/*.c; }
check "$dir/said" || exit 1
# And it would notice.
grep -v 'too many requests' "$dir/said" >"$dir/fewer"
! check "$dir/fewer" >"$dir/log" || { echo "a reason that nobody provoked was not missed"; exit 1; }
