#!/bin/bash
# world: bare
# The file and the arguments that pam_lockbox goes by: a wrong one refuses everybody.
. "$WORLD_REPO/tests/module/pam_lib.sh"
people
stacks
peer allow

good() {
	rm -rf "${T:?}/etc"
	mkdir -m 755 $T/etc
	gate_conf <<-END
		# a comment
		gate lockbox	# another

		   exempt   login	root
		system cron
	END
	chmod 644 $CONF
	refused_not
}

refused_not() {
	pam sshd $TEMP account
	gives account PAM_SUCCESS
	pam sshd lockbox account
	gives account PAM_SUCCESS
	pam login root account
	gives account PAM_SUCCESS
}

# refused WHAT REGEX [CODE]: nobody gets in, in little time, and the log says why.
refused() {
	mark_log
	forget
	for words in "sshd $TEMP" "sshd lockbox" "login root" "cron mallory" "sshd mallory"; do
		# shellcheck disable=SC2086 # two words
		pam $words account
		gives account "${3:-PAM_SERVICE_ERR}"
		within account 200
		says "^error: Lockbox: this host's login settings are damaged; ask the host's operators$"
	done
	asked_nothing
	logged "refused, as everybody is: user=root .*$CONF: .*$2"
	pass "$1"
}

step "no file is no exemption"
good
rm $CONF
pam login root account
gives account PAM_SUCCESS
asked "^pam-account user=root"
peer deny
pam login root account
gives account PAM_PERM_DENIED
pam sshd lockbox account
gives account PAM_PERM_DENIED
rmdir $T/etc
pam login root account
gives account PAM_PERM_DENIED
pass "nor is no directory"
peer allow

step "a file that root alone has not written"
good
chown mallory $CONF
refused "another owner" "not root's alone to write"
good
chmod 664 $CONF
refused "writable by a group" "not root's alone to write"
good
chmod 646 $CONF
refused "writable by everybody" "not root's alone to write"
good
chown mallory $T/etc
refused "a directory of another owner" "its directory is not root's alone"
good
chmod 1777 $T/etc
refused "a directory that everybody may write" "its directory is not root's alone"

step "a file that is none"
good
mv $CONF $CONF.real
ln -s pam.conf.real $CONF
refused "a symbolic link" "symbolic link"
good
mv $T/etc $T/etc.real
ln -s etc.real $T/etc
refused "a directory that is a symbolic link" "symbolic link"
rm -rf "${T:?}/etc" "${T:?}/etc.real"
good
rm $CONF
mkfifo -m 644 $CONF
refused "a FIFO, without waiting for a writer" "not a regular file"
good
rm $CONF
mknod $CONF c 1 3
chmod 644 $CONF
refused "a device" "not a regular file"
good
rm $CONF
perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0); bind(S,pack_sockaddr_un($ARGV[0])); chmod 0644, $ARGV[0]' $CONF
refused "a socket" "not a regular file"
good
rm $CONF
mkdir $CONF
refused "a directory" "not a regular file"
good
head -c 65537 /dev/zero | tr '\0' '#' >>$CONF
refused "more than 64 KiB" "over 64 KiB"
good
truncate -s 1G $CONF
refused "a gigabyte" "over 64 KiB"
good
yes '# filling' | head -c 65000 >>$CONF
refused_not
pass "and one of nearly 64 KiB is read"

step "a line that is wrong"
bad_line() {
	good
	printf '%b\n' "$1" >>$CONF
	refused "$1" "line 6: .*$2"
}
bad_line 'exempt sshd' "the wrong number of words"
bad_line 'exempt sshd root now' "the wrong number of words"
bad_line 'exempt sshd root right now' "the wrong number of words"
bad_line 'allow sshd root' "unknown directive"
bad_line 'Exempt sshd root' "unknown directive"
bad_line 'exempt SSHD root' "not the name of a PAM service"
bad_line 'exempt ../sshd root' "not the name of a PAM service"
bad_line 'exempt sshd lb-alice-1' "this user cannot be named here"
bad_line 'exempt sshd r\033oot' "this user cannot be named here"
bad_line 'gate other' "one gate user only"
bad_line 'system sshd' "people come in by this service"
bad_line 'root-caller sshd' "the caller is always root"
bad_line 'root-caller login' "the caller is always root"
bad_line 'system cron\r' "not the name of a PAM service"
bad_line 'system\000 cron' "a NUL byte"
good
sed -i 's/^gate.*/gate root/' $CONF
refused "gate root" "line 2: root cannot be the gate user"
good
for n in {1..254}; do echo "exempt sshd user$n"; done >>$CONF
refused "257 directives" "line 259: too many directives"
good
printf 'exempt login toor' >>$CONF
pam login toor account
gives account PAM_SUCCESS
pass "a last line without its newline counts"

step "module arguments"
good
for argument in nonsense conf socket=relative conf=/etc/../x timeout=99 timeout=1801 timeout=1s timeout= \
	debug=1 socket=/"$(printf 'x%.0s' {1..120})" Debug; do
	stacks "$argument"
	for user in $TEMP lockbox mallory; do
		pam sshd "$user" account
		gives account PAM_SERVICE_ERR
		pam sshd "$user" auth
		gives auth PAM_SERVICE_ERR
		pam sshd "$user" open
		gives open PAM_SERVICE_ERR
		pam passwd "$user" chauthtok
		gives chauthtok PAM_SERVICE_ERR
	done
	mark_log
	pam sshd lockbox account
	logged "bad module argument '$argument'"
done
pass "one that is not known refuses everybody"
for argument in timeout=100 timeout=1800 debug; do
	stacks "$argument"
	refused_not
done
mark_log
pam sshd $TEMP account
logged "allowed: user=$TEMP"
pass "and these are taken"

step "without arguments the installed paths hold"
mkdir -p /etc/lockbox /run/lockbox $T/plain
rm -f /etc/lockbox/pam.conf
echo "account [success=ok ignore=ignore default=die] $MODULE" >$T/plain/sshd
run_driver $T/plain sshd $TEMP account
gives account PAM_AUTHINFO_UNAVAIL
ln -s $SOCKET /run/lockbox/pam.sock
run_driver $T/plain sshd $TEMP account
gives account PAM_SUCCESS
echo nonsense >/etc/lockbox/pam.conf
run_driver $T/plain sshd $TEMP account
gives account PAM_SERVICE_ERR
cp "$WORLD_REPO/packaging/pam.conf" /etc/lockbox/pam.conf
run_driver $T/plain sshd $TEMP account
gives account PAM_SUCCESS
pass "and the packaged pam.conf is a good one"

passed
