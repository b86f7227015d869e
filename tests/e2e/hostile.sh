#!/bin/bash
# Those who may talk to the daemon and mean it ill: broken frames, forged identities, temporary
# accounts that decide, poisoned texts and names, and a front, courier or keeper that was taken over.
#   ATTACKS 5   who somebody is comes from the kernel
#   ATTACKS 6   bounds first
#   ATTACKS 15, 16, 17   names and texts are refused, never repaired
#   ATTACKS 46  modes and owners
#   ATTACKS 47  one process taken over
. "$WORLD_REPO/tests/support/lib.sh"
for name in bob carol; do useradd -m -s /bin/bash $name; done
sed -i -E 's/(identity (bob|carol) .*)\}$/\1 unix-user = "\2" }/' /etc/lockbox/policy.d/demo.conf
start_daemon
start_sshd

public=/run/lockbox/public.sock
frames() { perl "$WORLD_REPO/tests/support/frames.pl" "$@"; }
cp "$WORLD_REPO/tests/support/frames.pl" /usr/local/bin/frames && chmod 755 /usr/local/bin/frames
by() { as "$1" perl /usr/local/bin/frames "${@:2}"; }
records() { gate carol audit --json | grep -o '"seq":' | wc -l; }
alive_for_others() {
	quietly as mallory lockbox status
	[ "$STATUS" -eq 0 ] || fail "others are affected: $OUT"
	quietly gate alice status
	[ "$STATUS" -eq 0 ] || fail "others are affected: $OUT"
	dead $held && fail "a connection of somebody else was closed"
	return 0
}
hex() { perl -e 'print unpack("H*", $ARGV[0])' "$1"; }
# packed TEMPLATE VALUE...: hex, big-endian: n N Q> n/a*
packed() { perl -e 'my $t = shift; print unpack("H*", pack($t, @ARGV))' "$@"; }

step "Broken frames: the connection is closed, everyone else is unaffected (ATTACKS 6)"
mkfifo /run/hold
by carol $public frame:2 all hold </run/hold >/run/held &
held=$!
exec 7>/run/hold
wait_for 'grep -q holding /run/held' 5 || fail "nobody holds a connection"
run_ok by mallory $public frame:2 wait
note "that was a good one; now the bad ones"
# shellcheck disable=SC2054 # commas are part of the words
declare -A bad=(
	[oversized]=raw:w=8193,h=3,b=2,b=0
	[huge]=raw:w=4294967295,h=3,b=2,b=0
	[of a later version]=raw:w=0,h=2,b=3,b=0
	[with a reserved byte]=raw:w=0,h=2,b=2,b=1
	[of no type]=frame:77
	[of type 0]=frame:0
	[of a reply type]=frame:32770:h=1,t=x
	[of the reply that lets in]=frame:32776:b=2,t=
	[of the other socket]=frame:65:t=alice,w=10001,t=sshd,t=,t=,t=
	[with a trailing byte]=frame:2:x=00
	[with a trailing byte after fields]=frame:4:b=1,q=0,x=00
	[cut short]=frame:4:b=1
	[with a text over its maximum]=frame:3:t=$(printf 'r%.0s' {1..29}),w=20,t=,t=x,q=0,t=,b=0
	[with a length that lies]=frame:3:h=500,x=6162
	[with NUL in a text]=frame:3:t=log-reader,w=20,t=,t=a%00b,q=0,t=,b=0
	[that is none]=raw:x=474554202f20485454502f312e300d0a
)
mark_log
for what in "${!bad[@]}"; do
	quietly by mallory $public "${bad[$what]}" closed
	[ "$STATUS" -eq 0 ] || fail "a frame $what: $OUT"
	alive_for_others
	pass "a frame $what: closed without a word"
done
wait_log 'malformed|bad frame'
took=$(now_cs)
quietly by mallory $public raw:w=10,h=3 closed
[ "$STATUS" -eq 0 ] || fail "half a frame: $OUT"
took=$(($(now_cs) - took))
[ $took -lt 750 ] || fail "half a frame was waited for $took hundredths of a second"
pass "half a frame: closed after $took hundredths of a second"
quietly by mallory $public raw:w=10,h=3 shut closed
[ "$STATUS" -eq 0 ] || fail "half a frame and the end: $OUT"
alive_for_others
mark_log
for _ in $(seq 150); do by mallory $public frame:77 closed >/dev/null || fail "not closed"; done
lines=$(log_since_mark | grep -ciE 'malformed|bad frame')
[ "$lines" -le 30 ] || fail "$lines lines in the syslog for 150 bad frames"
pass "150 bad frames, $lines lines in the syslog"
note "and one user's many connections take nothing from others"
for n in $(seq 60); do mkfifo "/run/hold.$n"; by mallory $public hold <>"/run/hold.$n" >/dev/null 2>&1 & done
wait_log 'too many connections' 10
quietly gate alice status
[ "$STATUS" -eq 0 ] || fail "others are affected: $OUT"
quietly as carol lockbox audit
[ "$STATUS" -eq 0 ] || fail "others are affected: $OUT"
for n in $(seq 60); do echo >"/run/hold.$n"; done
wait_for 'as mallory lockbox status' 10 || fail "mallory is locked out for good"

step "Who somebody is comes from the kernel (ATTACKS 5)"
run_ok as bob lockbox pending
run_ok by mallory $public frame:1:t=bob,t=SHA256:forged wait
says '^refused 2 '
run_ok by bob $public frame:1:t=bob,t=SHA256:forged wait
says '^refused 2 '
run_ok frames $public frame:1:t=bob,t=SHA256:forged wait
says '^refused '
run_ok by lockbox $public frame:2 wait
says '^refused 1 '
run_ok by lockbox $public frame:1:t=nobody,t=SHA256:x wait
says '^refused '
run_ok by lockbox $public frame:1:t=../bob,t=SHA256:x wait
says '^refused '
run_ok by lockbox $public frame:1:t=alice,t=SHA256:x wait frame:1:t=bob,t=SHA256:x wait
says '^8001 '
says '^refused 2 .*(already|once)'
run_ok by daemon $public frame:2 wait
says '^refused 1 '
key=$(cut -d' ' -f2 /root/keys/alice.pub)
run_ok by lockbox-keys $public "frame:13:t=lockbox,t=ssh-ed25519,t=$key" wait
says '^8007 '
for type in 2 4:b=3,q=0 12:q=0,q=0 6:q=1,t= 1:t=bob,t=SHA256:x; do
	run_ok by lockbox-keys $public "frame:$type" wait
	says '^refused '
done
for who in mallory lockbox daemon; do
	run_ok by $who $public "frame:13:t=lockbox,t=ssh-ed25519,t=$key" wait
	says '^refused '
done
run_refused by mallory /run/lockbox/pam.sock frame:65:t=alice,w=10001,t=sshd,t=,t=,t= wait
says 'no connection: Permission denied'
for step in frame:2 frame:11:q=1,t=x frame:32776:b=2,t= frame:65:t=alice raw:w=9000,h=65,b=2,b=0; do
	run_ok frames /run/lockbox/pam.sock $step closed
done
alive_for_others

step "A temporary account decides nothing, not as root and not as an approver"
granted alice full-admin 10m bob
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session"
mine=$GRANT
quietly gate mallory request db-operator --for 5m --json --reason "a target"
target=$(field id)
quietly gate alice request log-reader --for 5m --json --reason "my own"
own=$(field id)
run_ok as bob lockbox show "$target"
session_run 1 "lockbox approve $own; lockbox status; lockbox roles; lockbox audit; lockbox end $mine"
[ "$(grep -c 'temporary account decides nothing' <<<"$OUT")" = 5 ] || fail "as itself: $OUT"
pass "as itself: refused five times"
session_run 1 "echo 'lockbox approve $target; lockbox revoke $target --reason x; lockbox audit; lockbox status' | sudo /usr/bin/bash"
[ "$(grep -c 'temporary account decides nothing' <<<"$OUT")" = 4 ] || fail "as root by sudo: $OUT"
pass "as root by sudo: refused four times"
session_run 1 "echo 'su bob -s /bin/bash -c \"id -un; lockbox approve $target; lockbox pending\"' | sudo /usr/bin/bash"
grep -q '^bob' <<<"$OUT" || fail "su to bob did not work, so nothing is proved: $OUT"
[ "$(grep -c 'temporary account decides nothing' <<<"$OUT")" = 2 ] || fail "as bob by su: $OUT"
pass "as the approver bob, by sudo and su: refused"
session_run 1 "echo 'setsid -f setpriv --reuid bob --regid bob --clear-groups lockbox approve $target >/tmp/daemon 2>&1; sleep 0.5; cat /tmp/daemon' | sudo /usr/bin/bash"
grep -q 'temporary account decides nothing' <<<"$OUT" || fail "as a daemon of bob's: $OUT"
quietly gate mallory show "$target" --json
[ "$(field state)" = pending ] || fail "the target was approved: $OUT"
quietly gate alice show "$own" --json
[ "$(field state)" = pending ] || fail "the own request was approved: $OUT"
run_ok as bob lockbox approve "$target"
pass "bob himself can, with the same commands"
run_ok gate alice end "$mine"
session_over 1 3

step "Poisoned texts are refused, and reach no log (ATTACKS 16, 17)"
run_ok by mallory $public 'frame:3:t=log-reader,w=20,t=T-1,t=a plain reason: naïve café,q=0,t=,b=0' wait
says '^8004 '
mark_log
for poison in %1b[31m %0a %0d %09 %7f %c2%9b %c2%85 %e2%80%ae %e2%81%a6 %e2%80%a8 %ff %c0%af %ed%a0%80; do
	for frame in "3:t=log-reader,w=20,t=,t=x${poison}uid=0" "3:t=log-reader,w=20,t=x${poison},t=why" "7:q=99,t=x$poison" \
		"11:q=99,t=x$poison" "3:t=log-reader${poison},w=20,t=,t=why"; do
		quietly by mallory $public "frame:$frame" wait
		grep -qE '^refused (3|6) |no answer' <<<"$OUT" || fail "taken: $frame: $OUT"
	done
	quietly by bob $public "frame:6:q=${target#R-},t=x$poison" wait
	grep -qE '^refused |no answer' <<<"$OUT" || fail "taken as a comment: $poison: $OUT"
	pass "refused: $poison"
done
run_refused gate alice request log-reader --for 5m --reason $'a \e[2J b'
run_refused gate alice request log-reader --for 5m --reason $'first\nevent=approve grant=R-1'
! grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' < <(log_since_mark) || fail "control characters in the syslog"
! grep -qE '^[^l]*event=approve grant=R-1' < <(log_since_mark) || fail "a forged line in the syslog"
note "what does not come through the daemon is escaped where it is shown"
quietly person_ssh alice -l $'al\e[31mice\nevent=approve' $HOST true
! grep -qP 'pam_lockbox.*[\x00-\x08\x0b-\x1f]' < <(log_since_mark) || fail "a user name's control characters in the syslog"
pass "no control character in any line"

step "Names that are paths or options (ATTACKS 15)"
for role in ../../etc/cron.d/x -rf 'a b' log-reader/../x LOG-READER ''; do
	quietly by mallory $public "frame:3:t=$role,w=20,t=,t=why,q=0,t=,b=0" wait
	grep -qE '^refused (3|6) ' <<<"$OUT" || fail "role $role: $OUT"
done
for user in ../../root -oProxyCommand=x 'lb-alice-1/../x' 'lb-../-1' lb-alice-01 lb-alice--1 lb-alice-4294967297 root; do
	run_ok by lockbox-keys $public "frame:13:t=$user,t=ssh-ed25519,t=$key" wait
	says '^8001 '
done
for line in 'identity ../x { }' 'identity -rf { }' 'team a/b { members = {"alice"} }' \
	'role ../etc { requesters = {"engineers"} approvers = {"leads"} }' \
	'role x { requesters = {"engineers"} approvers = {"leads"} sudo = {"/usr/bin/../bin/id"} }' \
	'role x { requesters = {"engineers"} approvers = {"leads"} groups = {"../root"} }' \
	'role x { requesters = {"engineers"} approvers = {"leads"} shell = "/bin/../bin/sh" }'; do
	printf '%s\n' "$line" >/etc/lockbox/policy.d/x.conf
	run_refused lockbox check
done
rm /etc/lockbox/policy.d/x.conf

step "A front that was taken over (ATTACKS 47)"
inject() { "$BUILD/tests/inject" "$@"; }
grants_before=$(gate carol audit --json | grep -oE '"event":"(approve|claim|revoke|request)"' | wc -l)
granted mallory log-reader 10m bob
victim=$GRANT victim_account=$ACCOUNT
for what in "a READY:$(packed n 16)" "an ACCOUNT:$(packed 'nQ>NN' 19 1 0 0)" "a POLICY:$(packed n 1)" \
	"a frame of no type:$(packed 'nQ>NnCC' 33 1 0 77 2 0)" "a frame with a tail:$(packed 'nQ>NnCCC' 33 1 0 2 2 0 0)" \
	"a reply:$(packed 'nQ>NnCC' 33 1 0 32769 2 0)" "a PAM question:$(packed 'nQ>NnCC' 33 1 0 65 2 0)" "nothing:$(packed n 33)"; do
	front=$(child_of_daemon front)
	mark_log
	inject "$front" 3 "${what#*:}" || fail "cannot inject"
	wait_log 'front sent what it may not'
	wait_for "p=\$(child_of_daemon front); [ -n \"\$p\" ] && [ \"\$p\" != $front ]" 5 || fail "the front was not replaced"
	wait_for "gate carol roles" 5 || fail "no answer after ${what%%:*}"
	pass "${what%%:*} from the front: it was replaced"
done
note "requests for connections that are not there"
front=$(child_of_daemon front)
for conn in 0 1 2 4294967296 18446744073709551615; do
	inject "$front" 3 "$(packed "nQ>NnCCQ>n/a*" 33 $conn 13 11 2 0 "${victim#R-}" 'out')" || fail "cannot inject"
	inject "$front" 3 "$(packed "nQ>NnCCn/a*n/a*" 33 $conn 8 1 2 0 bob k)" || fail "cannot inject"
done
wait_for "gate carol roles" 5 || fail "no answer"
quietly gate mallory show "$victim" --json
[ "$(field state)" = active ] || fail "the victim's grant: $OUT"
note "a connection of mallory's that names itself the gate's"
by mallory $public frame:2 all hold <>/run/hold >/run/held2 &
intruder=$!
wait_for 'grep -q holding /run/held2' 5 || fail "no connection"
for conn in $(seq 1 400); do
	inject "$(child_of_daemon front)" 3 "$(packed "nQ>NnCCn/a*n/a*" 33 "$conn" 8 1 2 0 bob k)" 2>/dev/null || break
done
wait_for "gate carol roles" 5 || fail "no answer"
kill $intruder
grants_after=$(gate carol audit --json | grep -oE '"event":"(approve|claim|revoke|request)"' | wc -l)
[ "$grants_after" -eq $((grants_before + 3)) ] || fail "$grants_before decisions before, $grants_after after"
pass "nothing was decided by it"

step "A courier that was taken over"
for message in "$(packed n 16)" "$(packed 'nQ>NN' 19 1 0 0)" "$(packed 'nQ>NnCC' 33 1 0 2 2 0)"; do
	inject "$(child_of_daemon courier)" 3 "$message" || true
done
wait_for "gate carol roles" 5 || fail "no answer"
quietly gate mallory show "$victim" --json
[ "$(field state)" = active ] || fail "the victim's grant: $OUT"
pass "nobody listens to it"

step "A keeper that was taken over: the warden does nothing to anybody outside"
as mallory sleep 3000 &
bystander=$!
wait_for "[ \$(ps -o uid= -p $bystander) = 10002 ]" 5
keeper() { child_of_daemon keeper; }
account() { packed 'nQ>NNn/a*n/a*n/a*Q>Q>CN' 19 "$@" 0; }
evict() { packed 'nQ>Nn/a*n/a*N' 20 "$@" 0; }
soon=$(($(date +%s) + 60))000000000
boot=$(($(now_cs) / 100 + 60))000000000
for what in "uid 10002:$(evict 1 10002 mallory bye)" "uid 0:$(evict 1 0 root bye)" "a role's gid:$(evict 1 1900000005 lb-x-5 bye)" \
	"an account by another's uid:$(evict 1 1900010099 "$victim_account" bye)" "a path as name:$(evict 1 1900010098 ../../etc bye)"; do
	mark_log
	inject "$(keeper)" 3 "${what#*:}" || fail "cannot inject"
	wait_log 'asked to end uid [0-9]+, which cannot be an account|sent what it may not'
	wait_for "gate carol roles" 10 || fail "no answer"
	pass "asked to end ${what%%:*}: it did not"
done
dead $bystander && fail "mallory's process was killed"
ready() { wait_for "gate carol roles" 10 || fail "no answer"; }
gid=$(getent group lbr-log-reader | cut -d: -f3)
long=$(($(date +%s) + 36000))000000000 long_boot=$(($(now_cs) / 100 + 36000))000000000
inject "$(keeper)" 3 "$(account 9 1900010400 "$gid" lb-alice-400 alice log-reader $soon $boot 1)" || fail "cannot inject"
wait_for 'getent passwd lb-alice-400' 5 || fail "a good one is not published, so nothing below is proved"
note "one that is within the policy is published; these are not:"
for what in \
	"uid 0|uid is outside the account range|$(account 9 0 "$gid" root alice log-reader $soon $boot 1)" \
	"uid 10002|uid is outside the account range|$(account 9 10002 "$gid" lb-alice-2 alice log-reader $soon $boot 1)" \
	"a name that is not the uid's|name does not belong|$(account 9 1900010500 "$gid" lb-alice-7 alice log-reader $soon $boot 1)" \
	"a role that is not there|no such role|$(account 9 1900010501 "$gid" lb-alice-501 alice no-such $soon $boot 1)" \
	"a person who may not|may not have this role|$(account 9 1900010502 "$gid" lb-carol-502 carol full-admin $soon $boot 1)" \
	"nobody of the policy|no such identity|$(account 9 1900010503 "$gid" lb-eve-503 eve log-reader $soon $boot 1)" \
	"longer than the role lasts|longer than the role|$(account 9 1900010504 "$gid" lb-alice-504 alice log-reader $long $long_boot 1)" \
	"without an end|no time|$(account 9 1900010507 "$gid" lb-alice-507 alice log-reader 0 0 1)" \
	"the gid of root|outside the role range|$(account 9 1900010505 0 lb-alice-505 alice log-reader $soon $boot 1)" \
	"the gid of another role|belongs to another role|$(account 9 1900010508 "$gid" lb-alice-508 alice full-admin $soon $boot 1)" \
	"another grant's uid|belongs to another grant|$(account 9 1900010400 "$gid" lb-alice-400 alice full-admin $soon $boot 1)" \
	"a path as name|name does not belong|$(account 9 1900010506 "$gid" ../../etc/x alice log-reader $soon $boot 1)"; do
	mark_log
	inject "$(keeper)" 3 "${what##*|}" || fail "cannot inject"
	why=${what#*|}
	wait_log "is not published: .*(${why%|*}|another role)|sent what it may not"
	ready
	for uid in $(seq 1900010500 1900010508); do
		! getent passwd "$uid" >/dev/null || fail "it resolves: $(getent passwd "$uid")"
	done
	! getent passwd | grep -qE '^(root|lb-alice-2):.*:1900' || fail "published: $(getent passwd)"
	pass "asked to publish ${what%%|*}: it did not"
done
[ "$(ls /home)" = "$(ls /home | grep -vE '50[0-9]$')" ] || fail "a home was made: $(ls /home)"
note "connections to be closed that are not the account's"
mark_log
inject "$(keeper)" 3 "$(packed 'nNNn/a*' 22 1900010001 $bystander x)" $bystander || fail "cannot inject"
wait_log "connection $bystander does not belong to uid 1900010001: left alone"
mark_log
inject "$(keeper)" 3 "$(packed 'nNNn/a*' 22 10002 $bystander x)" $bystander || fail "cannot inject"
ready
inject "$(keeper)" 3 "$(packed 'nNNn/a*' 21 1900010001 1 x)" 1 || fail "cannot inject"
ready
dead $bystander && fail "mallory's process was ended"
dead 1 && fail "init was ended"
note "what is no message at all"
for message in "$(packed n 999)" "$(packed n 19)" "$(packed 'nC' 18 0)" ""; do
	keeper=$(keeper)
	mark_log
	inject "$keeper" 3 "$message" || fail "cannot inject"
	wait_log 'keeper (sent what it may not|was ended)'
	ready
done
pass "the keeper was replaced each time"
quietly gate mallory show "$victim" --json
[ "$(field state)" = active ] || fail "the victim's grant: $OUT"
dead $bystander && fail "mallory's process was ended"
kill $bystander

step "Modes and owners, also when started with umask 0 (ATTACKS 46)"
modes() {
	while read -r want path; do
		[ "$(stat -c '%a %U:%G %F' "$path" | tr ' ' _)" = "$want" ] || fail "$path is $(stat -c '%a %U:%G %F' "$path"), not $want"
		pass "$path $want"
	done <<-'END'
		755_root:root_directory /run/lockbox
		666_root:root_socket /run/lockbox/public.sock
		600_root:root_socket /run/lockbox/pam.sock
		644_root:root_regular_file /run/lockbox/accounts
		644_root:root_regular_file /run/lockbox/lockboxd.pid
		555_root:root_directory /run/lockbox/empty
		700_lockbox-keeper:lockbox-keeper_directory /var/lib/lockbox
		440_root:root_regular_file /etc/sudoers.d/lockbox
	END
	for path in /var/lib/lockbox/*; do
		[ "$(stat -c '%a %U' "$path")" = "600 lockbox-keeper" ] || fail "$path is $(stat -c '%a %U' "$path")"
	done
	quietly as mallory cat /var/lib/lockbox/data.mdb
	[ "$STATUS" -ne 0 ] || fail "everybody can read the store"
}
modes
kill $held 2>/dev/null
stop_daemon || fail "SIGTERM"
umask 0
start_daemon
umask 022
modes
stop_daemon
does_not_start() {
	mark_log
	quietly timeout 10 /usr/sbin/lockboxd -d
	[ "$STATUS" -ne 0 ] && [ "$STATUS" -ne 124 ] || fail "it starts although $1"
	wait_log "$2"
	pass "does not start: $1"
}
chmod 777 /run/lockbox
does_not_start "others can write its run directory" '/run/lockbox must be a directory'
chmod 755 /run/lockbox
mv /var/lib/lockbox /var/lib/lockbox.kept
install -d -o mallory -m 700 /var/lib/lockbox
does_not_start "its store's directory is somebody else's" '/var/lib/lockbox must be a directory'
rmdir /var/lib/lockbox
ln -s /var/lib/lockbox.kept /var/lib/lockbox
does_not_start "its store's directory is a link" '/var/lib/lockbox must be a directory'
rm /var/lib/lockbox
mv /var/lib/lockbox.kept /var/lib/lockbox
chown mallory /etc/lockbox/policy.d/demo.conf
does_not_start "a policy file is somebody else's" 'demo.conf'
chown root /etc/lockbox/policy.d/demo.conf
start_daemon
pass "and starts when all is as it should be"
passed
