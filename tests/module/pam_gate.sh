#!/bin/bash
# world: bare
# The gate of pam_lockbox: who is asked about, who is refused, who is let past, and the results.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/module/pam_lib.sh"
people
stacks
gate_conf <<END
gate lockbox
system cron
system atd
system systemd-user
root-caller su
root-caller sudo
root-caller passwd
exempt login root
exempt sshd toor
END

step "a grant lets a temporary account in, and the lack of one keeps it out"
for service in sshd sudo sudo-i polkit-1; do
	peer allow
	alone $service $TEMP rhost=192.0.2.7 tty=pts/3 account
	gives account PAM_SUCCESS
	asked "^pam-account user=$TEMP uid=$TEMP_UID service=$service rhost=192.0.2.7 tty=pts/3 password=$"
	peer deny "Lockbox: no grant"
	mark_log
	pam $service $TEMP account
	gives account PAM_PERM_DENIED
	says "^error: Lockbox: no grant$"
	logged "pam_lockbox\($service:account\): refused: user=$TEMP uid=$TEMP_UID rhost=\"\" reason=\"Lockbox: no grant\""
done
pass "in sshd, sudo, sudo-i and polkit-1"

step "a temporary account is refused everywhere else without asking"
peer allow
for service in su su-l login cron atd systemd-user passwd vsftpd; do
	forget
	mark_log
	pam sshd $TEMP account
	gives account PAM_SUCCESS
	forget
	pam $service $TEMP account
	gives account PAM_PERM_DENIED
	asked_nothing
	logged "\($service:account\): refused: user=$TEMP"
done
pass "also in system services and for root as the caller"

step "people without a grant are refused, an old sudoer among them"
for service in sshd login su su-l sudo sudo-i polkit-1 vsftpd; do
	peer allow
	pam $service mallory uid=10002 account
	gives account PAM_SUCCESS
	asked "^pam-account user=mallory uid=10002 service=$service"
	peer deny "Lockbox: ask with: ssh lockbox@host request"
	pam $service mallory uid=10002 account
	gives account PAM_PERM_DENIED
	says "^error: Lockbox: ask with"
done
pass "in every service that no line exempts"

step "names and numbers that do not belong together"
peer allow
for user in lb-fake-3 lbr-fake lb-norole lb-group-5 strange; do
	for service in sshd cron sudo; do
		mark_log
		pam $service "$user" account
		gives account PAM_PERM_DENIED
		logged "refused: user=$user .*do not belong together"
	done
	alone sshd "$user" auth
	gives auth PAM_AUTH_ERR
	pam sshd "$user" loginuid="$(id -u $user)" open
	gives open PAM_PERM_DENIED
done
asked_nothing
pass "are refused without asking"

step "an unknown user"
for user in nobody-here lb-gone-9 "$(printf 'x%.0s' {1..65})"; do
	mark_log
	pam sshd "$user" account
	gives account PAM_USER_UNKNOWN
	logged 'refused: user=\(unknown\) rhost=""'
	not_logged "$user"
done
pam sshd - account
gives account PAM_USER_UNKNOWN
asked_nothing
pass "is unknown, and what was typed is not logged"

step "the gate user is let past in sshd only"
alone sshd lockbox account
gives account PAM_PERM_DENIED # what libpam makes of PAM_IGNORE alone
pam sshd lockbox account
gives account PAM_SUCCESS
asked_nothing
peer deny
for service in login su sudo; do
	pam $service lockbox uid=990 account
	gives account PAM_PERM_DENIED
	asked "service=$service"
	forget
done
pass "and gated elsewhere"

step "system services concern temporary accounts only"
forget
for service in cron atd systemd-user; do
	pam $service mallory account
	gives account PAM_SUCCESS
	pam $service $TEMP account
	gives account PAM_PERM_DENIED
done
asked_nothing
pass "cron, atd, systemd-user"

step "root as the caller"
for service in su sudo passwd; do
	forget
	pam $service mallory account
	gives account PAM_SUCCESS
	pam $service mallory ruser=root account
	gives account PAM_SUCCESS
	pam $service mallory ruser=toor account
	gives account PAM_SUCCESS
	asked_nothing
	pam $service mallory uid=10002 account
	gives account PAM_PERM_DENIED
	asked "service=$service"
	pam $service root uid=10002 account
	gives account PAM_PERM_DENIED
	for ruser in mallory nobody-here $TEMP; do
		pam $service mallory ruser="$ruser" account
		gives account PAM_PERM_DENIED
	done
	pam $service $TEMP uid=$TEMP_UID ruser=$TEMP account
	gives account PAM_PERM_DENIED
done
pam login mallory account
gives account PAM_PERM_DENIED
pass "is the real uid of the process and, where it is set, PAM_RUSER"

step "exemptions"
forget
mark_log
pam login root account
gives account PAM_SUCCESS
alone login root account
gives account PAM_PERM_DENIED # PAM_IGNORE again: the rest of the stack decides
asked "^pam-exempt user=root uid=0 service=login"
logged 'pam_lockbox\(login:account\): ALARM: let in without a grant by line 8 of pam.conf, service=login: user=root uid=0'
forget
pam sshd root account
gives account PAM_PERM_DENIED
asked "^pam-account user=root uid=0 service=sshd"
pam sshd toor account
gives account PAM_SUCCESS
pam login toor account
gives account PAM_PERM_DENIED
pass "hold for the named user in the named service, with an alarm; an alias of root needs its own"

step "an exemption works without the daemon, and within its 300 ms"
no_peer
mark_log
pam login root account
gives account PAM_SUCCESS
within account 200
logged "lockboxd has not recorded this alarm: user=root"
peer silent
pam login root account
gives account PAM_SUCCESS
within account 450
kill -STOP "$PEER"
pam login root account
gives account PAM_SUCCESS
within account 450
peer allow

step "who it is about is read anew in each call"
pam sshd $TEMP account
gives account PAM_SUCCESS
forget
pam sshd lockbox account user=mallory account
asked "^pam-account user=mallory uid=10002"
peer deny
pam sshd lockbox user=mallory account
gives account PAM_PERM_DENIED
pam cron mallory user=$TEMP account
gives account PAM_PERM_DENIED
pass "PAM_USER changed by the application between calls"
cat >$T/swap.c <<'END'
#include <security/pam_modules.h>
int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags, (void)argc;
	return pam_set_item(pamh, PAM_USER, argv[0]);
}
END
cc -shared -fPIC -o $T/swap.so $T/swap.c
{
	echo "account required $T/swap.so mallory"
	cat $T/stacks/sshd
} >$T/stacks/vsftpd
sed -i "s/^system atd/system vsftpd/" $CONF
pam vsftpd lockbox account
gives account PAM_SUCCESS
sed -i "s/^system vsftpd/system atd/" $CONF
pam vsftpd lockbox account
gives account PAM_PERM_DENIED
asked "^pam-account user=mallory"
stacks
pass "PAM_USER changed by an earlier module"

step "no gate line"
gate_conf </dev/null
peer allow
mark_log
pam sshd mallory account
gives account PAM_SUCCESS
logged "no 'gate' line in pam.conf, so nobody can ask for access"
peer deny
pam sshd lockbox account
gives account PAM_PERM_DENIED
pass "is said in the log, and the gate user is asked about like anybody"

passed
