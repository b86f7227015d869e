#!/bin/bash
# Own accounts: a role that is worked with on the Unix account that its engineer has anyway.  The
# gate opens for it and the role's groups are there only while the grant lasts; nothing of the
# account is changed; at the end only what was opened under the grant is killed.
#   ATTACKS 11 (setsid, nohup, jobs begun elsewhere), 29 (sudo from outside the grant), 47
. "$WORLD_REPO/tests/support/lib.sh"
groupadd -g 3001 payments
cat >>/etc/lockbox/policy.d/demo.conf <<'END'
role payments {
	requesters = {"engineers"}
	approvers = {"leads"}
	account = "own"
	sessions = 2
	groups = {"payments"}
	sudo = {"/usr/bin/id -u", "/usr/local/sbin/reindex"}
}
END
run_ok lockbox check
# What the account may do by itself, before and after, is another matter; here it is nothing.
mv /etc/sudoers.d/alice /root/sudoers.alice
start_daemon
start_sshd
files=(/etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid /home/alice/.ssh/authorized_keys)
before=$(sha256sum "${files[@]}" 2>/dev/null)
home_before=$(stat -c '%n %a %u %g' /home/alice)

# What ran before, and what runs beside: with a session of the kernel's of its own, and with none.
outside=()
beside() {
	setsid -f setpriv --reuid alice --regid alice --init-groups --reset-env -- "$@"
}
numbered() {
	setsid -f bash -c 'echo 10001 >/proc/self/loginuid; exec setpriv --reuid alice --regid alice --init-groups --reset-env -- "$@"' x "$@"
}
beside sleep 7001
numbered sleep 7002
wait_for '[ "$(pgrep -f "^sleep 700[12]" | wc -l)" = 2 ]' || fail "nothing runs beside"
mapfile -t outside < <(pgrep -f '^sleep 700[12]')
own_ssh() { person_ssh alice "$@"; }

step "Without a grant the gate is shut for the account, whatever its own keys are"
run_refused own_ssh "alice@$HOST" id
says 'nobody has standing access'
quietly as alice id
says_not 'payments'

step "The list of standing access: who gets in without a grant, and whose own account a role opens"
echo 'exempt login root' >>/etc/lockbox/pam.conf
run_ok lockbox standing
says '^root +0 +always +login '
says '^alice +10001 +with a grant +payments +yes +locked +1'
says '^mallory +10002 +with a grant '
says '^lockbox +[0-9]+ +to ask only'
! grep -qE '^.{81}' <<<"$OUT" || fail "more than 80 columns"
run_ok lockbox standing --json
says '"gate": ?true'
says '"pam_conf": ?null'
tr -d ' \n' <<<"$OUT" | grep -q '"without_gate":\[\],' || fail "$OUT"
tr -d ' \n' <<<"$OUT" | grep -q '"account":"alice","uid":10001,"access":"own","by":"payments","shell":true,"password":"locked","keys":1' ||
	fail "$OUT"
# Whoever is not root is not told what only root can know.
run_ok as mallory lockbox standing
says '^alice .*unknown +unknown'
says '^mallory .*unknown +1'
echo 'alice:secret' | chpasswd
useradd -M -u 10050 -s /bin/bash eve
useradd -M -u 10051 -s /usr/sbin/nologin frank
run_ok lockbox standing
says '^alice .* set +1'
says '^eve +10050 +no +yes +locked +0'
says_not '^frank'
usermod -p '*' alice
# Where the gate is taken out of sshd's stack, that is what counts.
mv /etc/pam.d/common-account /root/common-account
grep -v pam_lockbox /root/common-account >/etc/pam.d/common-account
run_ok lockbox standing
says '^eve +10050 +always: no gate'
says 'THE GATE IS NOT IN'
mv /root/common-account /etc/pam.d/common-account
# Any service may be the one without it.
echo 'account required pam_permit.so' >/etc/pam.d/vsftpd
run_ok lockbox standing
says 'NO GATE IN: vsftpd\. '
run_ok lockbox standing --json
tr -d ' \n' <<<"$OUT" | grep -q '"gate":true,"pam_conf":null,"without_gate":\["vsftpd"\],' || fail "$OUT"
run_status 1 lockbox doctor
says 'bad +gate +vsftpd +OPEN: pam_lockbox.so is not in it'
rm /etc/pam.d/vsftpd
# pam.conf as the gate itself reads it: a line may be cut by tabs, and one wrong one refuses everybody.
lines=$(wc -l </etc/lockbox/pam.conf)
run_status 1 lockbox doctor # root's password is locked
says "warning pam.conf +line $lines: user root has no password"
says 'bad +way in +none works'
run_ok lockbox standing
says "does not work: pam.conf, line $lines: user root has no"
echo 'root:Console-and-long-4711' | chpasswd
printf 'exempt\tsshd\teve\t# now and then\n' >>/etc/lockbox/pam.conf
echo 'eve:secret' | chpasswd
run_ok lockbox doctor
says "ok +way in +root by login: line $lines of pam.conf"
run_ok lockbox standing
says '^eve +10050 +always +sshd +yes +set'
echo 'exemtp login bob' >>/etc/lockbox/pam.conf
for how in 'unknown directive' "not root's alone"; do
	run_status 1 lockbox doctor
	says 'bad +pam.conf '
	grep -qE "$how" <<<"$OUT" || fail "not why: $OUT"
	says 'bad +way in +none works'
	run_status 1 lockbox check
	says "pam.conf(:$((lines + 2)))?: .*$how"
	run_status 1 lockbox check --json
	says '"ok": ?false'
	run_ok lockbox standing
	says 'PAM.CONF IS DAMAGED'
	for who in root alice eve lockbox; do says "^$who +[0-9]+ +no "; done
	run_ok lockbox standing --json
	says '"pam_conf": ?"'
	sed -i '$d' /etc/lockbox/pam.conf
	chmod 664 /etc/lockbox/pam.conf
done
chmod 644 /etc/lockbox/pam.conf
sed -i '$d' /etc/lockbox/pam.conf
usermod -p '*' eve
usermod -p '*' root
run_status 2 gate alice standing
before=$(sha256sum "${files[@]}" 2>/dev/null)

step "With one it opens: by the account's own key, without a one-time password"
run_ok gate alice request payments --for 10m --reason "ledger" --json
[ "$(field own_account)" = alice ] || fail "own_account: $OUT"
GRANT=$(field id)
run_ok gate bob show "$GRANT"
says 'Works on +alice, their own'
run_refused own_ssh "alice@$HOST" id
run_ok gate bob approve "$GRANT"
run_refused own_ssh "alice@$HOST" id
run_ok gate alice claim "$GRANT"
says 'Account +alice$'
says 'your own account'
says_not 'password'
run_ok gate alice claim "$GRANT" --json
[ "$(field password)" = null ] || fail "there is a password: $OUT"
run_ok own_ssh "alice@$HOST" 'id; sudo -n /usr/bin/id -u'
says 'uid=10001\(alice\).*3001\(payments\).*\(lbr-payments\)'
says '^0$'
run_refused own_ssh "alice@$HOST" 'sudo -n /usr/bin/id -g'

step "A session of the grant has the role; what runs beside it has neither the groups nor the gate"
no_session "$GRANT"
session_open 1 alice '' "alice@$HOST" || fail "no session: $(cat /run/session.1)"
session_says 1 "Lockbox: payments on lockbox-demo \\($GRANT\\) until"
session_run 1 'id -nG; cat /proc/self/loginuid /proc/self/sessionid | tr "\n" " "; echo'
says 'payments'
session_run 1 'setsid -f sleep 7101; (nohup sleep 7102 >/dev/null 2>&1 &); sudo -n /usr/local/sbin/reindex; echo started'
says started
# What is called in the session by the account's name has them as well.
session_run 1 'id -nG alice'
says payments
# A job that begins while the grant lasts, in another session of the kernel's or in none, as cron and
# the user's systemd begin theirs, has none of them: it would keep them afterwards.
beside bash -c 'id -nG >/tmp/beside; sudo -n /usr/bin/id -u >>/tmp/beside 2>&1; exec sleep 7003'
numbered bash -c 'id -nG >/tmp/numbered; sudo -n /usr/bin/id -u >>/tmp/numbered 2>&1; exec sleep 7004'
wait_for '[ "$(pgrep -f "^sleep 700[34]" | wc -l)" = 2 ]' || fail "no jobs"
mapfile -t outside < <(pgrep -f '^sleep 700')
[ ${#outside[@]} = 4 ] || fail "outside: ${outside[*]}"
for file in /tmp/beside /tmp/numbered; do
	OUT=$(cat $file)
	says '^alice'
	says_not 'payments'
	says_not '^0$'
done
quietly id -nG alice
says_not payments
session_run 1 'sudo -n /usr/bin/id -u'
says '^0$'
# With rights of its own the account has them in the grant's sessions, and nowhere else.
install -m 440 /root/sudoers.alice /etc/sudoers.d/alice
quietly as alice sudo -n /usr/bin/id -g
[ "$STATUS" -ne 0 ] || fail "sudo from outside the grant: $OUT"
says 'was not opened under'
session_run 1 'sudo -n /usr/bin/id -g'
says '^0$'
rm /etc/sudoers.d/alice
# By another door the account is as shut as ever.
quietly as mallory sudo -n true
run_refused setpriv --reuid mallory --regid mallory --init-groups --reset-env -- su alice -c id

step "The limit of sessions, and what is left of one that is over"
session_open 2 alice '' "alice@$HOST" || fail "no second session: $(cat /run/session.2)"
run_refused own_ssh "alice@$HOST" id
says 'session limit reached'
session_run 2 'setsid -f sleep 7201; echo started'
session_type 2 exit
session_over 2
wait_for '[ "$(lockbox show '"$GRANT"' --json | grep -o "\"sessions\":[0-9]*")" = "\"sessions\":1" ]' || fail "sessions: $(lockbox show "$GRANT" --json)"
pgrep -f '^sleep 7201' >/dev/null || fail "what a session leaves behind goes on until the grant ends"
pass "it goes on"

step "The daemon may be started anew meanwhile: all of it stays the grant's"
stop_daemon
run_refused own_ssh "alice@$HOST" id
session_run 1 'id -nG alice'
says 'payments'
start_daemon
session_run 1 'id -nG alice; sudo -n /usr/bin/id -u'
says 'payments'
says '^0$'
run_ok gate alice extend "$GRANT" --for 5m --reason "longer" --json
extension=$(field id)
run_ok gate bob approve "$extension"
session_run 1 'sudo -n /usr/bin/id -u'
says '^0$'

step "At the end the sessions of the grant are killed, and nothing else of the account"
mapfile -t inside < <(pgrep -f '^sleep (71|72)0|^sleep 300')
[ ${#inside[@]} = 4 ] || fail "inside: ${inside[*]}"
mark_log
run_ok gate bob revoke "$GRANT" --reason "enough"
session_over 1
session_says 1 "your access under $GRANT has ended: revoked by bob: enough"
wait_log "event=evicted .*grant=$GRANT .*killed [0-9]+ processes of the 4 sessions"
for pid in "${inside[@]}"; do dead "$pid" || fail "process $pid lives: $(ps -fp "$pid")"; done
for pid in "${outside[@]}"; do
	! dead "$pid" || fail "process $pid, which was none of the grant's, was killed"
done
pass "killed: ${inside[*]}; left: ${outside[*]}"
# Nothing on the host has one of the role's groups any more.
! grep -lE '^(Gid|Groups):.*\b(3001|19000[0-9]{5})\b' /proc/[0-9]*/status 2>/dev/null || fail "a process has the role's groups"
pass "no process has a group of the role"
run_ok gate alice show "$GRANT"
says 'Ended'
quietly gate carol audit --grant "$GRANT" --json
says 'killed [0-9]+ processes of the [0-9]+ sessions opened under it'
says 'left as they were'
run_refused own_ssh "alice@$HOST" id
says 'nobody has standing access'
quietly as alice id -nG
says_not 'payments|lbr-'
[ "$(sha256sum "${files[@]}" 2>/dev/null)" = "$before" ] || fail "a file of the account's was changed"
[ "$(stat -c '%n %a %u %g' /home/alice)" = "$home_before" ] || fail "the home was changed"
pass "nothing of the account was changed"

step "One that ends by the clock while the daemon is dead"
quietly gate alice request payments --for 6s --reason "short" --json
GRANT=$(field id)
quietly gate bob approve "$GRANT"
run_ok gate alice claim "$GRANT" --json
session_open 3 alice '' "alice@$HOST" || fail "no session"
session_run 3 'setsid -f sleep 7301; echo started'
session_run 3 'id -nG alice'
says payments
kill_daemon KILL
wait "$DAEMON_PID" 2>/dev/null
wait_for 'session_run 3 "id -nG alice" && ! grep -q payments <<<"$OUT"' 15 || fail "the groups outlive the grant"
pass "the groups are gone without it"
mapfile -t inside < <(pgrep -f '^sleep 7301')
[ ${#inside[@]} = 1 ] || fail "it was killed by whom?"
mark_log
start_daemon
wait_log "event=evicted .*grant=$GRANT .*killed"
session_over 3
dead "${inside[0]}" || fail "what was started under the grant lives"
for pid in "${outside[@]}"; do
	! dead "$pid" || fail "process $pid, which was none of the grant's, was killed"
done
pass "killed at the next start; the others live"
kill "${outside[@]}"
passed
