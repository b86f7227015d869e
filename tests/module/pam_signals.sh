#!/bin/bash
# world: bare
# ATTACKS 51: the modules set no handler, mask or timer, raise no SIGPIPE, and stay right and in
# time while signals rain on the program that they are in.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/module/pam_lib.sh"
people
stacks
gate_conf <<END
gate lockbox
END

step "no function of signals, timers or children is called"
for module in pam_lockbox.so libnss_lockbox.so.2; do
	quietly nm -D --undefined-only "$BUILD/$module"
	says_not ' (signal|bsd_signal|sigaction|sigprocmask|pthread_sigmask|sigwait|sigaltstack|raise|kill|tgkill|alarm|ualarm|setitimer|timer_create|pause|fork|vfork|clone|system|popen|posix_spawnp?|waitpid|wait4?|waitid|exit|_exit|abort|longjmp)(@|$)'
done
pass "by either module"

step "nothing is left changed"
# For the password's prompt libpam itself goes by another way, so each is compared with itself.
peer allow "Lockbox: yes"
pam sshd $TEMP rhost=192.0.2.7 tty=ssh loginuid=$TEMP_UID account signals repeat=20 account signals \
	repeat=20 open signals close signals setcred signals chauthtok signals
gives account PAM_SUCCESS
[ "$(grep -c '^signals ' <<<"$OUT")" -eq 6 ] || fail "six readings: $OUT"
[ "$(grep '^signals ' <<<"$OUT" | sort -u | wc -l)" -eq 1 ] || fail "the signals changed: $OUT"
alone sshd $TEMP signals account signals open signals
[ "$(grep '^signals ' <<<"$OUT" | sort -u | wc -l)" -eq 1 ] || fail "the signals changed: $OUT"
peer silent
pam sshd $TEMP signals account signals
gives account PAM_AUTHINFO_UNAVAIL
[ "$(grep '^signals ' <<<"$OUT" | sort -u | wc -l)" -eq 1 ] || fail "the signals changed: $OUT"
pass "handlers, mask and timers after every call, also after one that ran out of time"

step "a daemon that slams the door raises no SIGPIPE"
peer allow
pam sshd $TEMP account
gives account PAM_SUCCESS
peer slam
# The question is held back until the other end has gone.
quietly setsid timeout 20 strace -qq -o /dev/null -e trace=getsockopt -e inject=getsockopt:delay_exit=100000 \
	"$BUILD/tests/pam_driver" $T/stacks sshd $TEMP account
[ "$STATUS" -eq 1 ] || fail "status $STATUS, not a refusal: $OUT"
gives account PAM_AUTHINFO_UNAVAIL
asked '^closed$'
pass "it is a refusal"

step "a storm of signals"
peer password "Lockbox: wrong password"
pam sshd $TEMP password=right rhost=192.0.2.7 loginuid=$TEMP_UID storm repeat=300 auth repeat=300 account
gives auth PAM_SUCCESS
gives account PAM_SUCCESS
pam sshd $TEMP password=wrong storm repeat=300 auth
gives auth PAM_AUTH_ERR
peer deny "Lockbox: no"
pam sshd $TEMP storm repeat=300 account
gives account PAM_PERM_DENIED
pass "changes neither a yes nor a no"
peer silent
pam sshd $TEMP storm account
gives account PAM_AUTHINFO_UNAVAIL
within account 3500
pass "and no deadline"
passed
