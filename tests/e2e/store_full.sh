#!/bin/bash
# The store and its disk fill up while people ask and approve: nothing new is granted, everything
# that ends access goes through, and with room again the same keeper goes on.
#   ATTACKS 37  store full: grants refused, revocation works
. "$WORLD_REPO/tests/support/lib.sh"
dir=/var/lib/lockbox

# The store's file system: as large as a new store and little more.
mkdir -p $dir
mount -t tmpfs -o "size=66m,mode=0700,uid=$(id -u lockbox-keeper),gid=$(id -g lockbox-keeper)" store $dir || fail "no tmpfs"
fill() {
	local out
	out=$(setpriv --reuid lockbox-keeper --regid lockbox-keeper --clear-groups -- \
		"$BUILD/tests/store_fill" $dir "$1" 2>&1) || fail "store_fill: $out"
	note "$out of $(stat -c %s $dir/store.mdb) bytes, $(df --output=avail -k $dir | tail -n 1) KiB free on its file system"
}
ask() {
	quietly gate "$1" request "$2" --for 10m --json --reason "$3"
	[ "$STATUS" -eq 0 ] && GRANT=$(field id)
}
state_of() {
	quietly gate carol show "$1" --json
	[ "$(field state)" = "$2" ] || fail "$1 is not $2: $OUT"
	checks=$((checks + 1))
}
refused_for_room() {
	[ "$STATUS" -ne 0 ] || fail "goes through although there is no room: $OUT"
	says 'the store is full: nothing new is granted'
}

step "A disk that is too small for a new store"
mount -o remount,size=20m $dir || fail "remount"
run_status 78 lockboxd -d
says "the store cannot be made: it takes 64 MiB of disk in $dir"
says_not 'No such file'
mount -o remount,size=66m $dir || fail "remount"
rm -f $dir/*

step "Before: grants of every kind, made while there is room"
start_daemon
start_sshd
granted alice db-operator 1h bob
live=$GRANT account=$ACCOUNT uid=$(getent passwd "$ACCOUNT" | cut -d: -f3)
session_open 1 alice "$PASSWORD" "$account@$HOST" || fail "no session: $(cat /run/session.1)"
granted mallory log-reader 10m bob
revoked=$GRANT revoked_account=$ACCOUNT
ask alice log-reader "to be approved" || fail "$OUT"
approved=$GRANT
run_ok gate bob approve "$approved"
ask alice log-reader "to be denied" || fail "$OUT"
pending=$GRANT
run_ok gate alice claim "$approved" --json
run_ok gate alice end "$approved"
ask mallory two-leads "to be claimed" || fail "$OUT"
approved=$GRANT
run_ok gate bob approve "$approved"
run_ok gate dave approve "$approved"

step "Its file is nearly full: requests and approvals go on until it has to grow and cannot"
stop_daemon || fail "SIGTERM"
fill 12
start_daemon
keeper=$(child_of_daemon keeper)
mark_log
granted_last=0
for ((i = 1; i <= 18; i++)); do
	ask alice log-reader "one more, number $i" || break
	quietly gate bob approve "$GRANT"
	[ "$STATUS" -eq 0 ] || break
	granted_last=$i
	quietly gate alice cancel "$GRANT"
	[ "$STATUS" -eq 0 ] || fail "cannot be cancelled: $OUT"
done
[ $granted_last -ge 1 ] || fail "not one was approved: $OUT"
[ $i -le 18 ] || fail "it never fills up"
refused_for_room
wait_log 'the store is full, with 64 MiB: the file system has none left for it; nothing new is granted'
[ "$(stat -c %s $dir/store.mdb)" = $((64 << 20)) ] || fail "the file has another size: $(stat -c %s $dir/store.mdb)"
pass "$granted_last more were approved, then the file system had nothing for it"

step "Nothing new"
ask mallory log-reader "in a full store"
refused_for_room
quietly gate bob approve "$pending"
refused_for_room
quietly gate mallory claim "$approved"
refused_for_room
state_of "$pending" pending
state_of "$approved" approved
quietly gate mallory claim "$revoked" --json
refused_for_room

step "What ends access goes through, with its record"
mark_log
session_run 1 'setsid -f sleep 3001'
run_ok gate bob revoke "$revoked" --reason "no room"
wait_for "! getent passwd $revoked_account" 5 || fail "the revoked account still resolves"
wait_log "event=evicted .*grant=$revoked "
run_ok gate alice end "$live"
session_over 1 5
wait_for "[ -z \"\$(owned $uid)\" ]" 2 || fail "still there: $(owned "$uid")"
run_status 2 getent passwd "$account"
wait_log "event=evicted .*grant=$live "
run_ok gate bob deny "$pending" --reason "no room"
state_of "$pending" denied
wait_for "gate carol show $live --json >/run/show && [ \"\$(field state \"\$(cat /run/show)\")\" = ended ]" 5 || fail "$(cat /run/show)"
quietly gate carol audit --grant "$live" --json
says evicted

step "Also over a restart with the disk full"
stop_daemon || fail "SIGTERM"
cp $dir/store.mdb /run/store.copy
start_daemon
ask mallory log-reader "after a restart"
if [ "$STATUS" -eq 0 ]; then
	note "the endings have given back what was kept for them"
	run_ok gate mallory cancel "$GRANT"
	stop_daemon || fail "SIGTERM"
	fill 0
	start_daemon
	ask mallory log-reader "after another restart"
fi
refused_for_room
state_of "$live" ended
state_of "$approved" approved
keeper=$(child_of_daemon keeper)

step "Room again: the same keeper takes requests, without a word from anybody"
mark_log
mount -o remount,size=300m $dir || fail "remount"
wait_for "gate mallory request log-reader --for 10m --reason room --json >/run/room" 10 || fail "$(cat /run/room)"
wait_log 'the store has grown to 128 MiB, of at most 4096'
wait_log 'the store has room again: requests are taken'
[ "$(stat -c %s $dir/store.mdb)" = $((128 << 20)) ] || fail "the file has another size: $(stat -c %s $dir/store.mdb)"
[ "$(stat -c %b $dir/store.mdb)" -ge $((128 << 11)) ] || fail "its blocks are not there"
run_ok gate mallory cancel "$(field id "$(cat /run/room)")"
run_ok gate mallory claim "$approved" --json
account=$(field account)
run_ok temp_ssh mallory "$(field password)" "$account@$HOST" id -un
says "^$account$"
[ "$(child_of_daemon keeper)" = "$keeper" ] || fail "the keeper was replaced"

step "Growing while it runs, with room: nobody notices"
stop_daemon || fail "SIGTERM"
fill 4
start_daemon
mark_log
for ((i = 1; i <= 12; i++)); do
	run_ok gate alice request log-reader --for 10m --json --reason "growing, number $i"
	run_ok gate alice cancel "$(field id)"
	! grep -q 'the store has grown' < <(log_since_mark) || break
done
wait_log 'the store has grown to 192 MiB'
grep -q 'the store is full' < <(log_since_mark) && fail "it was full meanwhile"

step "A file that lost its blocks in a copy, on a full disk: endings only, until there is room"
stop_daemon || fail "SIGTERM"
umount $dir
mount -t tmpfs -o "size=65m,mode=0700,uid=$(id -u lockbox-keeper),gid=$(id -g lockbox-keeper)" store $dir || fail "no tmpfs"
cp --sparse=always /run/store.copy $dir/store.mdb
perl -e 'open(my $f, "+<", $ARGV[0]) or die; truncate($f, 96 << 20) or die' $dir/store.mdb
chown lockbox-keeper:lockbox-keeper $dir/store.mdb
chmod 600 $dir/store.mdb
mark_log
start_daemon
ask mallory log-reader "with a file full of holes"
refused_for_room
run_ok gate bob revoke "$approved" --reason "no room"
state_of "$approved" cancelled
mount -o remount,size=300m $dir || fail "remount"
wait_for "gate mallory request log-reader --for 10m --reason room" 10 || fail "it does not go on with room"
wait_log 'the store has room again'
[ "$(stat -c %b $dir/store.mdb)" -ge $((96 << 11)) ] || fail "its blocks are not there"

step "The record has no gap"
stop_daemon || fail "SIGTERM"
start_daemon
pass "the examination at the start finds nothing wrong"
passed
