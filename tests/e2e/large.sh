#!/bin/bash
# A policy of many people, teams and roles: every process reads it inside its own filter of system
# calls, and a host with it works as any other.
. "$WORLD_REPO/tests/support/lib.sh"
start_sshd

policy=/etc/lockbox/policy.d/large.conf
many() {
	local i
	for ((i = 1; i <= $1; i++)); do
		printf 'identity p%d { unix-user = "p%d" }\n' $i $i
		printf 'team t%d { members = {"p%d", "alice"} }\n' $i $i
		printf 'role r%d { requesters = {"t%d"} approvers = {"leads"} max-duration = "1h" default-duration = "10m" }\n' $i $i
	done
	printf 'team all { members = {"alice"'
	for ((i = 1; i <= $1; i++)); do printf ', "p%d"' $i; done
	printf '} }\n'
}

# The world's own list of users.
for ((i = 1; i <= 900; i++)); do echo "p$i:x:$((20000 + i)):20000::/nonexistent:/usr/sbin/nologin"; done >>/etc/passwd

# Around the first sizes at which a sort no longer fits the C library's own buffer, and far above.
for n in 100 126 300 900; do
	step "$n more identities, teams and roles"
	many $n >$policy
	quietly lockbox check
	[ "$STATUS" -eq 0 ] || fail "check: $(tail -n 3 <<<"$OUT")"
	mark_log
	start_daemon
	keeper=$(child_of_daemon keeper)
	wait_log "event=start .* $((n + 5)) identities"
	run_ok gate alice request "r$n" --for 5m --reason "one of many" --json
	GRANT=$(field id)
	run_ok gate bob approve "$GRANT"
	run_ok gate alice claim "$GRANT" --json
	reload_daemon
	wait_log "event=policy .* $((n + 5)) identities"
	run_ok gate alice end "$GRANT"
	[ "$(child_of_daemon keeper)" = "$keeper" ] || fail "the keeper was replaced"
	pass "one keeper all along"
	stop_daemon
done
passed
