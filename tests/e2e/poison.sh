#!/bin/bash
# What could move a cursor, forge a line or hide a word never leaves Lockbox as it came (ATTACKS 17):
# not in syslog, the record, answers to PAM, notices on terminals, the report on a policy.
# unit/test_cli_poison has every verb's output, field by field.
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

# Bytes as frames.pl writes them; the same raw for the shell.
poisons=(%1b[2J %9b31m %c2%9b31m a%0db a%0ab %07%08%09 %7f %c2%85 %e2%80%aaa %e2%80%aea %e2%81%a6a %e2%81%a9a %e2%80%8ea
	%e2%80%8fa %d8%9ca %e2%80%8ba %ef%bb%bfa %e2%80%a8a %ff%fe %e2%82 %ed%a0%80
	"e$(printf '%%cc%%81%.0s' {1..20})")
raw() { perl -e '($_ = $ARGV[0]) =~ s/%([0-9a-f]{2})/chr(hex($1))/gei; print' -- "$1"; }
frames() { perl "$WORLD_REPO/tests/support/frames.pl" "$@"; }
# plain FILE: every line of it is (newlines between lines apart)
cat >/run/plain.pl <<'END'
use strict;
use warnings;
use Encode;
my $bad = 0;
while (my $line = <STDIN>) {
	chomp $line;
	my $text = eval { decode("UTF-8", $line, Encode::FB_CROAK | Encode::LEAVE_SRC) };
	next if defined $text && $text !~ /[\x00-\x1f\x7f-\x9f\xad\x{61c}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}]|\pM{5}/;
	$line =~ s/([^\x20-\x7e])/sprintf("<%02x>", ord $1)/ge;
	print "$line\n";
	$bad = 1;
}
exit $bad;
END
plain() { perl /run/plain.pl; }
is_plain() {
	local found
	found=$(plain <<<"$2") || fail "$1: $found"
	checks=$((checks + 1))
}
printf 'x\e[2Jy' | plain >/dev/null && fail "the check sees nothing"

step "What PAM passes on: user, service, host, terminal; in syslog, in the answer, in the record"
mark_log
n=0
for poison in "${poisons[@]}"; do
	for field in "t=$poison,w=4711,t=sshd,t=h,t=y,t=" "t=bob,w=4711,t=x$poison,t=h,t=y,t=" \
		"t=bob,w=4711,t=sshd,t=h$poison,t=y,t=" "t=bob,w=4711,t=sshd,t=h,t=/dev/$poison,t="; do
		for type in 65 68; do
			quietly frames /run/lockbox/pam.sock "frame:$type:$field" wait
			[ "$STATUS" -eq 0 ] || fail "no answer to $type:$field: $OUT"
			if [ "$type" != 68 ]; then
				grep -q '^8008 01' <<<"$OUT" || fail "let in: $type:$field: $OUT"
			fi
			text=$(perl -e 'print substr(pack("H*", $ARGV[0]), 3)' "${OUT#8008 }")
			is_plain "the answer to $type:$field" "$text"
			n=$((n + 1))
		done
	done
done
pass "$n questions answered in plain words"
wait_log 'event=login-refused'
is_plain "syslog" "$(log_since_mark)"
quietly gate carol audit
is_plain "the record" "$OUT"
quietly gate carol audit --json
is_plain "the record as JSON" "$OUT"

step "Names at a login"
mark_log
for poison in %1b[2J %9b31m %e2%80%ae; do
	quietly person_ssh alice -l "a$(raw "$poison")" $HOST true
	[ "$STATUS" -ne 0 ] || fail "let in"
done
found=$(log_since_mark | grep -a lockbox | plain) || fail "syslog: $found"
pass "no line of Lockbox's in syslog is anything but plain"

step "What a verb is asked"
refused() {
	[ "$STATUS" -ne 0 ] || fail "taken: $1: $OUT"
	is_plain "the answer to $1" "$OUT"
}
for poison in "${poisons[@]}"; do
	it=$(raw "$poison")
	for words in "request log-reader --for 5m --reason x$it" "request log-reader$it --reason x" "show $it" \
		"request log-reader --reason x --ticket $it" "deny R-1 --reason $it" "$it" "status --$it"; do
		quietly as alice sh -c 'IFS=" "; set -f; exec lockbox $1' sh "$words"
		refused "$words"
	done
done
for poison in %1b[2J %9b31m %e2%80%ae; do
	quietly gate alice "request log-reader --for 5m --reason x$(raw "$poison")"
	refused "request with $poison through ssh"
done
quietly gate alice status --json
says_not '"id"'
pass "nothing was asked for by it"

step "Notices on the person's terminal"
granted alice log-reader 10m bob
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session"
run_ok gate bob revoke "$GRANT" --reason all in plain words
session_over 1
session_says 1 'all in plain words'
granted alice log-reader 10m bob
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session"
note "a keeper that was taken over has the warden end it, with a cause of its own"
uid=$(id -u "$ACCOUNT")
evict=$(perl -e 'print unpack("H*", pack("nQ>Nn/a*n/a*N", 20, @ARGV, 0))' "${GRANT#R-}" "$uid" "$ACCOUNT" "$(raw 'x%1b]0;pwned%07%1b[2J')")
mark_log
"$BUILD/tests/inject" "$(child_of_daemon keeper)" 3 "$evict" || fail "cannot inject"
session_over 1
! grep -qaE $'\e(\\[2J|\\]0;pwned)' /run/session.1 || fail "it came onto the terminal: $(cat -v /run/session.1)"
is_plain "syslog" "$(log_since_mark | grep -a lockboxd)"
pass "the cause of the second one is not shown"

step "A policy"
for poison in "${poisons[@]}"; do
	raw "role x { description = \"$poison\" requesters = {\"engineers\"} approvers = {\"leads\"} max-duration = \"1h\" }
identity $poison { }
team t { members = {\"$poison\"} }
" >/etc/lockbox/policy.d/x.conf
	for how in "" --json --dump; do
		# shellcheck disable=SC2086 # one word or none
		quietly lockbox check $how
		[ "$STATUS" -eq 1 ] || fail "a policy with $poison is taken: $OUT"
		is_plain "check $how with $poison" "$OUT"
	done
done
rm /etc/lockbox/policy.d/x.conf
is_plain "passwd" "$(getent -s lockbox passwd)"
is_plain "sudoers" "$(tr -d '\t' </etc/sudoers.d/lockbox)"
pass "its report is plain"
passed
