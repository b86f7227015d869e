#!/bin/bash
# One-time passwords: one login each, for one account, at sshd alone; wrong ones are refused, logged
# and limited, without anybody being able to lock the engineer out.
#   ATTACKS 5, 8 (another's, another grant's), 53 (in no file, no log)
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

login() { temp_ssh alice "$1" "${3-$ACCOUNT}@${2-$HOST}" 'id -un'; }
refused_with() {
	mark_log
	quietly login "$@"
	[ "$STATUS" -ne 0 ] || fail "a login went through that should not"
	# shellcheck disable=SC2154 # the caller sets why
	wait_log "event=login-refused .*account=\"?${3-$ACCOUNT}\"? .*detail=\"sshd from [^\"]*: $why\""
	pass "refused: $why"
}
fresh() {
	# Until the last session's process is seen to be gone.
	wait_for "gate alice claim $GRANT --json >/run/claim" 5 || fail "claim: $(cat /run/claim)"
	PASSWORD=$(field password "$(cat /run/claim)")
	[ -n "$PASSWORD" ] || fail "no password: $(cat /run/claim)"
}

step "Right, and then used"
granted alice db-operator 30m bob
first=$PASSWORD
run_ok login "$PASSWORD"
says "^$ACCOUNT$"
wait_for "[ \"\$(gate alice show $GRANT --json | grep -c '\"sessions\":0')\" = 1 ]" 5 || fail "the session is not closed"
why='the one-time password was used already or is void' refused_with "$first"

step "A claim voids the last one"
fresh
second=$PASSWORD
fresh
[ "$second" != "$PASSWORD" ] || fail "the same password twice"
why='wrong one-time password' refused_with "$second"
run_ok login "$PASSWORD"
run_ok gate carol audit --grant "$GRANT"
says 'new one-time password'

step "Wrong, empty, too long, of another person, of another grant"
fresh
why='wrong one-time password' refused_with aaaa-bbbb-cccc-dddd-eeee-ffff
quietly login ""
[ "$STATUS" -ne 0 ] || fail "in with an empty password"
quietly login "$(printf 'a%.0s' {1..200})"
[ "$STATUS" -ne 0 ] || fail "in with a long password"
mine=$PASSWORD my_grant=$GRANT my_account=$ACCOUNT
granted mallory log-reader 10m bob
theirs=$PASSWORD their_account=$ACCOUNT
granted alice log-reader 10m bob
other=$PASSWORD other_account=$ACCOUNT
ACCOUNT=$my_account GRANT=$my_grant
why='wrong one-time password' refused_with "$theirs"
why='wrong one-time password' refused_with "$other"
note "and the other way round: right password, wrong account"
why='wrong one-time password' refused_with "$mine" $HOST "$other_account"
quietly temp_ssh alice "$theirs" "$their_account@$HOST" true
[ "$STATUS" -ne 0 ] || fail "alice's key opens mallory's account"
says 'Permission denied \(publickey\)'
note "each still works where it belongs"
run_ok temp_ssh mallory "$theirs" "$their_account@$HOST" true
run_ok login "$other" $HOST "$other_account"
run_ok login "$mine"

step "At sshd alone"
fresh
for act in "su $ACCOUNT -c true" "su -l $ACCOUNT -c true"; do
	mark_log
	# shellcheck disable=SC2086 # words
	printf '%s\n' "$PASSWORD" | as mallory $act >/run/out 2>&1 && fail "in by $act"
	wait_log 'pam_lockbox\(su(-l)?:auth\): refused: .*one-time passwords are accepted by sshd only'
	pass "refused: $act"
done
run_ok login "$PASSWORD"
pass "and it was not spent by that"

step "Many wrong tries: refused from there, not from elsewhere, and a claim begins anew"
fresh
for _ in 1 2 3 4 5; do
	quietly login wrong-wrong-wrong ::1
	[ "$STATUS" -ne 0 ] || fail "in with a wrong password"
done
why='too many wrong passwords' refused_with wrong-wrong-wrong ::1
why='too many wrong passwords' refused_with "$PASSWORD" ::1
note "the engineer, from where nobody has guessed, is not locked out"
run_ok login "$PASSWORD" 127.0.0.1
fresh
run_ok login "$PASSWORD" ::1
note "guessing without the key never reaches the password"
fresh
for _ in 1 2 3 4 5 6 7; do
	quietly temp_ssh mallory guess "$ACCOUNT@::1" true
	says 'Permission denied \(publickey\)'
done
run_ok login "$PASSWORD" ::1

step "A password is in no log and in no file, and is no hash that two grants share"
for word in "$first" "$second" "$PASSWORD" "$mine" "$theirs" "$other"; do
	printf '%s\n%s\n' "$word" "${word//-/}"
done >/run/words
quietly grep -raFf /run/words /var/log/syslog /var/log/auth.log /var/log/lockboxd.log /var/log/sshd.log /var/lib/lockbox /run/lockbox /etc
[ "$STATUS" -eq 1 ] || fail "found in a file: $OUT"
pass "found nowhere"
for pid in $(pgrep lockboxd); do
	for form in "$first" "$PASSWORD" "${PASSWORD//-/}"; do
		! grep -aqF -- "$form" "/proc/$pid/cmdline" "/proc/$pid/environ" || fail "in a process's arguments"
	done
done
pass "and in no argument or environment"
passed
