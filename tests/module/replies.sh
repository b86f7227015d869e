#!/bin/bash
# no-world
# Every reply of the daemon under memcheck: each byte that is handed to the kernel has been set, and
# belongs to the reply (ATTACKS 43).  Before it, that memcheck would see one that has not been.
set -u
build=${BUILD:-build}
here=$(dirname "${BASH_SOURCE[0]}")
check() {
	valgrind -q --error-exitcode=99 --suppressions="$here/valgrind.supp" "$@"
}

status=0
check "$build/tests/unset" 0 >/dev/null || status=$?
[ $status = 0 ] || { echo "FAILED: memcheck ends with $status where every byte is set"; exit 1; }
check "$build/tests/unset" 1 >/dev/null 2>&1 || status=$?
[ $status = 99 ] || { echo "FAILED: memcheck does not see a byte that was never set"; exit 1; }
echo "ok: memcheck sees a byte that was never set"

check "$build/tests/test_replies" || { echo "FAILED: see above"; exit 1; }
echo "ok: no reply has a byte that was never set, or that is not its own"
