#!/bin/bash
# The end of a grant: whatever it was and whatever was started, nothing is left, and the name and
# the uid are never seen again.
#   ATTACKS 9   occupied uid or name: refused at the claim, and the one who has it is left in peace
#   ATTACKS 10  a uid is never used again
#   ATTACKS 11  setsid, nohup, daemons, tmux, at, cron, ControlMaster, root processes by sudo
#   ATTACKS 13  processes that come and go all the time
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

# enter NAME ROLE FOR: a granted session with a terminal, number 1; sets ENTERED_UID as well
enter() {
	granted "$1" "$2" "$3" bob
	END=$(field end)
	ENTERED_UID=$(getent passwd "$ACCOUNT" | cut -d: -f3)
	[ -n "$ENTERED_UID" ] || fail "$ACCOUNT does not resolve"
	session_open 1 "$1" "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session: $(cat /run/session.1)"
}
watch_names() {
	perl "$WORLD_REPO/tests/support/names.pl" "$ACCOUNT" "$ENTERED_UID" /run/names &
	names=$!
	wait_for 'grep -q " 1 1$" /run/names' 5 || fail "the account does not resolve"
}
# Once gone for the name and the uid, gone for good; MOMENT is when.
names_are_gone() {
	wait_for 'grep -q " 0 0$" /run/names' "${1:-5}" || fail "the account still resolves: $(cat /run/names)"
	MOMENT=$(sed -n 's/ 0 0$//p' /run/names | head -n 1)
}
# Between: the first that failed, the last that did not; at most one of the two ids may be ahead.
stays_gone() {
	kill $names
	wait $names 2>/dev/null
	sed '/asked/d' /run/names >/run/changes
	[ "$(tail -n 1 /run/changes | cut -d' ' -f2-)" = "0 0" ] || fail "it came back: $(cat /run/names)"
	[ "$(grep -c ' 1 1$' /run/changes)" = 1 ] || fail "it came back in between: $(cat /run/names)"
	pass "$(tail -n 1 /run/names)"
}
later() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a - b }'; }
within() { awk -v x="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(x >= low && x <= high) }'; }
nothing_left() {
	wait_for "[ -z \"\$(owned $ENTERED_UID)\" ]" "${1:-2}" ||
		fail "still there: $(ps -o pid,ppid,uid,stat,args -p "$(owned "$ENTERED_UID" | paste -sd,)")"
	pass "no process with the uid or login uid $ENTERED_UID is left"
}
receipt() {
	wait_for "gate carol audit --grant $GRANT --json | grep -q '\"event\":\"evicted\"'" 10 || fail "no receipt"
	quietly gate carol audit --grant "$GRANT" --json
	RECEIPT=$(grep -oE '"event":"evicted"[^}]*' <<<"$OUT")
	grep -q 'killed [0-9]* processes, none is left' <<<"$RECEIPT" || fail "no such receipt: $RECEIPT"
	pass "$(grep -oE '"detail":"[^"]*"' <<<"$RECEIPT")"
	quietly gate alice show "$GRANT" --json
	[ "$(field state)" = ended ] || fail "the grant is $(field state)"
}

step "Revoked, with everything left behind that one can think of"
systemctl() { :; }
atd -f >/dev/null 2>&1 &
cron -f >/dev/null 2>&1 &
enter alice full-admin 10m
watch_names
session_run 1 'setsid -f sleep 1001; nohup sleep 1002 >/dev/null 2>&1 & disown'
session_run 1 '( ( trap "" HUP TERM; exec sleep 1003 ) & )'
session_run 1 'tmux new-session -d "sleep 1004" 2>/dev/null || setsid -f script -qc "sleep 1004" /dev/null </dev/null >/dev/null'
session_run 1 'echo "@daily sleep 1" | crontab - && crontab -l'
[ "$STATUS" -eq 0 ] || fail "no crontab: $OUT"
session_run 1 'echo "sleep 1" | at now + 1 hour 2>&1; atq'
session_run 1 'echo "setsid -f sleep 1005; nohup sleep 1006 >/dev/null 2>&1 &" | sudo /usr/bin/bash'
[ "$STATUS" -eq 0 ] || fail "no root by sudo: $OUT"
session_run 1 'mkdir -p deep/er; touch deep/er/file /tmp/of-alice /var/tmp/of-alice; mkdir /tmp/dir-of-alice; touch /tmp/dir-of-alice/x; chmod 0 deep/er; ln -s /etc/hostname link'
session_run 1 'cp /bin/true /tmp/setuid && chmod 4755 /tmp/setuid'
cp /bin/true /root/hold && chmod 700 /root/hold
for n in 1 2 3 4 5 6; do wait_for "pgrep -f '^sleep 100$n\$'" 5 || fail "sleep 100$n was not started: $(cat /run/session.1)"; done
running=$(pgrep -f '^sleep 100[1-6]$')
[ "$(wc -w <<<"$running")" -ge 6 ] || fail "not all were started"
[ "$(stat -c %U "/proc/$(pgrep -f '^sleep 1005$')")" = root ] || fail "sudo's is not root's"
[ -s "/var/spool/cron/crontabs/$ACCOUNT" ] || fail "there is no crontab to be removed"
quietly find /var/spool/cron/atjobs -user "$ENTERED_UID"
[ -n "$OUT" ] || note "at has refused the account by itself"
sleep 1000 & # of the test's own: nobody may touch it
bystander=$!
as mallory sleep 1000 &
bystander2=$!
before=$(now_cs)
run_ok gate bob revoke "$GRANT" --reason "drill"
names_are_gone 1
session_says 1 "Lockbox: your access under $GRANT has ended: revoked by bob: drill"
session_over 1 2
nothing_left 2
took=$(($(now_cs) - before))
[ $took -le 200 ] || fail "it took $took hundredths of a second"
for pid in $running; do dead "$pid" || fail "alive: $(ps -o pid,uid,args -p "$pid")"; done
pass "all $(wc -w <<<"$running") processes are dead within $took hundredths of a second"
receipt
stays_gone
[ ! -e "/home/$ACCOUNT" ] || fail "the home is there"
[ ! -e "/var/spool/cron/crontabs/$ACCOUNT" ] || fail "the crontab is there"
[ -z "$(find /tmp /var/tmp /dev/shm /home /var/spool -xdev \( -uid "$ENTERED_UID" -o -gid "$ENTERED_UID" \))" ] ||
	fail "left: $(find /tmp /var/tmp /dev/shm /home /var/spool -xdev -uid "$ENTERED_UID")"
[ -e /etc/hostname ] || fail "a link was followed"
pass "home, /tmp, /var/tmp, crontab and at jobs are cleared"
dead $bystander && fail "somebody else's process was killed"
dead $bystander2 && fail "somebody else's process was killed"
pass "processes of others live"
first_uid=$ENTERED_UID first_account=$ACCOUNT

step "Its time is up, in the middle of a storm of processes that live for milliseconds"
enter alice db-operator 8s
watch_names
[ "$ENTERED_UID" -gt "$first_uid" ] || fail "uid $ENTERED_UID after $first_uid"
install -m 755 /dev/stdin /usr/local/bin/storm <<-'END'
	#!/usr/bin/perl
	# 40 chains of processes, each of which lives a few milliseconds and forks the next.
	for (1 .. 40) { my $p = fork(); if (defined $p && $p == 0) { last } elsif ($_ == 40) { exit 0 } }
	$SIG{CHLD} = 'IGNORE'; $SIG{HUP} = 'IGNORE'; $SIG{TERM} = 'IGNORE';
	for (;;) { select(undef, undef, undef, 0.005); my $p = fork(); exit 0 if $p; }
END
session_run 1 '/usr/local/bin/storm'
wait_for "[ \$(owned $ENTERED_UID | wc -l) -ge 20 ]" 5 || fail "no storm: $(owned "$ENTERED_UID" | wc -l)"
end=$(date -d "$END" +%s)
names_are_gone 10
off=$(later "$MOMENT" "$end")
within "$off" -0.005 0.060 || fail "the names stopped resolving $off s after the end"
pass "names stopped resolving $off s after the end ($END)"
nothing_left 3
late=$(later "$(date +%s.%N)" "$end")
within "$late" 0 3 || fail "the storm was over $late s after the end"
pass "the storm was over $late s after the end"
session_over 1 2
receipt
stays_gone

step "Ended by the engineer, in a connection that others go through (ControlMaster)"
granted alice log-reader 10m bob
ENTERED_UID=$(getent passwd "$ACCOUNT" | cut -d: -f3)
temp_ssh alice "$PASSWORD" -M -S /run/master -fN "$ACCOUNT@$HOST" >/run/out 2>&1 || fail "no master: $(cat /run/out)"
mux() { timeout 10 ssh -o BatchMode=yes -S /run/master "$ACCOUNT@$HOST" "$@"; }
run_ok mux id -un
run_ok ssh -S /run/master -O check "$ACCOUNT@$HOST"
mux 'setsid -f sleep 1010; sleep 1011' >/dev/null 2>&1 &
through=$!
wait_for "pgrep -f '^sleep 1011\$'" 5 || fail "nothing runs through the master"
run_ok gate alice end
nothing_left 2
wait_for "dead $through" 3 || fail "a session through the master lives on"
run_refused mux true
run_refused ssh -S /run/master -O check "$ACCOUNT@$HOST"
receipt
[ "$(pgrep -c -f '^sleep 101[01]$')" = 0 ] || fail "left: $(pgrep -a -f '^sleep 101')"

step "No uid and no name is used again, a restart in between or not"
last_uid=$ENTERED_UID last_account=$ACCOUNT
stop_daemon || fail "the daemon did not end in order"
start_daemon
granted alice log-reader 10m bob
uid=$(getent passwd "$ACCOUNT" | cut -d: -f3)
[ "$uid" -gt "$last_uid" ] || fail "uid $uid after $last_uid"
case " $first_account $last_account " in *" $ACCOUNT "*) fail "the name $ACCOUNT again" ;; esac
touch /run/kept
chown "$first_uid" /run/kept
run_ok stat -c '%u %U' /run/kept
says "^$first_uid UNKNOWN$"
quietly gate carol audit --json
for old in "$first_uid:$first_account" "$last_uid:$last_account"; do
	grep -qE "\"identity\":\"alice\",\"account\":\"${old#*:}\",\"uid\":${old%:*}" <<<"$OUT" ||
		fail "the record does not say who ${old%:*} was"
done
pass "$ACCOUNT $uid is new, and the record still says who had the old ones"
run_ok gate alice end "$GRANT"

step "A uid or name that is in use already is refused at the claim"
next() { NEXT_UID=$((uid + 1)) NEXT=lb-alice-$((uid + 1 - 1900010000)); }
# claim_fails WHY: the claim of the next serial is refused; the approval stands, for the one after it
claim_fails() {
	[ -z "$approved" ] || quietly gate alice cancel "$approved"
	quietly gate alice request log-reader --for 5m --json --reason "occupied"
	GRANT=$(field id)
	quietly gate bob approve "$GRANT" --json
	[ "$STATUS" -eq 0 ] || fail "approve: $OUT"
	run_refused gate alice claim "$GRANT"
	says "$1"
	says_not 'password, good for'
	uid=$NEXT_UID
	run_ok gate alice show "$GRANT" --json
	[ "$(field state)" = approved ] && [ "$(field account)" = null ] || fail "the grant: $OUT"
	approved=$GRANT
	next
}
approved=
uid=$(getent passwd "$ACCOUNT" | cut -d: -f3)
[ -n "$uid" ] || uid=$((last_uid + 1))
next
note "a local user has the uid"
useradd -M -u "$NEXT_UID" squatter 2>/dev/null
setpriv --reuid "$NEXT_UID" --regid "$NEXT_UID" --clear-groups sleep 1020 &
squatting=$!
touch /tmp/of-squatter
chown "$NEXT_UID" /tmp/of-squatter
install -d -o "$NEXT_UID" "/home/$NEXT"
install -m 600 -o "$NEXT_UID" /dev/null "/home/$NEXT/precious"
claim_fails 'belongs to a user already|is a user named|already'
dead $squatting && fail "the process of the user who has the uid was killed"
[ -e /tmp/of-squatter ] || fail "a file of the user who has the uid was removed"
[ -e "/home/$((NEXT_UID - 1))" ] || [ -e "/home/lb-alice-$((NEXT_UID - 1 - 1900010000))/precious" ] || fail "the home of the user who has the uid was cleared"
pass "the user who has the uid is left in peace"
kill $squatting
userdel squatter 2>/dev/null
note "a local user has the name"
useradd -M -u 5555 "$NEXT"
claim_fails 'already'
note "a group has the name"
groupadd -g 5556 "$NEXT"
claim_fails 'already'
note "a process runs with the uid"
setpriv --reuid "$NEXT_UID" --clear-groups sleep 1021 &
squatting=$!
claim_fails 'runs with uid'
dead $squatting && fail "the process that has the uid was killed"
kill $squatting
note "a container has it as a subordinate uid"
echo "mallory:$((NEXT_UID - 5)):65536" >>/etc/subuid
claim_fails 'subordinate'
sed -i '$d' /etc/subuid
note "a directory stands where the home would be"
mkdir "/home/$NEXT"
claim_fails 'home'
run_ok gate alice claim "$approved" --json
ACCOUNT=$(field account) GRANT=$approved
[ "$(getent passwd "$ACCOUNT" | cut -d: -f3)" = "$NEXT_UID" ] || fail "not the next uid: $(getent passwd "$ACCOUNT")"
pass "the next one is good again: $ACCOUNT"

step "Nobody outside the range can be reached, whatever the names"
for user in alice mallory root; do
	getent passwd "$user" >/dev/null || fail "$user is gone"
done
dead $bystander && fail "killed"
pass "all others live"
kill $bystander $bystander2
passed
