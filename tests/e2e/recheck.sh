#!/bin/bash
# ATTACKS 48: nothing that PAM keeps carries a yes from one process to another.  sshd asks for the
# password and decides in a child and begins the session in its monitor, with a handle of its own;
# so the session asks anew, and what was true when the password was typed counts for nothing.
# shellcheck disable=SC2119,SC2317 # arguments are optional; words are called by name
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

step "The module keeps nothing between calls"
quietly nm -D --undefined-only "$BUILD/pam_lockbox.so"
says ' pam_get_item'
says_not ' (pam_set_data|pam_get_data|pam_set_item|pam_putenv|pam_getenv)(@|$)'
# Only what the compiler's own start-up code puts there.
writable=$(objdump -t "$BUILD/pam_lockbox.so" |
	awk '{ for (i = 1; i < NF; i++) if ($i ~ /^\.(data|bss|tdata|tbss)$/ && $NF !~ /^\./) print $NF }' |
	grep -vE '^(completed\.0|__dso_handle|__TMC_END__|_edata|_end|__bss_start)$' || true)
[ -z "$writable" ] || fail "it has memory of its own that can be written: $writable"
pass "no PAM data, no environment, no variable"

# The stack waits between the account's yes and the session, where a test can act.
cat >/root/pause <<-'END'
	#!/bin/sh
	[ "$PAM_TYPE" = open_session ] || exit 0
	case $PAM_USER in lb-*) ;; *) exit 0 ;; esac
	echo "$PAM_USER" >/run/waiting
	until [ -e /run/go ]; do sleep 0.02; done
END
chmod 755 /root/pause
sed -i '0,/^session/s//session optional pam_exec.so \/root\/pause\nsession/' /etc/pam.d/sshd

# between ACT...: logs in, runs ACT while the login stands between account and session, and goes on
between() {
	rm -f /run/waiting /run/go
	(temp_ssh alice "$PASSWORD" "${OPTION[@]}" "$ACCOUNT@$HOST" "${COMMAND[@]}"; echo "status $?") >/run/login 2>&1 &
	login=$!
	wait_for '[ -s /run/waiting ]' 10 || fail "the login does not come to its session: $(cat /run/login)"
	"$@"
	mark_log
	touch /run/go
}
nothing() { :; }
revoke() {
	quietly gate bob revoke "$GRANT" --reason "test"
	[ "$STATUS" -eq 0 ] || fail "revoke: $OUT"
	# Whole: what comes into being after this is found by nobody who looks for it now.
	wait_for "grep -q 'event=evicted .*grant=$GRANT ' $SYSLOG" 10 || fail "$ACCOUNT is not ended"
	! getent passwd "$ACCOUNT" || fail "$ACCOUNT still resolves"
}
no_daemon() { kill -STOP "$(child_of_daemon keeper)"; }
daemon_again() { kill -CONT "$(child_of_daemon keeper)"; }

for kind in command N; do
	OPTION=() COMMAND=(id -un)
	[ $kind = command ] || OPTION=(-N) COMMAND=()
	step "By $kind: it would begin"
	granted alice db-operator 30m bob
	between nothing
	if [ $kind = command ]; then
		wait_for "dead $login" 10 || fail "the login hangs: $(cat /run/login)"
		grep -qx "$ACCOUNT" /run/login || fail "the login should work: $(cat /run/login)"
	else
		wait_log "event=session-open .*account=\"$ACCOUNT\"" 10
		dead "$login" && fail "ssh -N should stand: $(cat /run/login)"
	fi
	pass "the pause alone changes nothing"
	revoke
	wait_for "dead $login" 10 || fail "the revoked session stands"

	step "By $kind: revoked between the account's yes and the session"
	granted alice db-operator 30m bob
	between revoke
	wait_for "dead $login" 10 || fail "it stands: $(cat /run/login)"
	! grep -qx "$ACCOUNT" /run/login || fail "a command ran"
	! grep -q 'status 0' /run/login || fail "it ended well"
	! grep -q "event=session-open .*account=\"$ACCOUNT\"" < <(log_since_mark) || fail "a session was registered"
	pass "nothing began"
	uid=$(sed -n 's/.*event=evicted .*grant='"$GRANT"' .* uid=\([0-9]*\) .*/\1/p' $SYSLOG)
	[ -z "$(owned "$uid")" ] || fail "something of uid $uid runs: $(owned "$uid")"
done

step "The daemon stops answering between the account's yes and the session"
OPTION=() COMMAND=(id -un)
granted alice db-operator 30m bob
between no_daemon
wait_for "dead $login" 15 || fail "it stands: $(cat /run/login)"
! grep -qx "$ACCOUNT" /run/login || fail "a command ran"
daemon_again
pass "nothing began"

step "A key alone is no password: the account's yes does not stand for auth"
granted alice log-reader 10m bob
touch /run/go
quietly ssh -o BatchMode=yes -o IdentitiesOnly=yes -i "$(key_of alice)" "$ACCOUNT@$HOST" true
[ "$STATUS" -ne 0 ] || fail "in by key alone"
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true
pass "and with the password it is one login"
passed
