#!/bin/bash
# Signed approvals, through real ssh and ssh-keygen: given, refused for each thing that a signature
# can be wrong in (each after the same act was seen to succeed), kept, and verified again by somebody
# who has nothing but what `evidence` prints and ssh-keygen.
#   ATTACKS 8   a signature replayed, on another request or host, or by a key that was removed
#   ATTACKS 44  reloads while statements are signed
# shellcheck disable=SC2119,SC2317,SC2329 # arguments are optional; words are called by name
. "$WORLD_REPO/tests/support/lib.sh"
policy=/etc/lockbox/policy.d/demo.conf
work=/run/signed
mkdir $work
touch_key=$("$BUILD/tests/sshsig_corpus" key ssh:)
ssh-keygen -q -t ed25519 -N '' -C second -f $work/second
sed -i -e '/^role /a signed-approvals = true' \
	-e "/^identity bob/s|keys = {|keys = {\"$touch_key\", \"$(cat $work/second.pub)\", |" $policy
start_daemon
start_sshd

ask() {
	quietly gate alice request "$1" --for 5m --json --reason "${2-a reason}"
	[ "$STATUS" -eq 0 ] || fail "request: $OUT"
	GRANT=$(field id)
}
# statement WHO ID FILE
statement() { gate "$1" show "$2" --statement >"$3" </dev/null || fail "no statement of $2 for $1"; }
# sign KEY FILE [NAMESPACE]: writes FILE.sig
sign() { ssh-keygen -q -Y sign -n "${3-lockbox-approval}" -f "$1" <"$2" >"$2.sig" 2>/dev/null || fail "ssh-keygen did not sign"; }
# give WHO ID FILE
give() { gate "$1" approve "$2" --signature - --json <"$3"; }
# rejected WORDS GIVE-ARGS...: with these words, recorded, and the request waits on
rejected() {
	local words=$1
	shift
	quietly give "$@"
	[ "$STATUS" -eq 1 ] && grep -qE -- "$words" <<<"$OUT" || fail "not refused with \"$words\": $STATUS $OUT"
	quietly gate carol audit --grant "$2" --json
	grep -qE "signature-refused[^}]*$words" <<<"$OUT" || fail "no record of it: $OUT"
	quietly gate alice show "$2" --json
	[ "$(field state)" = pending ] && [ "$(field approvals)" = 0 ] || fail "$OUT"
	pass "refused: $words"
}
# accepted WHO ID FILE
accepted() {
	quietly give "$@"
	[ "$STATUS" -eq 0 ] && [ "$(field state)" = approved ] || fail "not taken: $STATUS $OUT"
	pass "taken"
}

step "approve says what to sign and what to type; what it says is typed as it stands"
ask db-operator "index is broken"
run_status 1 gate bob approve "$GRANT"
says 'takes a signed approval'
says "^  request: $GRANT\$"
says '^  reason: index is broken$'
says '^  nonce: [0-9a-f]{32}$'
printed=$(sed -n '/^  ssh lockbox@.*--statement |$/,/--signature -$/p' <<<"$OUT")
[ "$(wc -l <<<"$printed")" -eq 3 ] || fail "no command in it"
run_status 1 gate bob approve "$GRANT" --json
[ "$(field code)" = signature-needed ] || fail "$OUT"
typed() (
	ssh() { command ssh -o BatchMode=yes -o IdentitiesOnly=yes -i /root/keys/bob "$@"; }
	eval "${printed/KEY/$1}"
)
run_ok typed /root/keys/bob
says "$GRANT is approved"
run_ok gate alice claim "$GRANT"
first=$GRANT

step "evidence: whoever has ssh-keygen alone verifies it with the commands that it prints"
mkdir $work/third
chown nobody $work/third
run_ok gate carol evidence "$first"
printf '%s\n' "$OUT" >$work/third/commands
third() (
	cd $work/third && setpriv --reuid nobody --regid nogroup --clear-groups --reset-env sh "$1"
)
run_ok third commands
says 'Good "lockbox-approval" signature for bob with ED25519 key SHA256:'
sed 's/^reason: index/reason: Index/' $work/third/commands >$work/third/changed
run_refused third changed
sed 's/^request: R-1$/request: R-2/' $work/third/commands >$work/third/changed
run_refused third changed
run_ok third commands
quietly gate carol audit --grant "$first" --json
sum=$(sha256sum <$work/third/"$first.1.statement" | cut -d' ' -f1)
says "\"event\":\"approve\"[^}]*signed with SHA256:[^}]*$sum"
pass "the record has the digest of the statement"
quietly gate alice evidence "$first" --json
perl -MJSON::PP -e '
	my $e = decode_json($ARGV[0])->{evidence}[0];
	for my $f (qw(statement signature allowed_signers)) {
		open my $o, ">", "$ARGV[1]/$f" or die;
		print $o $e->{$f}, $f eq "allowed_signers" ? "\n" : "";
	}' "$OUT" $work/third
verify_json() ( cd $work/third && ssh-keygen -Y verify -n lockbox-approval -I bob -f allowed_signers -s signature <statement )
run_ok verify_json
quietly gate mallory evidence "$first"
[ "$STATUS" -eq 1 ] || fail "everybody reads evidence"
says 'there is no'

step "The same act, right and then wrong in one thing"
s=$work/s
ask db-operator
statement bob "$GRANT" $s
sign /root/keys/bob $s
accepted bob "$GRANT" $s.sig
cp $s.sig $work/used.sig
ask db-operator again
rejected "is of the statement for R-2, and this is $GRANT" bob "$GRANT" $work/used.sig
statement bob "$GRANT" $s
cmp -s <(gate bob show "$GRANT" --statement </dev/null) $s || fail "another statement the second time"
rejected "is of the statement for R-2, and this is $GRANT" bob "$GRANT" $work/used.sig
sign /root/keys/bob $s file
rejected 'was made in another namespace' bob "$GRANT" $s.sig
sign /root/keys/carol $s
rejected 'by a key that the policy does not have for you' bob "$GRANT" $s.sig
sed 's/^host: .*/host: other-host/' $s >$work/other
sign /root/keys/bob $work/other
rejected "of no statement of this host's: another host's" bob "$GRANT" $work/other.sig
sed 's/^nonce: ./nonce: x/' $s >$work/other
sign /root/keys/bob $work/other
rejected "of no statement of this host's" bob "$GRANT" $work/other.sig
head -c -1 $s >$work/other
sign /root/keys/bob $work/other
rejected 'to the last byte' bob "$GRANT" $work/other.sig
statement dave "$GRANT" $work/other
sign /root/keys/bob $work/other
rejected 'is of the statement that dave was given' bob "$GRANT" $work/other.sig
sign /root/keys/bob $s
head -c -40 $s.sig >$work/other
rejected 'is cut short' bob "$GRANT" $work/other
cat $s.sig $s.sig >$work/other
rejected 'has something behind its last line' bob "$GRANT" $work/other
quietly give bob "$GRANT" /dev/null
[ "$STATUS" -eq 2 ] && grep -q 'no signature came' <<<"$OUT" || fail "$STATUS $OUT"
head -c 3000 /dev/zero >$work/other
quietly give bob "$GRANT" $work/other
[ "$STATUS" -eq 2 ] && grep -q 'too long' <<<"$OUT" || fail "$STATUS $OUT"
run_status 2 gate bob approve "$GRANT" --signature /etc/passwd
says 'is not here'
run_status 2 gate bob approve "$GRANT" --sign /root/keys/bob
accepted bob "$GRANT" $s.sig
quietly give bob "$GRANT" $s.sig
[ "$STATUS" -eq 1 ] && grep -q 'have approved' <<<"$OUT" || fail "replayed: $STATUS $OUT"
pass "replayed at once: refused"

step "A hardware key that was touched, and another key of bob's, until it is removed"
ask db-operator touched
statement bob "$GRANT" $s
"$BUILD/tests/sshsig_corpus" sign ssh: lockbox-approval <$s >$s.sig
accepted bob "$GRANT" $s.sig
run_ok gate carol evidence "$GRANT"
printf '%s\n' "$OUT" >$work/third/commands
run_ok third commands
says 'Good "lockbox-approval" signature for bob with ED25519-SK key SHA256:'
ask db-operator second
statement bob "$GRANT" $s
sign $work/second $s
accepted bob "$GRANT" $s.sig
ask db-operator third
statement bob "$GRANT" $s
sign $work/second $s
mark_log
sed -i "s|\"$(cat $work/second.pub)\", ||" $policy
reload_daemon
wait_log 'event=policy ' || fail "no reload"
rejected 'by a key that the policy does not have for you' bob "$GRANT" $s.sig
sign /root/keys/bob $s
rejected 'has changed since, or the policy has' bob "$GRANT" $s.sig
cp $s.sig $work/old.sig
statement bob "$GRANT" $s
rejected 'is of an earlier statement, with another nonce' bob "$GRANT" $work/old.sig
sign /root/keys/bob $s
stop_daemon || fail "the daemon does not stop"
start_daemon
statement bob "$GRANT" $work/other
cmp -s $s $work/other || fail "another statement after a restart"
accepted bob "$GRANT" $s.sig

step "Two levels of signatures; on the host itself with --sign; deny needs none"
ask two-leads
statement bob "$GRANT" $s
sign /root/keys/bob $s
quietly give bob "$GRANT" $s.sig
[ "$STATUS" -eq 0 ] && [ "$(field state)" = pending ] || fail "$STATUS $OUT"
statement dave "$GRANT" $s
sign /root/keys/dave $s
accepted dave "$GRANT" $s.sig
run_ok gate alice evidence "$GRANT"
[ "$(grep -c '^ssh-keygen -Y verify' <<<"$OUT")" -eq 2 ] || fail "not two pieces of evidence"
install -m 600 -o mallory -g mallory /root/keys/mallory /home/mallory/.ssh/id_ed25519
ask log-reader
run_status 1 as mallory lockbox approve "$GRANT"
says "lockbox approve $GRANT --sign KEY"
run_status 2 as mallory lockbox approve "$GRANT" --sign /home/mallory/.ssh/nothing
run_ok as mallory lockbox approve "$GRANT" --sign /home/mallory/.ssh/id_ed25519
says "$GRANT is approved"
ask db-operator denied
run_ok gate bob deny "$GRANT" --reason "not today"

step "Reloads all the time, a broken policy among them: each signature is taken for what was signed"
( while :; do
	kill -HUP "$DAEMON_PID" 2>/dev/null || exit 0
	sleep 0.02
done ) &
storm=$!
for n in 1 2 3 4 5; do
	ask db-operator "storm $n"
	statement bob "$GRANT" $s
	sign /root/keys/bob $s
	if [ $n = 3 ]; then
		cp $policy $work/demo.conf
		echo 'role broken {' >>$policy
	fi
	accepted bob "$GRANT" $s.sig
	rejected_again=$(give bob "$GRANT" $s.sig) && fail "twice: $rejected_again"
done
kill $storm
wait $storm 2>/dev/null
cp $work/demo.conf $policy
passed
