#!/bin/bash
# Clocks that go wrong (ATTACKS 35): the wall clock an hour and ten years back and ahead, a host that
# slept, a boot in 1970.  A grant ends at the earlier of wall and boot-time clock, whatever the
# other says; what has ended stays ended; while the daemon's clock is more than a day ahead of the
# host's nothing new is granted, until root resets it (lockbox doctor --reset-clock).
#
# The world has a wall clock of its own (tests/clock/wall.c), preloaded into every program; the
# machine's is not touched.  The kernel wakes nobody when that one is set, so what depends on
# being woken is waited for by the boot-time clock, or begun with a restart.
. "$WORLD_REPO/tests/support/lib.sh"
HOUR=3600 YEARS=315576000

# set_wall SECONDS: from the machine's clock.
set_wall() { perl -e 'open F, "+<", "/run/wall-offset" or die; syswrite F, pack "q", 1e9 * $ARGV[0]' -- "$1"; }
perl -e 'print pack "q", 0' >/run/wall-offset
chmod 644 /run/wall-offset
install -m 755 "$BUILD/tests/wall.so" /usr/lib/wall.so
echo /usr/lib/wall.so >/etc/ld.so.preload
set_wall 100000
[ $(($(date +%s) - $(env -u LD_PRELOAD perl -e 'print +(stat "/proc/self")[9]'))) -gt 90000 ] || fail "the world has no wall clock of its own"
set_wall 0

uid_of() { getent passwd "$1" | cut -d: -f3; }
may_enter() { pamtester polkit-1 "$1" acct_mgmt >/dev/null 2>&1; }
# Right after a start its file is the last daemon's until this one has published its own.
is_in() {
	wait_for "getent passwd $1" 5
	may_enter "$1" || fail "$2: $1 is refused"
	getent passwd "$1" >/dev/null || fail "$2: $1 does not resolve"
}
is_out() {
	! may_enter "$1" || fail "$2: $1 may log in"
	! getent passwd "$1" >/dev/null || fail "$2: $1 resolves"
}
# A process of an account, as a login would have it.
run_as() {
	setpriv --reuid "$1" --regid "$1" --clear-groups sleep 3000 &
	pid=$!
	disown $pid
}
state_of() { quietly gate carol show "$1" --json && field state; }
restart() {
	[ -z "$DAEMON_PID" ] || stop_daemon || fail "SIGTERM ends it with $?"
	start_daemon
}

start_daemon
start_sshd

step "First, with clocks in order: it ends on time"
granted alice db-operator 5s bob
short=$ACCOUNT shortid=$GRANT
run_as "$(uid_of "$short")"
is_in "$short" "in order"
wait_for "dead $pid" 8 || fail "its process lives"
is_out "$short" "over"
quietly lockbox doctor --reset-clock --confirm
[ "$STATUS" -eq 1 ] || fail "a clock that is right is reset: $OUT"
says 'not astray'

step "The wall clock goes back, by an hour and by ten years: nothing lasts longer"
granted alice db-operator 5s bob
short=$ACCOUNT
run_as "$(uid_of "$short")"
granted mallory db-operator 20m bob
long=$ACCOUNT longid=$GRANT
since=$(now_cs)
set_wall -$HOUR
is_in "$long" "an hour back"
wait_for "dead $pid" 8 || fail "an hour back: a grant of 5 s still runs after $((($(now_cs) - since) / 100)) s"
wait_for "! getent passwd $short" 2
quietly gate alice request log-reader --for 10m --reason new --json
[ "$STATUS" -eq 0 ] || fail "an hour back: $OUT"
quietly gate alice cancel "$(field id)"
for back in $HOUR $YEARS; do
	set_wall -$back
	restart
	is_out "$short" "$back s back, restarted"
	is_in "$long" "$back s back, restarted"
done
quietly gate alice request log-reader --for 10m --reason new --json
[ "$STATUS" -eq 1 ] || fail "ten years back, and something new is granted: $OUT"
says 'more than a day behind'
set_wall 0
is_out "$short" "right again"
quietly gate bob revoke "$longid" --reason next
pass "it ended on time, and what had time left keeps it"

step "The wall clock goes ahead by an hour: what is over by it is over at once, and stays over"
granted alice db-operator 30m bob
long=$ACCOUNT longid=$GRANT
run_as "$(uid_of "$long")"
granted mallory db-operator 3h bob
longer=$ACCOUNT longerid=$GRANT
is_in "$long" "before"
set_wall $HOUR
is_out "$long" "an hour ahead"
is_in "$longer" "an hour ahead"
restart
wait_for "dead $pid" 2 || fail "its process lives after a restart"
wait_for "[ \"\$(state_of $longid)\" = ended ]" 5 || fail "R is $(state_of "$longid")"
set_wall 0
restart
is_out "$long" "the clock is right again"
[ "$(state_of "$longid")" = ended ] || fail "it came back: $(state_of "$longid")"
is_in "$longer" "the clock is right again"
pass "it does not come back with the clock"
quietly gate bob revoke "$longerid" --reason next

step "The host sleeps for two hours while its wall clock stands still"
granted alice db-operator 30m bob
sleeper=$ACCOUNT sleeperid=$GRANT
run_as "$(uid_of "$sleeper")"
is_in "$sleeper" "awake"
stop_daemon || fail "SIGTERM"
# In a time namespace the boot-time clock is ahead, as after a sleep; the boot id is the same.
unshare --time --boottime $((2 * HOUR)) --fork --kill-child /usr/sbin/lockboxd -d >>/var/log/lockboxd.log 2>&1 &
sleeping=$!
wait_for daemon_answers 10 || fail "no start after the sleep"
[ "$(state_of "$sleeperid")" != active ] || fail "it answers before it has ended what is over"
wait_for "dead $pid" 2 || fail "the process lives"
is_out "$sleeper" "slept"
pass "what ran out in its sleep is ended first"
kill -KILL "$(pgrep -P $sleeping)"
wait $sleeping 2>/dev/null
wait_for '! pgrep -x lockboxd' 5
DAEMON_PID=
start_daemon
is_out "$sleeper" "the boot-time clock is back again"

step "A boot with the wall clock in 1970"
granted mallory log-reader 7s bob
short=$ACCOUNT
short_end=$(($(now_cs) + 700))
granted alice db-operator 1h bob
long=$ACCOUNT longid=$GRANT
stop_daemon || fail "SIGTERM"
cat /proc/sys/kernel/random/uuid >/run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
set_wall -"$(($(date +%s) - 100))"
[ "$(date +%Y)" = 1970 ] || fail "it is $(date)"
start_daemon
is_in "$long" "1970"
run_refused gate bob request log-reader --for 10m --reason new
says 'more than a day behind'
[ "$(now_cs)" -lt $((short_end - 200)) ] && is_in "$short" "1970"
quietly lockbox doctor --json
[ "$STATUS" -eq 1 ] || fail "doctor finds nothing: $OUT"
says '"check":"clock","state":"bad"'
wait_for "[ \$(now_cs) -ge $short_end ]" 15
wait_for "! getent passwd $short" 2 || fail "the short grant lasts longer in 1970"
is_out "$short" "1970"
pass "what had time left has no more of it, and nothing new is granted"
set_wall 0
restart
is_in "$long" "the clock was set right"
run_ok gate bob request log-reader --for 10m --reason new
umount /proc/sys/kernel/random/boot_id

step "The wall clock was ten years ahead: nothing new until root resets the daemon's"
set_wall $YEARS
quietly gate alice request log-reader --for 5m --reason "in ten years" --json
[ "$STATUS" -eq 0 ] || fail "$OUT"
restart
set_wall 0
restart
is_out "$long" "ten years ahead"
run_refused gate bob request log-reader --for 10m --reason new
says 'more than a day behind'
run_status 1 lockbox doctor --json
says '"check":"clock","state":"bad"'
run_status 1 lockbox doctor --reset-clock
says 'Nothing was done'
run_refused gate bob request log-reader --for 10m --reason new
run_status 2 as alice lockbox doctor --reset-clock --confirm
says 'only root'
mark_log
run_ok lockbox doctor --reset-clock --confirm
wait_log 'event=clock .*actor="root" detail="set back from 20[0-9]{2}-.* requests and grants ended"'
quietly gate alice status --json
says_not '"state":"(pending|approved|active)"'
granted alice db-operator 5s bob
short=$ACCOUNT
is_in "$short" "reset"
wait_for "! getent passwd $short" 8 || fail "it does not end"
is_out "$short" "reset"
restart
granted mallory log-reader 10m bob
is_in "$ACCOUNT" "restarted"
quietly lockbox doctor --json
says '"check":"clock","state":"ok"'
pass "then grants go on, and end on time"
[ "$(state_of "$shortid")" = ended ] || fail "the record is gone"
stop_daemon || fail "SIGTERM"
passed
