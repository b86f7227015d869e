#!/bin/bash
# world: bare
# ATTACKS 34: su and sudo run with what their caller left in the environment; the modules read
# none of it.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/module/pam_lib.sh"
people
stacks
gate_conf <<END
gate lockbox
END

step "no function that reads the environment is called"
for module in pam_lockbox.so libnss_lockbox.so.2; do
	quietly nm -D --undefined-only "$BUILD/$module"
	says_not ' (getenv|secure_getenv|__secure_getenv|environ|__environ|_environ|putenv|setenv|pam_getenv|pam_getenvlist|pam_putenv|tzset|localtime|localtime_r|mktime|strftime|setlocale|getlogin|getlogin_r|tmpnam|tempnam|mktemp|wordexp|glob|execvp|execlp|popen|system|dlopen)(@|$)'
done
pass "by either module"

# An answer that lets everybody in, where a hostile environment may point to; and a policy file
# that exempts everybody.
mkdir -p $T/evil
printf 'gate lockbox\nexempt sshd mallory\nexempt sudo mallory\nexempt su mallory\n' >$T/evil/pam.conf
cp $T/evil/pam.conf $T/evil/.pam.conf
"$BUILD/tests/pam_peer" $T/evil/pam.sock allow $T/evil/asked &
evil=$!
wait_for "[ -S $T/evil/pam.sock ]"
hostile=()
for name in LOCKBOX LB PAM_LOCKBOX PAM; do
	hostile+=("${name}_SOCKET=$T/evil/pam.sock" "${name}_CONF=$T/evil/pam.conf" "${name}_CONFIG=$T/evil/pam.conf"
		"${name}_DIR=$T/evil" "${name}_RUN=$T/evil" "${name}_TIMEOUT=0" "${name}_DEBUG=1" "${name}_FAILMODE=safe"
		"${name}_SNAPSHOT=$T/evil/accounts" "${name}_USER=root" "${name}_SERVICE=cron" "${name}_EXEMPT=1")
done
for name in HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR TMPDIR TMP PATH RUNTIME_DIRECTORY TZDIR NLSPATH; do
	hostile+=("$name=$T/evil")
done
hostile+=(USER=root LOGNAME=root SUDO_USER=root SUDO_UID=0 LOGINUID=0 UID=0
	LC_ALL=tr_TR.UTF-8 LANGUAGE=xx "TZ=:$T/evil/pam.conf" "IFS=/" POSIXLY_CORRECT=1 COLUMNS=-1 LINES=99999999999999999999 TERM=../../evil
	"SSH_CONNECTION=127.0.0.1 1 127.0.0.1 2" "SSH_ORIGINAL_COMMAND=approve R-1")

step "the driver"
peer allow
pam sudo mallory uid=10002 account
gives account PAM_SUCCESS
peer deny "Lockbox: no"
quietly env -i "${hostile[@]}" "$BUILD/tests/pam_driver" $T/stacks sudo mallory uid=10002 account
gives account PAM_PERM_DENIED
asked "^pam-account user=mallory uid=10002 service=sudo"
quietly env -i "${hostile[@]}" "$BUILD/tests/pam_driver" $T/stacks sshd $TEMP loginuid=$TEMP_UID account open
gives account PAM_PERM_DENIED
gives open PAM_PERM_DENIED
no_peer
quietly env -i "${hostile[@]}" "$BUILD/tests/pam_driver" $T/stacks sudo mallory uid=10002 account
gives account PAM_AUTHINFO_UNAVAIL
[ ! -s $T/evil/asked ] || fail "the other daemon was asked: $(cat $T/evil/asked)"
pass "asks where it is set up to ask, and nowhere else"

step "the real su and sudo"
for service in su sudo; do
	cp $T/stacks/$service /etc/pam.d/$service
done
for mode in allow deny; do
	peer $mode "Lockbox: no"
	for program in "su mallory -c" "sudo -n -u mallory sh -c"; do
		forget
		# shellcheck disable=SC2086 # words
		quietly as alice env "${hostile[@]}" PATH=/usr/bin:/bin:/usr/sbin:/sbin $program "id -un"
		case $mode in
		allow)
			[ "$STATUS" -eq 0 ] || fail "$program should work: $OUT"
			says '^mallory$'
			;;
		deny) [ "$STATUS" -ne 0 ] || fail "$program went through: $OUT" ;;
		esac
		asked "^pam-account"
	done
done
[ ! -s $T/evil/asked ] || fail "the other daemon was asked: $(cat $T/evil/asked)"
pass "refuse with it what they refuse without it"
kill $evil
passed
