#!/bin/bash
# no-world
# Every patch of tests/defences still applies to the code as it is, and says what it is for; what
# `make defences` does with them takes long, so this looks alone whether it could.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
bad=0
for patch in tests/defences/[0-9][0-9]-*.patch; do
	for word in row test what; do
		sed '/^diff /q' "$patch" | grep -q "^$word: ." || { echo "$patch: no $word:"; bad=1; }
	done
	patch -p1 --dry-run --forward --batch <"$patch" >/dev/null 2>&1 || { echo "$patch does not apply"; bad=1; }
done
exit $bad
