#!/bin/bash
# Own accounts: a role that is worked with on the Unix account that its engineer has anyway.  The
# gate opens for it and the role's groups are there only while the grant lasts; nothing of the
# account is changed; at the end only what was opened under the grant is killed.
#   ATTACKS 11 (setsid and nohup), 29 (sudo from outside the grant), 47
. "$WORLD_REPO/tests/support/lib.sh"
groupadd -g 3001 payments
cat >>/etc/lockbox/policy.d/demo.conf <<'END'
role payments {
	requesters = {"engineers"}
	approvers = {"leads"}
	account = "own"
	sessions = 2
	groups = {"payments"}
	sudo = {"/usr/bin/id -u", "/usr/local/sbin/reindex"}
}
END
run_ok lockbox check
start_daemon
start_sshd
files=(/etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid /home/alice/.ssh/authorized_keys)
before=$(sha256sum "${files[@]}" 2>/dev/null)
home_before=$(stat -c '%n %a %u %g' /home/alice)

# What ran before, and what runs beside: with a session of the kernel's of its own, and with none.
outside=()
beside() {
	setsid -f setpriv --reuid alice --regid alice --init-groups --reset-env -- "$@"
}
numbered() {
	setsid -f bash -c 'echo 10001 >/proc/self/loginuid; exec setpriv --reuid alice --regid alice --init-groups --reset-env -- "$@"' x "$@"
}
beside sleep 7001
numbered sleep 7002
wait_for '[ "$(pgrep -f "^sleep 700[12]" | wc -l)" = 2 ]' || fail "nothing runs beside"
mapfile -t outside < <(pgrep -f '^sleep 700[12]')
own_ssh() { person_ssh alice "$@"; }

step "Without a grant the gate is shut for the account, whatever its own keys are"
run_refused own_ssh "alice@$HOST" id
says 'nobody has standing access'
quietly as alice id
says_not 'payments'

step "With one it opens: by the account's own key, without a one-time password"
run_ok gate alice request payments --for 10m --reason "ledger" --json
[ "$(field own_account)" = alice ] || fail "own_account: $OUT"
GRANT=$(field id)
run_ok gate bob show "$GRANT"
says 'Works on +alice, their own'
run_refused own_ssh "alice@$HOST" id
run_ok gate bob approve "$GRANT"
run_refused own_ssh "alice@$HOST" id
run_ok gate alice claim "$GRANT"
says 'Account +alice$'
says 'your own account'
says_not 'password'
run_ok gate alice claim "$GRANT" --json
[ "$(field password)" = null ] || fail "there is a password: $OUT"
run_ok own_ssh "alice@$HOST" 'id; sudo -n /usr/bin/id -u'
says 'uid=10001\(alice\).*3001\(payments\).*\(lbr-payments\)'
says '^0$'
run_refused own_ssh "alice@$HOST" 'sudo -n /usr/bin/id -g'
passed
