#!/bin/bash
# ATTACKS 30: minus one, signs, leading zeros and numbers too large for their kind.  What is a number
# is written in one way only; everything else is refused, never cut or wrapped to one that exists.
# shellcheck disable=SC2119,SC2317 # arguments are optional; words are called by name
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd
granted alice db-operator 30m bob
[ "$GRANT" = R-1 ] || fail "the first grant is R-1: $GRANT"

step "Numbers of grants"
run_ok gate alice show R-1
run_ok gate alice status
for id in R--1 R-+1 R-01 R-001 R-0 R-1x R-1.0 R-0x1 R-1e0 R-257 R-65537 R-4294967297 R-4294967295 \
	R-18446744073709551615 R-18446744073709551616 R-18446744073709551617 R-340282366920938463463374607431768211457 \
	R- --1 -1; do
	for verb in show claim end cancel approve; do
		quietly gate alice $verb "$id"
		[ "$STATUS" -ne 0 ] || fail "$verb $id went through: $OUT"
		says_not "lb-alice-1"
	done
	quietly gate bob revoke "$id" --reason test
	[ "$STATUS" -ne 0 ] || fail "revoke $id went through: $OUT"
done
run_ok gate alice show R-1
says 'active'
pass "only R-1 is R-1"

step "Durations and counts"
run_ok gate alice request log-reader --for 5m --reason test
for duration in -1 -5m 0 0m +5m 5 5mm 1e9h 0x5m 4294967297m 18446744073709551617s 99999999999999999999999h "5m -1m" 2147483648s; do
	quietly gate alice request log-reader --for "$duration" --reason test
	[ "$STATUS" -ne 0 ] || fail "--for $duration went through: $OUT"
done
run_ok gate carol audit --after 0
for after in -1 +1 0x1 1e1 18446744073709551616 99999999999999999999999 1,2; do
	quietly gate carol audit --after "$after"
	[ "$STATUS" -ne 0 ] || fail "audit --after $after went through: $OUT"
done
pass "are refused when they are not plainly written or too large"

step "User ids"
getent passwd "$ACCOUNT" >/run/real
wait_for "gate alice claim $GRANT --json >/run/claim" 5 || fail "claim: $(cat /run/claim)"
PASSWORD=$(field password "$(cat /run/claim)")
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" sudo /usr/bin/id -u
says '^0$'
for who in '#-1' '#4294967295' '#2147483648' '#-2147483648' '#65535' '#+0' '#4294967296' '#-0' '#00' '#18446744073709551615'; do
	wait_for "gate alice claim $GRANT --json >/run/claim" 5 || fail "claim: $(cat /run/claim)"
	PASSWORD=$(field password "$(cat /run/claim)")
	quietly temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" sudo -n -u "'$who'" /usr/bin/id -u
	case $who in
	'#+0' | '#-0' | '#00') ;; # sudo reads these as 0, which is granted
	*) [ "$STATUS" -ne 0 ] || fail "sudo -u $who went through: $OUT" ;;
	esac
done
pass "sudo's fragment lets nobody become minus one"

# Names of ours whose number is not of ours; the real one stands beside them.
cp /etc/passwd /run/passwd
mkdir -p /run/stacks
printf 'account [success=ok ignore=ignore default=die] pam_lockbox.so\naccount required pam_permit.so\n' >/run/stacks/sshd
driver() { quietly timeout 20 "$BUILD/tests/pam_driver" /run/stacks sshd "$@"; }
no_session "$GRANT"
driver "$ACCOUNT" account
[ "$STATUS" -eq 0 ] || fail "the account itself should be let in: $OUT"
for uid in 4294967295 -1 2147483648 2147483647 65535 65534 4294967294 1899999999 1900000000 1900009999 1901000000 0 1; do
	{
		cat /run/passwd
		echo "lb-alice-77:*:$uid:$uid::/:/bin/sh"
	} >/etc/passwd
	driver lb-alice-77 account
	[ "$STATUS" -eq 1 ] || fail "uid $uid: $OUT"
done
# And the real name with a false number, in front of the real one.
for uid in 4294967295 0 1900010002 65535; do
	{
		cat /run/passwd
		echo "$ACCOUNT:*:$uid:$uid::/:/bin/sh"
	} >/etc/passwd
	driver "$ACCOUNT" account
	[ "$STATUS" -eq 1 ] || fail "$ACCOUNT as $uid: $OUT"
done
cp /run/passwd /etc/passwd
driver "$ACCOUNT" account
[ "$STATUS" -eq 0 ] || fail "the account itself should be let in: $OUT"
pass "a name of ours with a number outside its range, and a live name with another number, are refused"

step "Numbers in names of accounts"
for name in lb-alice--1 lb-alice-+1 lb-alice-01 lb-alice-4294967297 lb-alice-18446744073709551617 lb-alice-1x lb-alice-; do
	{
		cat /run/passwd
		echo "$name:*:1900010001:1900010001::/:/bin/sh"
	} >/etc/passwd
	driver "$name" account
	[ "$STATUS" -eq 1 ] || fail "$name: $OUT"
done
cp /run/passwd /etc/passwd
pass "are strict"

step "Numbers in the policy"
run_ok lockbox check
cp -r /etc/lockbox /run/etc
for value in -1 +1 01 0x1 1e3 4294967297 18446744073709551617 "1 " " 1"; do
	for key in sessions approvals; do
		sed "s/^\tsessions = 1\$/\t$key = $value/" /run/etc/policy.d/*.conf >/run/changed.conf
		grep -q "$key = $value" /run/changed.conf || fail "the policy was not changed"
		rm /etc/lockbox/policy.d/*.conf
		cp /run/changed.conf /etc/lockbox/policy.d/changed.conf
		quietly lockbox check
		case $value in
		"1 " | " 1") [ "$STATUS" -eq 0 ] || fail "$key = '$value' should do: $OUT" ;;
		*) [ "$STATUS" -ne 0 ] || fail "$key = $value was taken: $OUT" ;;
		esac
	done
done
pass "are strict"
passed
