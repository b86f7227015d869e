#!/bin/bash
# shellcheck disable=SC2119 # no arguments
# Both modules, and the programs that people and sshd run, with each system call and each allocation
# failing once: never a yes where a no is due, nor half an answer as a whole one, no fault, no leak.
#   ATTACKS 2   an error never becomes a success
. "$WORLD_REPO/tests/torture/lib.sh"

T=/run/torture
temp=lb-alice-1
mkdir -p $T/stacks
bad=0

# sweep KIND WORDS... -- PROGRAM...: calls, then allocations
sweep() {
	local kind=$1 what result found some=()
	shift
	[ "$TORTURE" != short ] || some=("most=$most" each=1)
	for what in calls allocations; do
		"$BUILD/tests/sweep" $what "${some[@]}" "$@" >/run/sweep 2>/run/sweep.err ||
			fail "sweep $*: $(tail -n 5 /run/sweep.err)"
		result=$(grep -a ^RESULT /run/sweep) || fail "sweep $*: $(tail -n 5 /run/sweep)"
		grep -a ^FOUND /run/sweep || true
		[ -z "${WORLD_LOGS-}" ] || grep -a -A5 FOUND /run/sweep >>"$WORLD_LOGS/found" || true
		count "$(sed -n 's/.* reached=\([0-9]*\).*/\1/p' <<<"$result")" \
			"$([ $what = calls ] && echo system-calls || echo allocations)"
		sum_library=$((sum_library + $(sed -n 's/.* library=\([0-9]*\).*/\1/p' <<<"$result")))
		for found in fail-open crashes leaks stuck; do
			n=$(sed -n "s/.* $found=\([0-9]*\).*/\1/p" <<<"$result")
			count_bad "$n" $found
			bad=$((bad + n))
		done
	done >/run/counts
	grep -a ^FOUND /run/counts || true
	grep -av ^FOUND /run/counts >>/run/counts.all
	progress "$kind: done"
}

stack() {
	cat >$T/stacks/sshd <<-END
		auth     [success=done ignore=ignore default=die] $BUILD/pam_lockbox.so socket=$1
		account  [success=ok ignore=ignore default=die]   $BUILD/pam_lockbox.so socket=$1
		session  [success=ok ignore=ignore default=die]   $BUILD/pam_lockbox.so socket=$1
	END
}
peer() {
	[ -z "${PEER-}" ] || {
		kill -KILL "$PEER"
		wait "$PEER" 2>/dev/null
	}
	rm -f $T/sock
	"$BUILD/tests/pam_peer" $T/sock "$1" $T/asked &
	PEER=$!
	wait_for "[ -S $T/sock ]" || fail "pam_peer did not start"
}

# The C library's name service itself faults when it gets no memory for its own tables.  A fault outside the
# module (place 0) is one of libpam or libc.
names='getpw[a-z]*_r|getpw[a-z]*|getgr[a-z]*_r|getgr[a-z]*'
sum_library=0

step "pam_lockbox"
start_daemon
start_sshd
granted alice db-operator 1h bob
temp=$ACCOUNT
uid=$(getent passwd "$temp" | cut -d: -f3)
# Without memory libpam leaves a module's arguments out: then the module asks at its usual socket,
# and nobody is to answer there.  The account goes on resolving.
stop_daemon || fail "SIGTERM"
stack $T/sock
pam_words=(object=/pam_lockbox.so grows "library=0,$(after_calls "$BUILD/pam_lockbox.so" "$names")")
peer deny
most=200
for call in auth account open; do
	sweep "pam $call, denied" "${pam_words[@]}" "never=^$call (0|25)$" -- "$BUILD/torture/drive" pam $T/stacks "$temp" word "$uid" $call
done
sweep "pam account of a person, denied" "${pam_words[@]}" "never=^account (0|25)$" -- "$BUILD/torture/drive" pam $T/stacks mallory word 10002 account
peer allow
most=6
for call in auth account open close; do
	sweep "pam $call, allowed" "${pam_words[@]}" "never=^$call 25$" -- "$BUILD/torture/drive" pam $T/stacks "$temp" word "$uid" $call
done

step "nss_lockbox"
sweep "nss, a live account" object=/libnss_lockbox.so.2 grows fewer never=RESOLVED -- "$BUILD/torture/drive" nss "$BUILD/libnss_lockbox.so.2" "$temp" "$uid" lbr-db-operator lb-mallory-1

step "the proof that nobody has an account's name or id"
most=200
fresh=lb-alice-77 fresh_uid=1900010077
run_ok "$BUILD/torture/taken" $fresh $fresh_uid /home/$fresh
taken() {
	sweep "$1" "library=0,$(after_calls "$BUILD/torture/taken" "$names")" never=^made -- "$BUILD/torture/taken" $fresh $fresh_uid /home/$fresh
}
echo "$fresh:x:9077:9077::/:/bin/sh" >>/etc/passwd
taken "a user has the name"
sed -i '$d' /etc/passwd
echo "other:x:$fresh_uid:9077::/:/bin/sh" >>/etc/passwd
taken "a user has the id"
sed -i '$d' /etc/passwd
echo "other:x:$fresh_uid:" >>/etc/group
taken "a group has the id"
sed -i '$d' /etc/group
most=6

start_daemon
step "lockbox, lockbox-gate, lockbox-keys"
alice=$(cut -d' ' -f1 /root/keys/alice.pub) blob=$(cut -d' ' -f2 /root/keys/alice.pub)
for verb in "status --json" roles "audit" "pending" "--help"; do
	# shellcheck disable=SC2086 # words
	sweep "lockbox $verb" same digits -- "$BUILD/torture/lockbox" $verb
done
sweep "lockbox check" each=2 same -- "$BUILD/torture/lockbox" check
install -m 755 "$BUILD/torture/lockbox-keys" /usr/local/sbin/torture-keys
install -m 755 "$BUILD/torture/lockbox-gate" /usr/local/sbin/torture-gate
sweep "lockbox-keys" same "user=lockbox-keys" -- /usr/local/sbin/torture-keys "$temp" "$alice" "$blob"
sweep "lockbox-gate" same digits "user=lockbox" "env=SSH_ORIGINAL_COMMAND=status --json" -- /usr/local/sbin/torture-gate --identity alice --key SHA256:abc

awk '$2 ~ /^[0-9]+$/ { sum[$1] += $2 } END { for (k in sum) print k, sum[k] }' /run/counts.all
count $sum_library faults-in-libraries
[ $bad -eq 0 ] || fail "$bad findings"
passed
