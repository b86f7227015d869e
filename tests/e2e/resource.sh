#!/bin/bash
# Resources of a role, through ssh: a request names one, and the account has that one's groups and
# commands and no others.
. "$WORLD_REPO/tests/support/lib.sh"
groupadd payments
groupadd orders
cat >>/etc/lockbox/policy.d/demo.conf <<'END'
role db {
	description = "One database or the other"
	requesters = {"engineers"}
	approvers = {"leads"}
	max-duration = "1h"
	resource payments {
		groups = {"payments"}
		sudo = {"/usr/bin/id -u"}
	}
	resource orders {
		groups = {"orders"}
		sudo = {"/usr/bin/id -g"}
	}
}
END
run_ok lockbox check
start_daemon
start_sshd

refused_as() {
	local code=$1
	shift
	run_status 1 "$@" --json
	[ "$(field code)" = "$code" ] || fail "refused as $(field code), not $code"
}

step "Alice asks for the database of payments"
run_ok gate alice roles
says 'db--payments'
says 'Resources +payments, orders'
run_ok gate alice request db --resource payments --for 10m --reason "index" --json
[ "$(field resource)" = payments ] || fail "$OUT"
GRANT=$(field id)
run_ok gate bob show "$GRANT"
says 'Resource +payments'
says 'Groups +payments'
says 'Sudo +/usr/bin/id -u'
says_not 'id -g|orders'
run_ok gate bob approve "$GRANT"
quietly gate alice claim "$GRANT" --json
ACCOUNT=$(field account) PASSWORD=$(field password)
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
session_run 1 'id; sudo /usr/bin/id -u'
says '\(payments\)'
says '\(lbr-db--payments\)'
says_not '\(orders\)|\(lbr-db\)'
says '^0$'
session_run 1 'sudo -n /usr/bin/id -g; echo refused=$?'
says 'refused=[1-9]'
run_ok gate alice end "$GRANT"
session_over 1

step "The other one gives the other"
run_ok gate alice request db --resource orders --for 10m --reason "index" --json
GRANT=$(field id)
run_ok gate bob approve "$GRANT"
quietly gate alice claim "$GRANT" --json
ACCOUNT=$(field account) PASSWORD=$(field password)
session_open 2 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
session_run 2 'id; sudo /usr/bin/id -g'
says '\(orders\)'
says_not '\(payments\)'
says '^0$'
session_run 2 'sudo -n /usr/bin/id -u; echo refused=$?'
says 'refused=[1-9]'
run_ok gate alice end "$GRANT"
session_over 2

step "Not without one, nor with one that is none"
refused_as bad-input gate alice request db --for 10m --reason "all of it"
says 'resource payments, of payments, orders'
refused_as no-such gate alice request db --resource hr --for 10m --reason "other"
refused_as no-such gate alice request db-operator --resource payments --for 10m --reason "other"
run_status 2 gate alice request db --resource ../x --for 10m --reason "other"
stop_daemon || fail "SIGTERM ends it with $?"
passed
