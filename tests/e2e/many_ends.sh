#!/bin/bash
# Many grants end at once, and the keeper is killed in the midst of it: every process of theirs is
# gone, every end is recorded once and whole, and who has nothing to do with it is left alone.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/support/lib.sh"

many=200
people=50
policy=/etc/lockbox/policy.d/bench.conf
out=/run/processes

step "A store with $many live grants of one role, and one of another"
"$BUILD/tests/daemon_policy" $people >$policy
chmod 600 $policy
install -d -m 0700 -o lockbox-keeper -g lockbox-keeper /var/lib/lockbox
run_ok setpriv --reuid lockbox-keeper --regid lockbox-keeper --clear-groups \
	"$BUILD/tests/daemon_fill" /var/lib/lockbox live $many $((EPOCHSECONDS + 3600)) $people
start_sshd
start_daemon
granted alice db-operator 30m bob
other=$(id -u "$ACCOUNT")
other_account=$ACCOUNT
(
	echo "$other" >/proc/self/loginuid
	exec setpriv --reuid "$other" --regid "$other" --clear-groups sleep 1000
) &
bystander=$!
wait_for "owned $other | grep -q ." || fail "the bystander did not start"
[ "$(getent passwd | grep -c '^lb-')" -eq $((many + 1)) ] || fail "not all accounts resolve"
pass "all $((many + 1)) accounts resolve"

# records EVENT: those of it about those grants, a line each
records() { lockbox audit --json 2>/dev/null | tr '{' '\n' | grep "\"event\":\"$1\"" | grep '"identity":"p[0-9]'; }
count() { records "$1" | wc -l; }

"$BUILD/tests/evict_bench" lockbox grant $many 2 0 $people >$out 2>&1 &
bench=$!
wait_for "grep -q ready $out || dead $bench" 60
grep -q ready $out || fail "the processes did not start: $(cat $out)"
pass "two processes of each account sleep"
[ -d /home/lb-p0-1 ] || wait_for "[ -d /home/lb-p0-1 ]" 20 || fail "no homes were made"

step "The policy loses the role: all of them end at once; the keeper is killed while they do"
mark_log
keeper=$(child_of_daemon keeper)
rm $policy
reload_daemon
wait_log 'event=evicted' 30
kill -KILL "$keeper"
wait_for "dead $bench" 60 || fail "processes are left: $(cat $out)"
wait $bench || fail "evict_bench: $(cat $out)"
pass "every process of theirs is gone"
wait_log 'keeper was ended by signal 9'
wait_for "daemon_answers && [ \$(count evicted) -ge $many ]" 60 || fail "$(count evicted) ends are recorded of $many"
[ "$(count evicted)" -eq $many ] || fail "an end is recorded more than once: $(count evicted) of $many"
pass "each end is recorded, and once"
OUT=$(records evicted)
[ "$(grep -c 'killed 2 processes, none is left; removed [0-9]* files' <<<"$OUT")" -eq $many ] ||
	fail "a receipt is not whole: $(grep -v 'killed 2 processes, none is left; removed' <<<"$OUT" | head -n 3)"
says_not 'NOT CLEARED'
says_not 'could not be removed'
[ "$(grep -o '"grant":"R-[0-9]*"' <<<"$OUT" | sort -u | wc -l)" -eq $many ] || fail "not one receipt for each grant"
! grep -q 'tried again' < <(log_since_mark) || fail "helpers got into each other's way: $(log_since_mark | grep -m 1 'tried again')"
pass "each receipt is whole"
[ "$(getent passwd | grep -c '^lb-')" -eq 1 ] || fail "ended accounts resolve"
[ "$(find /home -maxdepth 1 -name 'lb-p*' | wc -l)" -eq 0 ] || fail "homes are left"
pass "no account, no home is left"

step "Whoever is not concerned"
! dead $bystander || fail "the other account's process was killed"
[ "$(getent passwd "$other_account" | cut -d: -f3)" = "$other" ] || fail "the other account does not resolve"
pass "the other account and its process are as they were"
kill $bystander
stop_daemon
passed
