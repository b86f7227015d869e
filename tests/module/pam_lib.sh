# shellcheck shell=bash disable=SC2034,SC2119 # variables for the scripts
# library
# Words for the module tests of pam_lockbox; they run inside a bare world.
#
#   people          accounts of each kind: lb-alice-1 (temporary), odd ones, an alias of root
#   stacks [ARG...] PAM stacks for every service, with module arguments; each goes on to
#                   pam_permit, so a denial that does not end the stack is seen as a success
#   gate_conf       writes the module's file from standard input
#   peer MODE [TEXT] · no_peer      what stands at the daemon's socket (pam_peer.c)
#   pam SERVICE USER WORD...        the application (pam_driver.c); sets OUT and STATUS
#   alone SERVICE USER WORD...      the same where no other module follows: success is its own
#   gives CALL CODE                 that call gave this code
#   within CALL MS                  and took at most so long
#   asked REGEX · asked_nothing     the requests since peer or the last forget
#   logged REGEX                    a line in the syslog since the last mark_log
. "$WORLD_REPO/tests/support/lib.sh"

T=/run/pam-test
MODULE=$BUILD/pam_lockbox.so
CONF=$T/etc/pam.conf
SOCKET=$T/pam.sock
ASKED=$T/asked
PEER=
SERVICES="sshd sudo sudo-i polkit-1 su su-l login cron atd systemd-user passwd vsftpd"
TEMP=lb-alice-1
TEMP_UID=1900010001

mkdir -p $T/stacks $T/alone $T/etc

people() {
	cat >>/etc/passwd <<-END
		$TEMP:x:$TEMP_UID:$TEMP_UID::/home/$TEMP:/bin/sh
		lb-bob-2:x:1900010002:1900010002::/home/lb-bob-2:/bin/sh
		lb-fake-3:x:5003:5003::/:/bin/sh
		lbr-fake:x:5004:5004::/:/bin/sh
		lb-norole:x:1900010004:1900010004::/:/bin/sh
		lb-group-5:x:1900000005:1900000005::/:/bin/sh
		strange:x:1900010006:1900010006::/:/bin/sh
		toor:x:0:0::/root:/bin/sh
		lockbox:x:990:990::/:/bin/sh
	END
}

# shellcheck disable=SC2120 # arguments are optional
stacks() {
	local service args="conf=$CONF socket=$SOCKET $*"
	for service in $SERVICES; do
		cat >"$T/alone/$service" <<-END
			auth     [success=done ignore=ignore default=die] $MODULE $args
			account  [success=ok ignore=ignore default=die]   $MODULE $args
			session  [success=ok ignore=ignore default=die]   $MODULE $args
			password [success=ok ignore=ignore default=die]   $MODULE $args
		END
		cat "$T/alone/$service" - >"$T/stacks/$service" <<-END
			auth     required pam_permit.so
			account  required pam_permit.so
			session  required pam_permit.so
			password required pam_permit.so
		END
	done
}

gate_conf() { cat >"$CONF"; }

no_peer() {
	[ -n "$PEER" ] || return 0
	kill -KILL "$PEER" 2>/dev/null
	wait "$PEER" 2>/dev/null
	PEER=
	rm -f "$SOCKET"
}

forget() { : >"$ASKED"; }

peer() {
	no_peer
	forget
	"$BUILD/tests/pam_peer" "$SOCKET" "$1" "$ASKED" "${2-}" &
	PEER=$!
	wait_for "[ -S $SOCKET ]" || fail "pam_peer did not start"
}

run_driver() {
	OUT=
	quietly timeout 20 "$BUILD/tests/pam_driver" "$@"
	[ "$STATUS" -lt 2 ] || fail "pam_driver $*: status $STATUS: $OUT"
}
pam() { run_driver $T/stacks "$@"; }
alone() { run_driver $T/alone "$@"; }

gives() {
	grep -qx -- "$1: $2" <<<"$OUT" || fail "$1 should give $2, but: $OUT"
	checks=$((checks + 1))
}

within() {
	local took
	took=$(sed -n "s/^$1 took \([0-9]*\) ms$/\1/p" <<<"$OUT")
	[ "${took:-99999}" -le "$2" ] || fail "$1 should take at most $2 ms, and took ${took:-no time}"
	checks=$((checks + 1))
}

asked() {
	grep -qE -- "$1" "$ASKED" || fail "the daemon should have been asked: $1; it was: $(cat "$ASKED")"
	checks=$((checks + 1))
}
asked_nothing() {
	[ ! -s "$ASKED" ] || fail "the daemon should not have been asked: $(cat "$ASKED")"
	checks=$((checks + 1))
}

logged() { wait_log "$1" 2; }
not_logged() {
	! grep -qE -- "$1" < <(log_since_mark) || fail "the syslog should not say: $1"
	checks=$((checks + 1))
}
