#!/bin/bash
# The hours of a role, by the clock of another time zone, through ssh: outside them it is refused with
# when it opens, a start within them is taken, and a grant ends when they do.
. "$WORLD_REPO/tests/support/lib.sh"
zone=Asia/Tokyo
[ -e /usr/share/zoneinfo/$zone ] || fail "there is no time zone $zone: install tzdata"

# there FORMAT WHEN: a time on the clock of that zone, as hours are written.
there() { LC_ALL=C TZ=$zone date -d "$2" "+$1" | tr '[:upper:]' '[:lower:]'; }
# hours ITEM...: the role is open then.
hours() {
	local list
	list=$(printf '"%s", ' "$@")
	sed -i '/^role by-hours/,$d' /etc/lockbox/policy.d/demo.conf
	cat >>/etc/lockbox/policy.d/demo.conf <<-END
		role by-hours {
			requesters = {"engineers"}
			approvers = {"leads"}
			max-duration = "4h"
			groups = {"adm"}
			start-ahead = "3d"
			hours = {${list%, }}
			time-zone = "$zone"
		}
	END
	[ -z "$DAEMON_PID" ] || {
		mark_log
		reload_daemon
		wait_log 'policy in force'
	}
}

step "Open all day there: asked for and claimed"
hours "daily 00:00-24:00"
run_ok lockbox check
start_daemon
start_sshd
run_ok gate alice roles
says "Hours +daily 00:00-24:00 \\(Asia/Tokyo\\)"
granted alice by-hours 10m bob
run_ok gate alice end "$GRANT"

step "Open tomorrow only: refused with when that is, which is taken as a start"
hours "$(there %a tomorrow) 09:15-17:00"
opens=$(date -u -d "TZ=\"$zone\" $(there %F tomorrow) 09:15" +%Y-%m-%dT%H:%M:%SZ)
run_refused gate alice request by-hours --for 10m --reason closed --json
[ "$(field code)" = not-now ] || fail "$OUT"
says "is closed now: it opens at $opens"
run_refused gate alice request by-hours --for 10m --reason closed --start-at "$(date -u -d "$opens - 1 minute" +%Y-%m-%dT%H:%M:%SZ)"
says "is closed then: it opens at $opens"
run_ok gate alice request by-hours --for 10m --reason open --start-at "$opens" --json
GRANT=$(field id)
run_ok gate bob approve "$GRANT" --json
[ "$(field until)" = "$(date -u -d "$opens + 1 hour" +%Y-%m-%dT%H:%M:%SZ)" ] || fail "$OUT"
run_refused gate alice claim "$GRANT"
says "can be claimed from $opens"
run_ok gate alice cancel "$GRANT"

step "A grant ends with the hours, whatever was asked for"
closes=$(date -d '+70 seconds' +%s)
closes=$((closes - closes % 60))
if [ "$(there %a "@$closes")" = "$(there %a now)" ]; then
	hours "$(there %a now) 00:00-$(there %H:%M "@$closes")"
else
	hours "$(there %a now) 00:00-24:00" "$(there %a "@$closes") 00:00-00:01"
	closes=$(date -d "TZ=\"$zone\" $(there %F "@$closes") 00:01" +%s)
fi
granted alice by-hours 4h bob
quietly gate alice show "$GRANT" --json
[ "$(date -d "$(field end)" +%s)" = "$closes" ] || fail "it ends at $(field end)"
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "alice cannot log in"
session_run 1 id
says '\(adm\)'
session_says 1 'has ended: its time is up' 80
session_over 1
wait_for "! getent passwd $ACCOUNT" 5 || fail "$ACCOUNT still resolves"
run_refused gate alice request by-hours --for 10m --reason "after hours"
says 'is closed now'

step "A zone that is none, and hours that are none"
sed -i 's,Asia/Tokyo,Asia/Tokio,' /etc/lockbox/policy.d/demo.conf
run_refused lockbox check
says 'there is no such time zone'
sed -i -e 's,Asia/Tokio,JST-9,' -e 's/hours = {.*/hours = {"mon 18:00-08:00"}/' /etc/lockbox/policy.d/demo.conf
run_refused lockbox check
says 'these are no hours'
sed -i 's/mon 18:00-08:00/mon 08:00-18:00/' /etc/lockbox/policy.d/demo.conf
run_ok lockbox check
stop_daemon || fail "SIGTERM ends it with $?"
passed
