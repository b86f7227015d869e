#!/bin/bash
# The account decision of pam_lockbox with the real daemon, beside pam_permit and a bare round
# trip over a Unix socket, all in the same run.  Runs inside a world with Lockbox installed:
#
#   tests/support/world tests/bench/part-pam.sh
#
# ROWS=1 prints plain rows "NAME NANOSECONDS" and no table.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/support/lib.sh"

dir=/run/pam-bench
start_sshd
start_daemon
granted alice db-operator 10m bob

# The stack line is the installed one; the service has to be one that a grant is good for.
mkdir -p $dir
echo "account required pam_permit.so" >$dir/permit
echo "account [success=ok ignore=ignore default=die] pam_lockbox.so" >$dir/sshd

quietly "$BUILD/tests/pam_bench" $dir "$ACCOUNT" permit sshd
[ "$STATUS" -eq 0 ] || fail "pam_bench: $OUT"
if [ "${ROWS-}" = 1 ]; then
	printf '%s\n' "$OUT" | sed 's/^/pam-/'
	exit 0
fi
printf '%s\n' "$OUT" | awk '
	{ ns[$1] = $2 }
	function row(what, n) { printf "%-52s %9.1f us\n", what, n / 1000 }
	END {
		more = ns["sshd"] - ns["permit"]
		row("Unix socket, round trip on an open connection", ns["round-trip"])
		row("Unix socket, connect, round trip, close", ns["round-trip-connected-anew"])
		row("account decision, pam_permit", ns["permit"])
		row("account decision, pam_lockbox and lockboxd", ns["sshd"])
		printf "%-52s %9.1f round trips, %.1f with connecting (goal: 5)\n", \
			"pam_lockbox over pam_permit", more / ns["round-trip"], \
			more / ns["round-trip-connected-anew"]
	}'
