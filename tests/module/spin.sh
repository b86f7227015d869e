#!/bin/bash
# no-world
# The state machine of the keeper with everybody at it at once, in every order: spin finds nothing wrong
# with tests/spin/life.pml, whose table is printed by the code's own machine; and finds something once
# steps are torn, approvals counted twice, or the clock not looked at.
set -uo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cp "$repo/tests/spin/life.pml" "$dir/" && "$BUILD/tests/spin_table" >"$dir/table.pml" || exit 1
cd "$dir" || exit 1

# model NAME SPIN-FLAGS... -- PAN-FLAGS...: errors= and states= of a search of everything
model() {
	local name=$1 flags=()
	shift
	while [ "$1" != -- ]; do
		flags+=("$1")
		shift
	done
	shift
	mkdir "$name"
	cp life.pml table.pml "$name/"
	(
		cd "$name" || exit 1
		spin "${flags[@]}" -a life.pml && gcc -O1 -w -DVECTORSZ=4096 -DNFAIR=3 -o pan pan.c && ./pan -m200000 "$@"
	) >"$name.log" 2>&1
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$name.log" | head -n 1)
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$name.log" | head -n 1)
	[ -n "$errors" ] || { cat "$name.log"; echo "$name: spin did not come to an end"; exit 1; }
	! grep -q 'max search depth too small' "$name.log" || { echo "$name: not all was searched"; exit 1; }
	echo "$name: $errors errors, $states states"
}
cat table.pml
model safety --
[ "$errors" = 0 ] || { cat safety.log; exit 1; }
[ "$states" -gt 1000 ] || { echo "hardly anything was searched"; exit 1; }
model ends -DENDS -- -a -f
[ "$errors" = 0 ] || { cat ends.log; exit 1; }
for fault in TORN TWICE LATE; do
	model "$fault" "-D$fault" --
	[ "$errors" != 0 ] || { echo "$fault: nothing was found, and there is something"; exit 1; }
done
# with_cell CELL STATE: the table with one cell more
with_cell() { "$BUILD/tests/spin_table" | sed "s/^	skip$/	table[$1] = $2;\n&/" >table.pml; }
with_cell 'CANCELLED * EVENTS + E_CLAIM' ACTIVE
model cell --
[ "$errors" != 0 ] || { echo "a grant came back and nobody noticed"; exit 1; }
with_cell 'PENDING * EVENTS + E_APPROVE' ENDED
model half --
[ "$errors" != 0 ] || { echo "half an approval was enough and nobody noticed"; exit 1; }
