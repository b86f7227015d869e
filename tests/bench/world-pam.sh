#!/bin/bash
# What part-pam.sh runs in a world: world-pam.sh DISK
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"

# Logins come faster here than the ends of the ones before are noticed.
sed -i 's/^\tsessions = 3$/\tsessions = 10/' /etc/lockbox/policy.d/*.conf
store_on_disk "$1"
start_sshd
start_daemon
granted alice log-reader 10m bob
uid=$(id -u "$ACCOUNT")

# A stack of one module each.  For pam_lockbox the line is the installed one, and the service has to
# be one that a grant is good for.
dir=/run/pam-bench
mkdir -p $dir
for peer in permit unix access; do
	printf '%s required pam_%s.so\n' account $peer session $peer >$dir/$peer
done
printf '%s [success=ok ignore=ignore default=die] pam_lockbox.so\n' account session >$dir/sshd

table pam-socket "A message and its answer over a Unix socket" "open connection"
table pam-account "An account decision: pam_start, pam_acct_mgmt, pam_end" pam_permit
table pam-login "A login after its password: account, open_session, close_session" pam_permit
for ((round = 0; round < ROUNDS; round++)); do
	quietly "$BUILD/tests/pam_bench" $dir "$ACCOUNT" "$uid" permit unix access sshd
	[ "$STATUS" -eq 0 ] || fail "pam_bench: $OUT"
	while read -r name ns; do
		case $name in
		round-trip) measured pam-socket "open connection" 0 ns "$ns" ;;
		round-trip-connected-anew) measured pam-socket "connect, exchange, close" 0 ns "$ns" ;;
		*)
			who=pam_${name#*-}
			[ "$who" != pam_sshd ] || who=pam_lockbox
			measured "pam-${name%%-*}" "$who" 0 ns "$ns"
			;;
		esac
	done <<<"$OUT"
done
plot pam "PAM decisions" "" "pam-account=account decision" "pam-login=account, open, close"
target "an account decision adds at most 6 exchanges with connecting to pam_permit" \
	'm("pam-account", "pam_lockbox", 0) - m("pam-account", "pam_permit", 0) < 6 * m("pam-socket", "connect, exchange, close", 0)'
