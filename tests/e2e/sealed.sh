#!/bin/bash
# The sealed emergency account, through the real sshd, login, PAM and sudo: refused while the daemon
# works, let in once when its store is wrecked, and seen everywhere afterwards.
. "$WORLD_REPO/tests/support/lib.sh"

setup=/usr/share/lockbox/setup
dir=/var/lib/lockbox-seal
start_daemon
start_sshd

# sealed PASSWORD [COMMAND...]: a login by ssh as the emergency account.
sealed() {
	local password=$1
	shift
	temp_ssh alice "$password" -o PreferredAuthentications=keyboard-interactive "lockbox-sealed@$HOST" "$@"
}
seal() {
	quietly $setup seal "$@"
	[ "$STATUS" -eq 0 ] || fail "setup seal: $OUT"
	PASSWORD=$(sed -n 's/^ *password *//p' <<<"$OUT")
	[ "$(wc -L <<<"$OUT")" -le 80 ] || fail "wide lines: $OUT"
	[ ${#PASSWORD} -eq 39 ] || fail "no password: $OUT"
	checks=$((checks + 1))
}
break_store() {
	stop_daemon
	printf 'wrecked' | dd of=/var/lib/lockbox/store.mdb bs=1 seek=20 conv=notrunc status=none
	/usr/sbin/lockboxd -d >>/var/log/lockboxd.log 2>&1
	[ $? -eq 78 ] || fail "lockboxd runs on a wrecked store"
}
mend_store() {
	rm -f /var/lib/lockbox/store.mdb
	start_daemon
}

step "Without a seal there is no such way in, and doctor says so"
run_refused id lockbox-sealed
run_ok lockbox doctor
says 'seal +there is no sealed emergency account'

step "Sealed: a password shown once, a file of root's, a rule of sudo's"
run_refused $setup seal su
seal sshd login
first=$PASSWORD
[ "$(stat -c '%U %a %s' $dir/seal)" = "root 600 512" ] || fail "the seal: $(stat $dir/seal)"
[[ $(getent shadow lockbox-sealed) == "lockbox-sealed:\$y\$"* ]] || fail "the password is no yescrypt"
run_refused grep -rq "${first%%-*}-" $dir /etc/sudoers.d /var/log
run_ok lockbox doctor
says 'seal +intact'
says 'ok +way in +once, by the seal: lockbox-sealed by sshd,login'
run_ok lockbox standing
says '^lockbox-sealed +[0-9]+ +once, by the seal +sshd, ?login +yes +set'
run_ok lockbox standing --json
tr -d ' \n' <<<"$OUT" | grep -q '"account":"lockbox-sealed","uid":[0-9]*,"access":"seal",' || fail "$OUT"
run_ok as alice lockbox standing
says '^lockbox-sealed +[0-9]+ +unknown'
run_ok $setup status
says 'intact since'
says 'ok +way in'
# The seal does not ask pam.conf, but everybody else is refused.
echo oops >>/etc/lockbox/pam.conf
run_status 1 lockbox doctor
says 'bad +pam.conf'
says 'ok +way in +once, by the seal'
sed -i '$d' /etc/lockbox/pam.conf

step "The daemon works: the right password breaks nothing"
mark_log
run_refused sealed "$first" true
wait_log 'pam_lockbox.*refused.*user=lockbox-sealed.*the access daemon runs'
[ -e $dir/seal ] || fail "the seal is gone"

step "Its store is wrecked: a wrong password, another service, and what cannot be broken are refused"
break_store
run_refused sealed "wrong-$first" true
# su asks for the password of the account and then the gate.
quietly as alice su -c true lockbox-sealed
[ "$STATUS" -ne 0 ] || fail "su went through"
mount --bind $dir $dir && mount -o remount,bind,ro $dir
mark_log
run_refused sealed "$first" true
wait_log 'the seal cannot be broken'
umount $dir
{ [ -e $dir/seal ] && [ ! -e $dir/broken ]; } || fail "it was broken on a read-only disk"
chmod 666 $dir/seal
run_refused sealed "$first" true
chmod 600 $dir/seal
cp $dir/seal /run/kept
truncate -s 400 $dir/seal
run_refused sealed "$first" true
cat /run/kept >$dir/seal
# Before it is broken sudo gives the account nothing.
quietly setpriv --reuid lockbox-sealed --regid lockbox-sealed --clear-groups sudo -n id -u
[ "$STATUS" -ne 0 ] || fail "sudo works before the seal is broken"

step "Let in once, and root by sudo"
mark_log
cat >/run/use <<END
#!/bin/sh
id -un; printf '%s\n' "$first" | sudo -S -p '' id -u
END
chmod 755 /run/use
run_ok sealed "$first" /run/use
says '^lockbox-sealed$'
says '^0$'
wait_log 'pam_lockbox.*ALARM: the seal of this host was broken'
[ ! -e $dir/seal ] || fail "the seal is whole still"
tr '\n' ' ' <$dir/broken | grep -q ' broken 20.* by sshd from' || fail "no trace: $(cat $dir/broken)"
[ "$(stat -c %a $dir/broken)" = 644 ] || fail "the trace cannot be read"

step "A second login is refused, and sudo's time is bounded"
mark_log
run_refused sealed "$first" true
wait_log 'there is no seal to break, or it was broken before'
cp -p $dir/broken /run/broken
truncate -s 400 $dir/broken
as_sealed() { setpriv --reuid lockbox-sealed --regid lockbox-sealed --clear-groups sh -c "printf '%s\n' '$first' | sudo -S -p '' id -u"; }
run_refused as_sealed
cp -p /run/broken $dir/broken
run_ok as_sealed
sed -i 's/ boot ......../ boot 00000000/' $dir/broken
run_refused as_sealed # another boot
cp -p /run/broken $dir/broken

step "Its trace is in all places"
run_status 1 lockbox doctor
says 'seal +BROKEN: 20'
says 'ok +gate '
says 'note +way in '
run_status 1 $setup status
says 'BROKEN 20'
[ "$(wc -L <<<"$OUT")" -le 80 ] || fail "wide lines"
run_ok lockbox standing
says '^lockbox-sealed +[0-9]+ +root until [0-9]{2}:[0-9]{2}Z +sudo '
run_ok lockbox standing --json
tr -d ' \n' <<<"$OUT" | grep -q '"account":"lockbox-sealed","uid":[0-9]*,"access":"seal-broken",.*"until":"20' || fail "$OUT"
grep -q 'shown at login once it is BROKEN' /etc/motd.d/lockbox-sealed || fail "no line at login"
[ "$(wc -L </etc/motd.d/lockbox-sealed)" -le 80 ] || fail "wide lines at login: $(cat /etc/motd.d/lockbox-sealed)"
mend_store
run_ok gate carol status
says 'BREAK-GLASS, not reviewed yet'
says 'lockbox-sealed'
run_ok lockbox metrics
says '^lockbox_seals_broken 1$'
says '^lockbox_reviews_open 1$'
run_ok lockbox audit
says 'seal-broken'
says 'ALARM: root without a grant'

step "The daemon that runs again records it once; an auditor closes the review"
stop_daemon
start_daemon
quietly lockbox metrics
grep -q '^lockbox_reviews_open 1$' <<<"$OUT" || fail "recorded twice: $OUT"
quietly gate carol status --json
GRANT=$(grep -oE '"id":"R-[0-9]+"' <<<"$OUT" | tail -n 1 | cut -d'"' -f4)
run_refused gate bob review "$GRANT" --justified --comment fine
note "not while whoever broke it is root"
run_ok lockbox metrics
says '^lockbox_seals_open 1$'
run_ok gate carol status
says 'ROOT NOW'
run_ok gate carol show "$GRANT"
says 'Root until'
says 'setup unseal'
run_refused gate carol review "$GRANT" --justified --comment the store was wrecked
says 'root on the host still'
run_refused lockbox revoke "$GRANT" --reason stop
says 'setup unseal'
run_ok $setup seal login
wait_for 'lockbox metrics | grep -q "^lockbox_seals_open 0\$"' 20 || fail "it is open still"
run_ok lockbox audit
says 'seal-ended'
says 'ended 20.*, killed 0'
run_ok gate carol review "$GRANT" --justified --comment the store was wrecked
run_ok lockbox metrics
says '^lockbox_seals_broken 0$'

step "Used while the daemon only does not answer: it hears of it without a new start"
seal sshd
mapfile -t daemon < <(pgrep -P "$DAEMON_PID"; echo "$DAEMON_PID")
kill -STOP "${daemon[@]}"
quietly sealed "$PASSWORD" true
kill -CONT "${daemon[@]}"
[ "$STATUS" -eq 0 ] || fail "refused while the daemon does not answer: $OUT"
wait_for 'lockbox metrics | grep -q "^lockbox_seals_broken 1\$"' 20 || fail "the daemon has not heard of it"

step "Ended: no sudo any more, and what ran of its session is killed"
quietly gate carol status --json
GRANT=$(grep -oE '"id":"R-[0-9]+"' <<<"$OUT" | tail -n 1 | cut -d'"' -f4)
kill -STOP "${daemon[@]}"
seal sshd
session_open 1 alice "$PASSWORD" lockbox-sealed@$HOST || fail "not let in"
kill -CONT "${daemon[@]}"
session_run 1 "printf '%s\n' '$PASSWORD' | sudo -S -p '' sh -c 'setsid sleep 7311 >/dev/null 2>&1 & id -u'"
says '^0$'
root=$(pgrep -f '^sleep 7311')
[ "$(stat -c %u "/proc/$root")" = 0 ] || fail "its child is not root"
setsid sleep 7312 &
bystander=$!
wait_for 'lockbox metrics | grep -q "^lockbox_seals_open 1\$"' 20 || fail "the daemon has not heard of it"
run_ok $setup unseal
OUT=$(tr -s '\n ' ' ' <<<"$OUT")
says 'of its sessions [0-9]+ processes were killed'
session_over 1
dead "$root" || fail "what was root of it runs on"
dead $bystander && fail "somebody else's process was killed"
kill $bystander
[ -z "$(owned "$(id -u lockbox-sealed)")" ] || fail "something is left: $(owned "$(id -u lockbox-sealed)")"
wait_for 'lockbox metrics | grep -q "^lockbox_seals_open 0\$"' 20 || fail "it is open still"
run_ok lockbox audit
says 'ended 20.*, killed [1-9]'
run_ok grep -q ' killed [1-9]' $dir/broken-*
[ "$(cat $dir/broken-* | wc -L)" -le 80 ] || fail "wide lines in the trace"

step "Sealed anew: another password, the old one is worth nothing; on a full disk it works"
seal login
second=$PASSWORD
ls $dir/broken-* >/dev/null || fail "the old trace is gone"
break_store
run_refused sealed "$first" true
cp -a $dir /run/full
mount -t tmpfs -o size=64k,mode=755 full $dir
cp -a /run/full/. $dir/
dd if=/dev/zero of=$dir/fill bs=1k status=none 2>/dev/null
run_refused sealed "$second" true
[ -e $dir/seal ] || fail "it was broken by ssh, and is for the console"
cat >/run/console.exp <<END
set timeout 20
log_user 1
spawn -noecho login
expect "login:" { send "lockbox-sealed\r" }
expect "assword:" { send "$second\r" }
expect "lockbox-sealed@" { send "exit\r" }
expect eof
END
quietly expect /run/console.exp
printf '%s\n' "$OUT"
says 'lockbox-sealed@'
says 'emergency account; shown at login once it is BROKEN'
[ -e $dir/broken ] || fail "not broken: $OUT"

step "Taken away"
umount $dir
run_ok $setup unseal
run_refused sealed "$second" true
[ ! -e /etc/sudoers.d/lockbox-sealed ] || fail "sudo's rule is left"
getent shadow lockbox-sealed | grep -q '^lockbox-sealed:\*:' || fail "a password is left"
passed
