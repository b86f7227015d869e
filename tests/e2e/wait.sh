#!/bin/bash
# request --wait and status --wait: who waits sees whom it waits for and how it ends, over ssh and on the
# host, on a terminal and off it; nothing that ends the waiting touches the request.
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

# begin OUTPUT COMMAND...: in the background; $waiter is its pid
begin() {
	local out=$1
	shift
	: >"/run/$out" # what the last one said is not to be read as this one's
	"$@" >"/run/$out" 2>&1 </dev/null &
	waiter=$!
}
# told OUTPUT REGEX [SECONDS]
told() { wait_for "grep -qaE -- $(printf '%q' "$2") /run/$1" "${3:-10}" || fail "it does not say \"$2\": $(cat "/run/$1")"; }
# over STATUS: the waiter has ended with it
over() {
	STATUS=0
	wait $waiter || STATUS=$?
	[ "$STATUS" -eq "$1" ] || fail "status $STATUS where $1 was due: $(cat /run/out)"
	checks=$((checks + 1))
}
id_of() { grep -oE 'R-[0-9]+' "/run/$1" | head -n 1; }
stands() { quietly gate alice show "$1" --json && [ "$(field state)" = "$2" ] || fail "$1 is not $2: $OUT"; }

step "Over ssh, without a terminal: a line on each change, then the account"
begin out gate alice request two-leads --for 10m --reason one --wait
told out 'waiting for bob, dave'
says_nothing_more=$(wc -l </run/out)
run_ok gate bob approve "$(id_of out)"
told out '1 of 2, waiting for dave'
run_ok gate dave approve "$(id_of out)"
over 0
told out 'is approved by bob, dave'
told out 'claim R-[0-9]+'
[ "$(wc -l </run/out)" -lt $((says_nothing_more + 10)) ] || fail "too much is said: $(cat /run/out)"
! grep -q $'\r' /run/out || fail "a line is refreshed where there is no terminal"
run_ok gate alice claim "$(id_of out)"

step "Denied, cancelled, revoked before the claim: status 1 and the reason"
begin out gate alice request db-operator --reason two --wait
told out 'waiting for'
run_ok gate bob deny "$(id_of out)" --reason not during the freeze
over 1
told out 'denied by bob: not during the freeze'
begin out gate alice request db-operator --reason three --wait
told out 'waiting for'
run_ok gate alice cancel "$(id_of out)"
over 1
told out 'cancelled by the engineer'
begin out gate alice request db-operator --reason four --wait --json
wait_for 'gate alice status --json | grep -q "\"reason\":\"four\""' 10 || fail "not asked for"
quietly gate alice status --json
id=$(grep -oE '"id":"R-[0-9]+","state":"pending"' <<<"$OUT" | grep -oE 'R-[0-9]+')
run_ok gate bob approve "$id"
over 0
[ "$(wc -l </run/out)" = 1 ] && [ "$(field state "$(cat /run/out)")" = approved ] || fail "not one document: $(cat /run/out)"
run_status 1 gate alice status R-2 --wait
says 'denied by bob'
run_status 0 gate alice status "$id" --wait --json
run_ok gate alice cancel "$id"

step "On a terminal: one line that is refreshed"
: >/run/out
script -qfc "setpriv --reuid alice --regid alice --init-groups -- env TERM=xterm lockbox request db-operator --reason five --wait" /run/out >/dev/null </dev/null &
waiter=$!
told out '0 of 1, asked [0-9]+s ago, waiting for bob, dave.\[K'
told out $'\r.*asked 2s ago'
[ "$(grep -caE 'asked [0-9]+s ago' /run/out)" = 1 ] || fail "more than one line: $(cat -v /run/out)"
id=$(id_of out)
run_ok gate bob approve "$id"
over 0
told out "$id is approved by bob"
run_ok gate alice cancel "$id"

step "Ctrl-C leaves the request as it is, and says how to go on"
begin out as alice lockbox request db-operator --reason six --wait
told out 'waiting for'
wait_for "pgrep -f 'lockbox request db-operator --reason six'" 5
kill -INT "$(pgrep -u alice -f '^lockbox request db-operator --reason six')"
over 130
id=$(id_of out)
told out "status $id --wait"
stands "$id" pending
begin out as alice lockbox status "$id" --wait
told out 'waiting for'

step "Over a restart of the daemon it goes on"
stop_daemon || fail "SIGTERM"
told out 'lockboxd is away'
start_daemon
told out "$id: 0 of 1, waiting for bob, dave" 30
run_ok gate bob approve "$id"
over 0
stands "$id" approved
run_ok gate alice cancel "$id"

step "Nobody reads any more: the gate ends, the request stays"
begin out gate alice request db-operator --reason seven --wait
told out 'waiting for'
id=$(id_of out)
wait_for "pgrep -u lockbox -f lockbox-gate" 5 || fail "no gate runs"
kill -KILL "$(pgrep -P $waiter -x ssh)"
wait_for "! pgrep -u lockbox -f lockbox-gate" 10 || fail "the gate waits on for nobody"
stands "$id" pending
pass "no gate is left"

step "Who may not see it waits for nothing; who waits holds one connection each"
run_status 1 gate mallory status "$id" --wait
says 'there is no'
front=$(child_of_daemon front)
files() { find "/proc/$front/fd" -mindepth 1 | wc -l; }
before=$(files)
for n in $(seq 40); do
	begin "many.$n" as alice lockbox status "$id" --wait
	waiters[n]=$waiter
done
wait_for "[ \$(files) -ge $((before + 32)) ]" 10 || fail "$(files) descriptors, $before before"
[ "$(files)" -le $((before + 34)) ] || fail "$(files) descriptors, $before before"
quietly as mallory lockbox status
[ "$STATUS" -eq 0 ] || fail "others are affected: $OUT"
run_ok gate bob approve "$id"
answered=0
for n in $(seq 40); do
	wait "${waiters[n]}" && answered=$((answered + 1))
done
[ $answered -ge 30 ] || fail "$answered were answered: $(cat /run/many.*)"
grep -q 'closed the connection' /run/many.* || fail "nobody is told why"
wait_for "[ \$(files) -le $before ]" 10 || fail "$(files) descriptors are left, $before before"
pass "$answered were answered, the rest were too many"
passed
