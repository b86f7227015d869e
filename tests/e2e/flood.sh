#!/bin/bash
# One user's flood takes nothing from anybody else (ATTACKS 41): 10,000 connections kept or opened and
# closed without end, slow and half frames, descriptors, requests whose answers are not read; by a
# person's uid and by the gate's.  Meanwhile every call of others is answered within what the real
# clients wait, also PAM's; afterwards the daemon holds what it held before.
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

public=/run/lockbox/public.sock
cp "$BUILD/tests/flood" /usr/local/bin/flood && chmod 755 /usr/local/bin/flood
files() { find "/proc/$(child_of_daemon "$1")/fd" -mindepth 1 | wc -l; }
as_before() { [ "$(files keeper)" -le "$keeper_files" ] && [ "$(files front)" -le "$front_files" ]; }
polite() {
	quietly as alice /usr/local/bin/flood polite $public 30 2
	[ "$STATUS" -eq 0 ] || fail "another person's call was not answered: $OUT"
	quietly /usr/local/bin/flood login /run/lockbox/pam.sock 30 2
	[ "$STATUS" -eq 0 ] || fail "a login's question was not answered: $OUT"
	checks=$((checks + 1))
}
# under_attack WHO KIND CONNECTIONS PROCESSES
under_attack() {
	local who=$1
	mark_log
	: >/run/attack
	setsid setpriv --reuid "$who" --regid "$who" --init-groups --reset-env -- \
		/usr/local/bin/flood attack "$2" $public "$3" "$4" >/run/attack 2>&1 &
	local attackers=$!
	wait_for "grep -q 'under way' /run/attack || dead $attackers" 60
	grep -q 'under way' /run/attack || fail "the attack does not begin: $(cat /run/attack)"
	[ "$(files front)" -le $((front_files + 40)) ] && [ "$(files keeper)" -le $((keeper_files + 140)) ] ||
		fail "the front holds $(files front) descriptors, the keeper $(files keeper)"
	polite
	quietly gate alice status
	[ "$STATUS" -eq 0 ] || fail "nobody comes through the gate: $OUT"
	dead $attackers && fail "the attackers are gone: $(cat /run/attack)"
	kill -KILL -- -$attackers
	wait $attackers 2>/dev/null
	! log_since_mark | grep -E 'connection of uid [0-9]+ refused' | grep -v "uid $(id -u "$who") " ||
		fail "somebody else's connection was refused"
	[ "$(child_of_daemon keeper)" = "$keeper" ] && [ "$(child_of_daemon front)" = "$front" ] || fail "a process of the daemon died"
	wait_for as_before 30 || fail "the keeper holds $(files keeper) descriptors ($keeper_files before), the front $(files front) ($front_files)"
	wait_for "as $who /usr/local/bin/flood polite $public 1 0 || [ $who = lockbox ]" 10 || fail "$who is locked out for good"
	pass "$who, $2: every other call was answered, and nothing is left of it"
}

polite
keeper=$(child_of_daemon keeper) front=$(child_of_daemon front)
keeper_files=$(files keeper) front_files=$(files front)

step "A request that comes by bytes is not waited for without end"
as mallory /usr/local/bin/flood drip $public 2 && fail "a request in a moment was hung up on"
for who in mallory lockbox; do
	as $who /usr/local/bin/flood drip $public 500 &
	dripping+=($!)
done
for dripper in "${dripping[@]}"; do
	wait "$dripper" || fail "a request that came by bytes was waited for"
	checks=$((checks + 1))
done

step "By a person's uid"
under_attack mallory hold 10000 2
under_attack mallory storm 10000 4
for kind in slow half rights linger deaf chatty; do
	under_attack mallory $kind 200 2
done

step "By the gate's uid"
under_attack lockbox hold 10000 2
under_attack lockbox storm 10000 4
for kind in slow linger; do
	under_attack lockbox $kind 200 2
done
step "By many users at a time, so that they fill all there is"
mark_log
for uid in $(seq 20001 20020); do
	setsid setpriv --reuid "$uid" --regid "$uid" --clear-groups -- \
		/usr/local/bin/flood attack hold $public 40 1 >"/run/attack.$uid" 2>&1 &
	many+=($!)
done
wait_for '[ "$(files front)" -ge 512 ]' 30 || fail "they hold $(files front) only"
polite
quietly gate alice status
[ "$STATUS" -eq 0 ] || fail "nobody comes through the gate: $OUT"
for attacker in "${many[@]}"; do
	kill -KILL -- "-$attacker"
	wait "$attacker" 2>/dev/null
done
! log_since_mark | grep -E 'connection of uid [0-9]+ refused' | grep -vE 'uid 200[0-9]{2} ' || fail "somebody else's connection was refused"
wait_for as_before 30 || fail "the keeper holds $(files keeper) descriptors ($keeper_files before), the front $(files front) ($front_files)"
pass "who has few connections comes before who has many"
passed
