#!/bin/bash
# world: bare
# pam_lockbox for a temporary account beside the gate: one-time password, session, credentials.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/module/pam_lib.sh"
people
stacks
gate_conf </dev/null

step "the one-time password"
peer password "Lockbox: wrong password"
mark_log
alone sshd $TEMP rhost=192.0.2.7 tty=ssh password=right auth
gives auth PAM_SUCCESS
says "^prompt: One-time password: $"
asked "^pam-auth user=$TEMP uid=$TEMP_UID service=sshd rhost=192.0.2.7 tty=ssh password=right$"
pam sshd $TEMP password=wrong auth
gives auth PAM_AUTH_ERR
says "^error: Lockbox: wrong password"
logged "pam_lockbox\(sshd:auth\): refused: user=$TEMP .*wrong password"
not_logged "right|=wrong"
pass "lets in when the daemon says so, and is not logged"

forget
for word in repeat=1 password= password="$(printf 'p%.0s' {1..65})"; do
	pam sshd $TEMP "$word" auth
	gives auth PAM_AUTH_ERR
done
asked_nothing
pam sshd $TEMP password="$(printf 'p%.0s' {1..64})" auth
gives auth PAM_AUTH_ERR
asked "^pam-auth"
forget
pam sshd $TEMP conv=fail password=right auth
gives auth PAM_CONV_ERR
asked_nothing
pass "none, an empty one, one too long and a broken conversation are refused without asking"

for service in login su sudo sudo-i polkit-1 cron vsftpd; do
	pam $service $TEMP password=right auth
	gives auth PAM_AUTH_ERR
	says "^error: Lockbox: one-time passwords are accepted by sshd only$"
	says_not "^prompt"
done
asked_nothing
pass "is accepted from sshd only"

mark_log
pam sshd lb-gone-9 password=right auth
gives auth PAM_USER_UNKNOWN
says "^prompt: One-time password: $"
asked_nothing
not_logged "lb-gone-9"
pass "is asked for an account that is gone, too, and then refused"

step "everybody else's auth is the other modules' business"
for user in mallory lockbox root nobody-here; do
	pam sshd "$user" password=right auth
	gives auth PAM_SUCCESS
	alone sshd "$user" password=right auth
	gives auth PAM_PERM_DENIED # what libpam makes of PAM_IGNORE alone
	says_not "^prompt"
done
alone sshd - auth
gives auth PAM_PERM_DENIED
says_not "One-time"
asked_nothing
pass "PAM_IGNORE, also for a user who does not exist, so that nobody can tell"

step "the session of a temporary account"
peer allow "Lockbox: role db-operator (R-17) until 2026-11-22T12:00:00Z"
mark_log
alone sshd $TEMP rhost=192.0.2.7 loginuid=$TEMP_UID open close
gives open PAM_SUCCESS
gives close PAM_SUCCESS
says "^info: Lockbox: role db-operator"
asked "^pam-open user=$TEMP uid=$TEMP_UID service=sshd rhost=192.0.2.7"
asked "^pam-close user=$TEMP uid=$TEMP_UID service=sshd"
alone sshd $TEMP loginuid=$TEMP_UID silent open
gives open PAM_SUCCESS
says_not "^info"
peer deny "Lockbox: the session limit is reached"
pam sshd $TEMP loginuid=$TEMP_UID open
gives open PAM_PERM_DENIED
says "^error: Lockbox: the session limit"
pass "is registered with the daemon, shows what is granted, and is refused when it says no"

peer allow
for login_uid in 4294967295 0 10002 1900010002; do
	mark_log
	pam sshd $TEMP loginuid=$TEMP_UID open
	gives open PAM_SUCCESS
	forget
	pam sshd $TEMP loginuid=$login_uid open
	gives open PAM_PERM_DENIED
	asked_nothing
	logged "\(sshd:session\): .*pam_loginuid must come before pam_lockbox in the session stack"
done
pass "needs the account's own login uid"

for service in login su su-l sudo sudo-i cron systemd-user polkit-1; do
	pam $service $TEMP loginuid=$TEMP_UID open
	gives open PAM_PERM_DENIED
done
asked_nothing
pass "is sshd's only"

pam sshd $TEMP loginuid=$TEMP_UID open user=lb-bob-2 open
gives open PAM_PERM_DENIED
pam sshd lb-gone-9 loginuid=$TEMP_UID open
gives open PAM_USER_UNKNOWN
pam sshd lb-gone-9 close
gives close PAM_SUCCESS
pass "follows PAM_USER, and an account that has ended opens none"

forget
for user in mallory root lockbox; do
	alone sudo "$user" open close
	gives open PAM_PERM_DENIED # PAM_IGNORE alone
	pam sudo "$user" open close
	gives open PAM_SUCCESS
	gives close PAM_SUCCESS
done
asked_nothing
pass "of everybody else is not registered, such as root's in sudo"

step "closing is a hint"
no_peer
pam sshd $TEMP close
gives close PAM_SUCCESS
peer silent
pam sshd $TEMP close
gives close PAM_SUCCESS
within close 450
peer deny
pam sshd $TEMP close
gives close PAM_SUCCESS
says_not "^error"
pass "it succeeds without the daemon, within 300 ms"

step "credentials and passwords"
peer password
alone sshd $TEMP setcred
gives setcred PAM_SUCCESS
alone sshd $TEMP password=right auth setcred
gives setcred PAM_SUCCESS
alone sshd mallory setcred
gives setcred PAM_PERM_DENIED # PAM_IGNORE alone
pam sshd mallory auth setcred
gives setcred PAM_SUCCESS
for user in $TEMP lb-fake-3 strange; do
	pam passwd "$user" chauthtok
	gives chauthtok PAM_PERM_DENIED
	says "^error: Lockbox: a temporary account's password cannot be changed"
done
pam passwd mallory chauthtok
gives chauthtok PAM_SUCCESS
asked "^pam-auth"
pass "setcred goes the way of auth; a temporary account's password cannot be changed"

passed
