#!/bin/bash
# The whole workflow on one host, to be read: an engineer asks, a manager approves, the customer has the
# last word, a temporary account exists for as long as was approved, and then nothing of it is left.
. "$WORLD_REPO/tests/support/lib.sh"

step "The policy: alice is an engineer, bob a manager, eve works for the customer"
ssh-keygen -q -t ed25519 -N '' -C eve@acme -f /root/keys/eve
cat >>/etc/lockbox/policy.d/demo.conf <<END
identity eve { keys = {"$(cat /root/keys/eve.pub)"} }
customer acme { approvers = {"eve"} }
role acme-db {
	description = "The database with acme's data"
	requesters = {"engineers"}
	level managers { approvers = {"leads"} }
	max-duration = "1h"
	groups = {"adm"}
	sudo = {"/usr/bin/id -u"}
	customer = "acme"
}
END
echo 'ticket-url = "https://tickets.example.org/%s"' >>/etc/lockbox/lockbox.conf
run_ok lockbox check
start_daemon
start_sshd

step "Customer Lockbox is off until the customer opts in, with a signature of its own"
run_ok gate eve customer acme
says 'nobody has signed for it yet'
gate eve customer acme --on --statement |
	ssh-keygen -q -Y sign -n lockbox-customer -f /root/keys/eve 2>/dev/null |
	gate eve customer acme --on --signature - >/run/on || fail "$(cat /run/on)"
run_ok gate eve customer acme
says 'has the last word'

step "The engineer asks for a role, for a time, with a reason and a ticket"
run_ok gate alice request acme-db --for 20s --ticket CS-7 --reason the orders of acme are stuck
says 'Asked for. Your request is R-1.'
run_refused gate alice claim R-1
says 'is waiting for approval'
run_refused gate alice approve R-1
says 'your own request'
run_refused gate eve show R-1
says 'no R-1 that you may see'

step "The manager sees it and approves; now, and not before, the customer is asked"
run_ok gate bob pending
says 'R-1 +alice'
run_ok gate bob approve R-1 --comment "the orders must go out"
says 'the customer decides next'
run_ok gate alice status
says 'R-1 +customer-notified'
says 'waits for the customer acme, level 2 of 2 \(0 of 1\): eve'
run_refused gate alice claim R-1
says "waiting for the customer's approval"
run_refused gate dave approve R-1

step "The customer sees the ticket and what it would give, and has the last word"
run_ok gate eve pending
says 'R-1 +alice'
run_ok gate eve show R-1
says 'https://tickets.example.org/CS-7'
says 'Groups +adm'
says 'Sudo +/usr/bin/id -u'
says 'Level 1 +managers: approved by bob'
says 'Level 2 +acme \(customer\): 0 of 1, waits for eve'
run_ok gate eve approve R-1
says 'R-1 is approved'

step "Only the engineer takes the account; it exists from now on, and its password is shown once"
run_refused gate bob claim R-1
getent passwd lb-alice-1 && fail "the account exists already"
run_ok gate alice claim R-1 --json
ACCOUNT=$(field account) PASSWORD=$(field password)
[ "$ACCOUNT" = lb-alice-1 ] || fail "$OUT"
getent passwd "$ACCOUNT" >/dev/null || fail "no account"
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
session_run 1 'id -Gn; sudo -n /usr/bin/id -u; sudo -n /usr/bin/id -g; setsid -f sleep 300'
says 'adm'
says '^0$'
says 'not allowed|password is required'
uid=$(id -u "$ACCOUNT")
[ -n "$(owned "$uid")" ] || fail "nothing runs as $ACCOUNT"

step "When the time is up nothing is left of it"
session_over 1 40
wait_for "gate alice show R-1 --json | grep -q '\"state\":\"ended\"'" 20 || fail "it has not ended"
[ -z "$(owned "$uid")" ] || fail "something still runs as $uid"
getent passwd "$ACCOUNT" && fail "the account still resolves"
[ ! -e "/home/$ACCOUNT" ] || fail "its home is still there"
run_refused temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true

step "The customer reads what was done under its approval; the auditor reads everything"
run_ok gate eve audit --grant R-1
for event in request approve customer-notified claim login-ok session-open expire; do says " $event +R-1"; done
says 'acme: 1 of 1'
run_ok gate carol audit
says 'signed by eve: lockbox-customer 1'
passed
