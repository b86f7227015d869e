#!/bin/bash
# The session limit: counted when a session begins, whatever kind it is, and given back when its
# process is gone.
#   ATTACKS 11 (ssh -N), 48 (the session's process is not the one that asked for the password)
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

granted alice db-operator 30m bob

step "One session is open: nothing more gets in, and the reason is told"
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session: $(cat /run/session.1)"
session_says 1 "Lockbox: db-operator on lockbox-demo \\($GRANT\\) until"
run_ok gate alice show "$GRANT" --json
[ "$(field sessions)" = 1 ] || fail "sessions: $(field sessions)"
run_refused gate alice claim "$GRANT"
says "a session of $GRANT is open"
copy() { TEST_PASSWORD=$PASSWORD SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force "$@"; }
options=(-o IdentitiesOnly=yes -o NumberOfPasswordPrompts=1 -i "$(key_of alice)")
second_shell() { temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true; }
second_n() { timeout 10 ssh -N "${options[@]}" "$ACCOUNT@$HOST"; }
second_sftp() { timeout 10 sftp -o BatchMode=no -b /dev/null "${options[@]}" "$ACCOUNT@$HOST"; }
second_scp() { timeout 10 scp "${options[@]}" /etc/hostname "$ACCOUNT@$HOST:"; }
for kind in shell n sftp scp; do
	mark_log
	quietly copy second_$kind
	[ "$STATUS" -ne 0 ] && [ "$STATUS" -ne 124 ] || fail "a second session by $kind: $OUT"
	says 'session limit reached: R-[0-9]+ allows 1 at a time'
	wait_log "event=login-refused .*account=\"$ACCOUNT\" .*session limit"
	pass "refused: $kind"
done

step "Two that have given their password before either has begun: one of them is ended"
session_type 1 exit
session_over 1
# The session stack waits until both are there: a window that is there anyway, made wide.
cat >/root/both <<-'END'
	#!/bin/sh
	[ "$PAM_TYPE" = open_session ] || exit 0
	case $PAM_USER in lb-*) ;; *) exit 0 ;; esac
	echo x >>/run/waiting
	until [ -e /run/go ]; do sleep 0.02; done
END
chmod 755 /root/both
cp /etc/pam.d/sshd /run/pam.sshd
sed -i '0,/^session/s//session optional pam_exec.so \/root\/both\nsession/' /etc/pam.d/sshd
: >/run/waiting
claim() {
	wait_for "gate alice claim $GRANT --json >/run/claim" 5 || fail "claim: $(cat /run/claim)"
	PASSWORD=$(field password "$(cat /run/claim)")
}
claim
# Neither asks for a shell: sshd itself goes on after a failed session here.
(copy second_n; echo "status $?") >/run/one 2>&1 &
one=$!
wait_for '[ $(wc -l </run/waiting) = 1 ]' 10 || fail "the first does not come: $(cat /run/one)"
claim
(PASSWORD=$PASSWORD copy second_n; echo "status $?") >/run/two 2>&1 &
two=$!
wait_for '[ $(wc -l </run/waiting) = 2 ]' 10 || fail "the second does not come: $(cat /run/two)"
mark_log
touch /run/go
wait_for "dead $one || dead $two" 8 || fail "both sessions stand"
# The record has it; the connection may be ended before the module has written its own line.
wait_log "event=login-refused .*account=\"$ACCOUNT\" .*session limit"
{ dead $one && dead $two; } && fail "both were ended: $(cat /run/one /run/two)"
loser=one
! dead $two || loser=two
! grep -q 'status 124' /run/$loser || fail "it was not disconnected but timed out"
pass "one stands, the other was disconnected: $(tr '\n' ' ' </run/$loser)"
cp /run/pam.sshd /etc/pam.d/sshd
run_ok gate alice show "$GRANT" --json
[ "$(field sessions)" = 1 ] || fail "sessions: $(field sessions)"

step "After the end of a session the next claim and login work"
pkill -f "ssh -N .*$ACCOUNT@" || true
claim
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" 'id -un'
claim
run_ok copy second_sftp
claim
run_ok copy second_scp
[ "$(cat "/home/$ACCOUNT/hostname")" = "$(cat /etc/hostname)" ] || fail "scp has copied nothing"
claim
session_open 2 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session"
session_type 2 exit
session_over 2
run_ok gate carol audit --grant "$GRANT"
opened=$(grep -c 'session-open' <<<"$OUT")
wait_for "[ \$(gate carol audit --grant $GRANT | grep -c session-close) = $opened ]" 5 || fail "$opened opened, not as many closed"
pass "$opened sessions opened, each closed in the record"
passed
