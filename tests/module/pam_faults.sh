#!/bin/bash
# world: bare
# pam_lockbox when the daemon or the process it runs in is not as it should be: always a denial,
# within two seconds, and nothing left behind.
. "$WORLD_REPO/tests/module/pam_lib.sh"
people
stacks
gate_conf </dev/null

operators="^error: Lockbox: the access daemon does not answer; ask the host's operators$"

# no_verdict WHAT MS: every call that needs the daemon is refused in that time.
no_verdict() {
	mark_log
	pam sshd $TEMP account
	gives account PAM_AUTHINFO_UNAVAIL
	within account "$2"
	says "$operators"
	logged "pam_lockbox\(sshd:account\): refused, no verdict from lockboxd: user=$TEMP"
	pam sshd mallory account
	gives account PAM_AUTHINFO_UNAVAIL
	pam sshd $TEMP password=right auth
	gives auth PAM_AUTHINFO_UNAVAIL
	within auth "$2"
	pam sshd $TEMP loginuid=$TEMP_UID open
	gives open PAM_AUTHINFO_UNAVAIL
	within open "$2"
	pam sshd $TEMP close
	gives close PAM_SUCCESS
	pass "$1"
}

works() {
	peer allow
	pam sshd $TEMP password=right loginuid=$TEMP_UID auth account open close
	for call in auth account open close; do
		gives $call PAM_SUCCESS
	done
}

step "the daemon is not there"
works
no_peer
no_verdict "no socket" 200
python3 - $SOCKET <<'END' 2>/dev/null || perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0); bind(S,pack_sockaddr_un($ARGV[0]))' $SOCKET
import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])
END
no_verdict "a socket that nobody listens at" 200
rm -f $SOCKET
: >$SOCKET
no_verdict "a plain file in its place" 200
rm -f $SOCKET

step "the daemon is stopped or slow"
works
kill -STOP "$PEER"
no_verdict "stopped (SIGSTOP)" 1999
kill -CONT "$PEER"
stacks timeout=400
for mode in silent half drip; do
	works
	peer $mode
	no_verdict "$mode, with a shorter timeout" 900
done
stacks

step "the answer is not a verdict"
for mode in hang-up half-and-close trailing followed nul-text huge bad-version reserved request-type \
	other-reply echo verdict-0 verdict-3 verdict-255 other-owner; do
	works
	peer $mode yes
	no_verdict $mode 500
done

step "nothing is left behind"
works
pam sshd $TEMP account fds
before=$(grep ^fds <<<"$OUT")
for mode in allow deny hang-up half-and-close trailing verdict-0 other-owner echo; do
	peer $mode
	pam sshd $TEMP password=x loginuid=$TEMP_UID account repeat=20 auth repeat=20 account repeat=20 open \
		repeat=20 close fds
	says "^$before$"
done
no_peer
pam sshd $TEMP account repeat=20 account fds
says "^$before$"
pass "no descriptor, after calls that went wrong in every way"

step "signals"
works
pam sshd $TEMP password=right loginuid=$TEMP_UID alarms repeat=200 auth repeat=200 account repeat=200 open
for call in auth account open; do
	gives $call PAM_SUCCESS
done
peer hang-up
pam sshd $TEMP alarms repeat=50 account
gives account PAM_AUTHINFO_UNAVAIL
pass "a storm of SIGALRM changes nothing, and a lost daemon sends no SIGPIPE"

step "threads"
works
pam sshd $TEMP threads=8
says "^threads: 400 of 400 allowed$"
peer deny
pam sshd $TEMP threads=8
says "^threads: 0 of 400 allowed$"
pass "eight at once"

step "the environment"
works
hostile=(LOCKBOX_SOCKET=/tmp/x LB_SOCKET=/tmp/x HOME=/tmp USER=root LOGNAME=root SUDO_USER=root TZ=/etc/shadow
	PATH=/tmp TMPDIR=/tmp LANG=xx PAM_USER=root)
peer deny
pam sshd mallory account
gives account PAM_PERM_DENIED
quietly env -i "${hostile[@]}" "$BUILD/tests/pam_driver" $T/stacks sshd mallory account
gives account PAM_PERM_DENIED
asked "user=mallory uid=10002"
! nm -D -u "$MODULE" | grep -E 'getenv|sigaction|signal|sigprocmask|alarm|setitimer|setenv|system|popen|exec|fork' ||
	fail "the module uses one of these"
pass "is not read, and no signal, process or environment function is linked"

step "what is shown and logged is escaped"
peer deny $'Lockbox: \e[31mred\x9b\nsecond line \u202e reversed'
mark_log
pam sshd $TEMP rhost=$'host\n\e]0;x\a" reason="fine' account
gives account PAM_PERM_DENIED
says '^error: Lockbox: \\x1b\[31mred\\x9b$'
says '^second line \\xe2\\x80\\xae reversed$'
logged 'rhost="host\\x0a\\x1b\]0;x\\x07\\" reason=\\"fine" reason="Lockbox: \\x1b'
pam sshd $TEMP silent account
gives account PAM_PERM_DENIED
says_not "^error"
pass "control characters, and silence where it is asked for"

passed
