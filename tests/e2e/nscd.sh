#!/bin/bash
# ATTACKS 18: nscd keeps an answer long after its account has ended.  The daemon sees it and says so.
set -euo pipefail
. "$WORLD_REPO/tests/support/lib.sh"

step "Without nscd nothing is said"
mark_log
start_daemon
wait_log 'policy in force' 5
log_since_mark >/run/log.before
! grep -q nscd /run/log.before || fail "nscd is named though it does not run"
pass "no word of nscd"

step "With nscd's socket there, the log says what to do"
mkdir -p /run/nscd
: >/run/nscd/socket
mark_log
reload_daemon
wait_log 'nscd is running here and keeps answers' 5
pass "the operator is told"
stop_daemon
passed
