#!/bin/bash
# ATTACKS 53: a one-time password is in no log, file, argument, environment, core or swap, and in
# the memory of no part of the daemon once it was handed over; nor is what somebody typed as a
# user name, which may have been a password.
# shellcheck disable=SC2119,SC2317 # arguments are optional; words are called by name
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd
login() { temp_ssh alice "$1" "$ACCOUNT@$HOST" 'id -un'; }

step "Passwords are claimed, used, mistyped, and typed as a name"
granted alice db-operator 30m bob
used=$PASSWORD
quietly login "$used" # quietly: what a test prints is in a file as well
[ "$STATUS" -eq 0 ] || fail "the login should work: $OUT"
says "^$ACCOUNT$"
wait_for "gate alice claim $GRANT --json >/run/claim" 5 || fail "claim: $(cat /run/claim)"
unused=$(field password "$(cat /run/claim)")
rm /run/claim
# Once more, by somebody who leaves answers unread until front has to keep them.
cp "$WORLD_REPO/tests/support/frames.pl" /usr/local/bin/frames
by_alice() { as alice perl /usr/local/bin/frames /run/lockbox/public.sock "$@"; }
full=$(by_alice fill:2)
[ "$full" -gt 10 ] || fail "no answer had to wait: $full"
mkfifo -m 666 /run/go
mark_log
# shellcheck disable=SC2046 # words
by_alice times:"$full":2 "frame:9:q=${GRANT#R-},t=" hold $(yes all | head -n $((full + 1))) </run/go >/run/answers &
exec {go}>/run/go
wait_log 'event=claim'
echo >&$go
wait $!
exec {go}>&-
late=$(perl -ne 'print +(unpack("Q>n/an/an/a", pack("H*", $1)))[3] if /^8005 (.*)/' /run/answers)
rm /run/answers /run/go
[ -n "$late" ] || fail "no password"
mistyped=Hunter2-Wrong-Guess-$RANDOM$RANDOM
as_name=Tr0ub4dor-$RANDOM$RANDOM
quietly login "$mistyped"
[ "$STATUS" -ne 0 ] || fail "in with a wrong password"
quietly temp_ssh alice x -o PreferredAuthentications=keyboard-interactive "$as_name@$HOST" true
[ "$STATUS" -ne 0 ] || fail "in as nobody"
# login(1) asks for the name at a terminal: the classic place to type the password too early.
quietly expect -c "set timeout 8; spawn -noecho login; expect login:; send \"$as_name\\r\"; expect assword:; send \"x\\r\"; expect -re {ncorrect|refused}; close"
for word in "$used" "$unused" "$late"; do
	printf '%s\n%s\n' "$word" "${word//-/}"
done >/run/words
printf '%s\n' "$mistyped" >>/run/words
chmod 600 /run/words
# sshd and login themselves write names that they do not know; the modules and the daemon may not.
quietly grep -aE "(pam_lockbox|lockboxd\\[).*($mistyped|$as_name)" /var/log/syslog
[ "$STATUS" -eq 1 ] || fail "logged: $OUT"
pass "neither the daemon nor the module has logged what was typed"

step "Files and logs"
echo "$used" >/run/lockbox.probe
quietly grep -raFf /run/words /run/lockbox.probe
[ "$STATUS" -eq 0 ] || fail "the search finds nothing at all"
rm /run/lockbox.probe
quietly grep -raFf /run/words /var/log /var/lib/lockbox /run/lockbox /etc /home /tmp /var/tmp /dev/shm
[ "$STATUS" -eq 1 ] || fail "found in a file: $OUT"
pass "in none of them"

step "Arguments, environments and memory of the daemon"
DAEMONS=$(pgrep -f /usr/sbin/lockboxd; pgrep -P "$DAEMON_PID")
DAEMONS=$({ echo "$DAEMONS"; for part in keeper front courier; do child_of_daemon $part; done; } | sort -un)
[ "$(wc -l <<<"$DAEMONS")" -ge 4 ] || fail "four processes should run: $DAEMONS"
for pid in $DAEMONS; do
	quietly grep -aFf /run/words "/proc/$pid/cmdline" "/proc/$pid/environ"
	[ "$STATUS" -eq 1 ] || fail "in its arguments or environment: $OUT"
	[ "$(tr -d '\0' <"/proc/$pid/environ" | wc -c)" -eq 0 ] || [ "$pid" = "$DAEMON_PID" ] || fail "$pid has an environment"
done
for pid in /proc/[0-9]*; do
	[ "${pid#/proc/}" != $$ ] || continue
	quietly grep -aqFf /run/words "$pid/cmdline" "$pid/environ"
	[ "$STATUS" -ne 0 ] || fail "in a process's arguments or environment: $(tr '\0' ' ' <"$pid/cmdline")"
done
# What is there is found: the policy's own words are in the keeper.
echo "Looks after the database" >/run/known
quietly "$BUILD/tests/memory" /run/known "$(child_of_daemon keeper)"
[ "$STATUS" -eq 1 ] || fail "the search of memory finds nothing at all: $OUT"
# shellcheck disable=SC2086 # pids
quietly "$BUILD/tests/memory" /run/words $DAEMONS
[ "$STATUS" -eq 0 ] || fail "still in memory: $OUT"
pass "in none of $(wc -l <<<"$DAEMONS") processes"

step "No core, no tracing, no swap"
for pid in $DAEMONS; do
	grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits" || fail "$pid may dump core"
	[ "$(stat -c %u "/proc/$pid/mem")" -eq 0 ] || fail "the memory of $pid is not root's"
done
for part in keeper front; do
	pid=$(child_of_daemon $part)
	if ldd /usr/sbin/lockboxd | grep -q libasan; then
		note "locked memory: not in a sanitizer build (tests/sanitize/runtime.c)"
	else
		locked=$(sed -n 's/^VmLck:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
		[ "$locked" -gt 0 ] || fail "no memory of $part is locked"
	fi
	quietly setpriv --reuid "lockbox-$part" --regid "lockbox-$part" --clear-groups head -c 1 "/proc/$pid/environ"
	[ "$STATUS" -ne 0 ] || fail "$part can be looked into by its own user"
done
pass "none may dump core or be looked into, memory is locked"
passed
