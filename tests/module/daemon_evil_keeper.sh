#!/bin/bash
# A keeper that an attacker has taken over asks for all it should not get (ATTACKS 5, 9, 10, 13, 47):
# the real warden publishes nothing, ends nobody, says so in the log, and goes on with its work.
. "$WORLD_REPO/tests/support/lib.sh"

ALICE=1900010001 # lb-alice-1
GID=1900000001

cat >>/etc/lockbox/policy.d/demo.conf <<'END'
role mine {
	requesters = {"engineers"}
	approvers = {"leads"}
	account = "own"
	groups = {"games"}
}
END
mkdir -m 700 /run/evil
mkfifo /run/evil/in
: >/run/evil/out

# tell COMMAND...: OUT is what the keeper wrote; fails if it says nothing for 10 s.
tell() {
	local from
	from=$(stat -c %s /run/evil/out)
	printf '%s\n' "$*" >/run/evil/in
	wait_for "tail -c +$((from + 1)) /run/evil/out | grep -q '^done'" 10 || fail "the keeper does not answer: $*"
	OUT=$(tail -c +$((from + 1)) /run/evil/out)
}
keeper() { sed -n 's/^keeper //p' /run/evil/out | tail -n 1; }
alive() { dead "$1" && fail "$2 was ended"; checks=$((checks + 1)); }
not_published() {
	local why=$1
	shift
	mark_log
	tell account "$@"
	says "^published $1 no .*$why"
	wait_log "uid.?$1.* is not published: .*$why"
	getent -s lockbox passwd "$1" >/dev/null && fail "uid $1 resolves"
	getent -s lockbox passwd "$3" >/dev/null && fail "$3 resolves"
	pass "refused: $why"
}

"$BUILD/tests/evil_keeper" >>/var/log/lockboxd.log 2>&1 &
DAEMON_PID=$!
wait_for '[ -n "$(keeper)" ]' 10 || fail "no keeper was started"

step "before it is ready a keeper may do nothing else"
was=$(keeper)
mark_log
printf 'account %s\n' "$ALICE $GID lb-alice-1 alice db-operator 60 1" >/run/evil/in
wait_log "keeper sent what it may not: replacing it"
wait_for "dead $was && [ \"\$(keeper)\" != $was ]" 10 || fail "it was not replaced"
tell ready
says_not .*no.answer
# Nothing is published before a first list of all accounts.
tell sync-begin
tell sync-end

step "a proper account is published"
tell account $ALICE $GID lb-alice-1 alice db-operator 3600 1
says "^published $ALICE yes"
run_ok getent passwd lb-alice-1
says "^lb-alice-1:\*:$ALICE:$ALICE:"
run_ok id lb-alice-1
says "groups=$ALICE\(lb-alice-1\),.*4\(adm\)"
says_not "\(sudo\)|\(root\)|\(docker\)"

step "an account that the policy does not allow is not"
not_published "no such role" 1900010002 $GID lb-alice-2 alice super-user 60 1
not_published "no such identity" 1900010002 $GID lb-eve-2 eve db-operator 60 1
not_published "may not have this role" 1900010002 $GID lb-bob-2 bob db-operator 60 1
not_published "may not have this role" 1900010002 $GID lb-carol-2 carol full-admin 60 1
not_published "outside the account range" 0 $GID root alice db-operator 60 1
not_published "outside the account range" 1000 $GID lb-alice-2 alice db-operator 60 1
not_published "outside the account range" 10001 $GID alice alice db-operator 60 1
not_published "outside the account range" 1900000005 $GID lb-alice-2 alice db-operator 60 1
not_published "outside the account range" 1901000000 $GID lb-alice-2 alice db-operator 60 1
not_published "outside the account range" 4294967295 $GID lb-alice-2 alice db-operator 60 1
not_published "does not belong to the uid" 1900010002 $GID lb-alice-3 alice db-operator 60 1
not_published "does not belong to the uid" 1900010002 $GID lb-mallory-2 alice db-operator 60 1
not_published "does not belong to the uid" 1900010002 $GID mallory alice db-operator 60 1
not_published "outside the role range" 1900010002 0 lb-alice-2 alice db-operator 60 1
not_published "outside the role range" 1900010002 27 lb-alice-2 alice db-operator 60 1
not_published "outside the role range" 1900010002 1900010002 lb-alice-2 alice db-operator 60 1
not_published "belongs to another role" 1900010002 $GID lb-alice-2 alice full-admin 60 1
not_published "belongs to another role" 1900010002 1900000002 lb-alice-2 alice db-operator 60 1
not_published "longer than the role's maximum" 1900010002 $GID lb-alice-2 alice db-operator 15000 1
not_published "the end is no time" 1900010002 $GID lb-alice-2 alice db-operator 0 1
tell account $ALICE $GID lb-alice-1 alice db-operator 60 1
says "^published $ALICE no the uid belongs to another grant"

step "ids and names that the host knows are not taken"
useradd -u 1900010003 -M held
not_published "belongs to a user already" 1900010003 $GID lb-alice-3 alice db-operator 60 1
userdel held
echo "someone:1900010000:100" >>/etc/subuid
not_published "subordinate range" 1900010004 $GID lb-alice-4 alice db-operator 60 1
sed -i /^someone:/d /etc/subuid

step "connections that are not the account's are left alone"
setpriv --reuid alice --regid alice --clear-groups sleep 1000 &
other=$!
/usr/bin/sleep 1000 &
system=$!
bash -c "echo $ALICE >/proc/self/loginuid; exec /usr/sbin/sshd -D -p 2223 -o ListenAddress=127.0.0.1" &
listener=$!
wait_for '(exec 3<>/dev/tcp/127.0.0.1/2223)' 10 || fail "no sshd"
[ "$(cat /proc/$listener/loginuid)" = $ALICE ] || fail "no login uid can be set here"
setpriv --reuid $ALICE --regid $ALICE --clear-groups sleep 1000 &
own=$!
wait_for "grep -q '^Uid:.*$ALICE' /proc/$own/status"
everybody="1 $DAEMON_PID $other $system $listener $own"
spared() {
	for pid in $everybody; do alive "$pid" "process $pid ($1)"; done
	mark_log
}
mark_log
for verb in session disconnect; do
	for pair in "0 1" "0 $DAEMON_PID" "0 $system" "10001 $other" "0 $listener" "1900000005 $system" \
		"1900010002 $own" "$ALICE 1" "$ALICE $DAEMON_PID" "$ALICE $other" "$ALICE $system" "4294967295 $system"; do
		tell $verb $pair "${pair#* }"
		wait_log "does not belong to uid ${pair% *}: (left alone|not registered)"
		spared "$verb $pair"
	done
	# The account's own process is named, another one's descriptor handed over.
	for victim in 1 $DAEMON_PID $other $system $listener file; do
		tell $verb $ALICE $own $victim
		wait_log "$own does not belong to uid $ALICE: (left alone|not registered)"
		spared "$verb with the descriptor of $victim"
	done
done
pass "nobody else was ended"
tell disconnect $ALICE $listener $listener
wait_log "connection $listener does not belong|left alone"
spared "the listening sshd with the account's login uid"

step "its own connection is ended"
tell disconnect $ALICE $own $own
wait_for "dead $own" 2 || fail "the connection lives on"
everybody=${everybody% *}
pass "ended"

step "ends of what is no account are refused"
for target in "0 root" "10001 alice" "1900000005 lb-alice-1" "1900010009 lb-alice-1" "1900010009 root" "4294967295 lb-alice-9"; do
	mark_log
	tell evict $target quickly
	says "not evicted"
	wait_log "asked to end uid ${target% *}, which cannot be an account"
	spared "evict $target"
done

step "an account lives no longer than its role allows, however often it is told"
for _ in 1 2 3; do
	tell account $ALICE $GID lb-alice-1 alice db-operator 14403 0
done
says "^published $ALICE (yes|no)"
# Four hours and the slack from its first day, not from the last telling.
mark_log
tell account $ALICE $GID lb-alice-1 alice db-operator 14500 0
says "^published $ALICE no .*longer than the role's maximum"
run_ok getent passwd lb-alice-1

step "a second uid, an end, and the uid is never used again"
tell account 1900010005 $GID lb-alice-5 alice db-operator 60 1
says "^published 1900010005 yes"
tell evict 1900010005 lb-alice-5 because
says "^evicted 1900010005 yes because"
for fresh in 1 0; do
	tell account 1900010005 $GID lb-alice-5 alice db-operator 60 $fresh
	says "^published 1900010005 no"
done
tell ack 1900010005
for fresh in 1 0; do
	not_published "used before" 1900010005 $GID lb-alice-5 alice db-operator 60 $fresh
done
[ ! -e /home/lb-alice-5 ] || fail "the home is there again"

step "an own account is the one that the policy has, and is not changed"
MINE=1900010020
ROLE=1900000007
not_mine() {
	local why=$1
	shift
	mark_log
	tell account "$@"
	says "^published $1 no .*$why"
	wait_log "uid.?$1.* is not published: .*$why"
	pass "refused: $why"
}
passwd_before=$(sha256sum /etc/passwd /etc/group /etc/shadow)
not_mine "another Unix user" $MINE $ROLE alice alice mine 60 1 10002
not_mine "another Unix user" $MINE $ROLE mallory alice mine 60 1 10002
not_mine "another Unix user" $MINE $ROLE root alice mine 60 1 0
not_mine "another Unix user" $MINE $ROLE lb-alice-20 alice mine 60 1
not_mine "does not belong to the uid" $MINE $GID lb-alice-20 alice db-operator 60 1 10001
not_mine "does not belong to the uid" $MINE $GID alice alice db-operator 60 1 10001
not_mine "may not have this role" $MINE $ROLE dave dave mine 60 1 10003
not_mine "longer than the role's maximum" $MINE $ROLE alice alice mine 15000 1 10001
echo 'alias:x:10001:10001::/:/bin/sh' >>/etc/passwd
not_mine "two users have" 1900010015 $ROLE alice alice mine 60 1 10001
sed -i /^alias:/d /etc/passwd
tell account $MINE $ROLE alice alice mine 600 1 10001
says "^published $MINE yes"
run_ok id alice
says_not "games"
run_refused getent passwd $MINE
not_mine "another grant works on the account" 1900010021 $ROLE alice alice mine 60 1 10001

step "of its processes those are ended that have its login uid and a session that was named"
numbered() {
	setsid -f bash -c 'echo "$0" >/proc/self/loginuid; exec setpriv --reuid "$0" --regid "$0" --clear-groups "$@"' "$@"
}
# The first one goes on when it is told the role's groups, the second one notes that it is not.
numbered 10001 bash -c 'cat /proc/self/sessionid >/tmp/number.7001; until id -nG alice | grep -q games; do sleep 0.05; done; exec sleep 7001'
wait_for '[ -s /tmp/number.7001 ]' || fail "no process"
tell kernel $MINE "$(cat /tmp/number.7001)"
numbered 10001 bash -c 'until pgrep -f "^sleep 7001"; do sleep 0.05; done; id -nG alice >/tmp/groups.7002; exec sleep 7002'
numbered 10002 sleep 7003
setsid -f setpriv --reuid 10001 --regid 10001 --clear-groups sleep 7004
wait_for '[ "$(pgrep -f "^sleep 700" | wc -l)" = 4 ]' || fail "no processes"
of() { pgrep -f "^sleep $1"; }
number() { cat "/proc/$(of "$1")/sessionid"; }
OUT=$(cat /tmp/groups.7002)
says_not games
tell kernel $MINE "$(number 7003)" # mallory's
tell kernel $MINE 4294967295       # of all that have none
tell kernel $ALICE "$(number 7002)" # a temporary account has none
for p in 7001 7002 7004; do
	mark_log
	tell disconnect 10001 "$(of $p)" "$(of $p)"
	wait_log "connection $(of $p) does not belong to uid 10001: left alone"
done
tell evict 1900010030 held because 10077
says "^evicted 1900010030 yes because; NOT ENDED"
tell evict $MINE alice over 10001
says "^evicted $MINE yes over; killed 1 processes of the 2 sessions"
[ -z "$(of 7001)" ] || fail "it lives"
for p in 7002 7003 7004; do alive "$(of $p)" "process $p"; done
kill "$(of 7002)" "$(of 7003)" "$(of 7004)"
run_ok id alice
says_not games
[ "$(sha256sum /etc/passwd /etc/group /etc/shadow)" = "$passwd_before" ] || fail "a file was changed"
tell ack $MINE

step "malformed messages end the keeper, not the warden, and published accounts stay"
files() { find /proc/$DAEMON_PID/fd | wc -l; }
before=$(files)
# type, bytes, descriptors: a policy to the warden, a byte too many, one too few, a second READY, a
# descriptor where none belongs, none where one does, two.  (Each restart waits longer than the last,
# so the rest is left to the unit tests of links and messages.)
for raw in "1 0 0" "16 1 0" "19 5 0" "16 0 0" "17 0 1" "22 10 0" "22 10 2"; do
	was=$(keeper)
	mark_log
	printf 'raw %s\n' "$raw" >/run/evil/in
	wait_for "dead $was && [ \"\$(keeper)\" != $was ]" 10 || fail "the keeper that sent $raw was not replaced"
	alive $DAEMON_PID "the warden ($raw)"
	tell ready
	says_not "no answer"
done
run_ok getent passwd lb-alice-1
wait_for "[ \$(files) -le $before ]" 5 || fail "descriptors are left open in the warden: $before, then $(files)"
pass "every one was replaced, and no descriptor is left"

step "the end, by the warden's own table"
tell evict $ALICE lb-alice-1 "over"
says "^evicted $ALICE yes over; .*a listening sshd it started was left running"
run_refused getent passwd lb-alice-1
spared "the end of the account"
kill $listener
kill $other $system
stop_daemon
passed
