#!/bin/bash
# world: bare
# What the module costs its host process: no system call on a warm lookup, no descriptor, one mapping.
. "$(dirname "${BASH_SOURCE[0]}")/nss_lib.sh"
generate 1000

# The calls between the two getppid() of nss_lookup, in a file.
calls_when_warm() {
	strace -f -o "$RUN/trace" "$BUILD/tests/nss_lookup" "$MODULE" warm $NAME $NAME_UID 2000 || return 1
	awk '/getppid\(/ { n++; next } n == 1' "$RUN/trace" >"$RUN/between"
	[ "$(grep -c 'getppid(' "$RUN/trace")" -eq 2 ] || {
		echo "strace has not seen the two marks"
		return 1
	}
}

# A second passes rarely within so few lookups; then the one look at the path is in order.
no_call_when_warm() {
	for _ in 1 2 3 4 5; do
		calls_when_warm || return 1
		[ -s "$RUN/between" ] || {
			echo "12000 lookups, no call"
			return 0
		}
	done
	cat "$RUN/between"
	return 1
}

# The first lookup: what it may call.  Everything after the module is loaded, up to the first mark.
first_lookup() {
	local calls
	calls=$(awk '/openat.*\/run\/lockbox\/accounts/ { on = 1 } /getppid\(/ { exit } on { sub(/^[0-9]+ +/, ""); sub(/\(.*/, ""); print }' \
		"$RUN/trace" | sort | uniq -c | awk '{ printf "%s%s×%s", sep, $2, $1; sep = " " }')
	echo "$calls"
	! grep -qE 'socket|connect|futex|brk|getrandom|write' <<<"$calls"
}

check "a warm lookup makes no system call" no_call_when_warm
check "the first lookup opens no socket, waits for nobody and allocates nothing" first_lookup
check "no descriptor and one mapping after 10^6 lookups" \
	"$BUILD/tests/nss_lookup" "$MODULE" fds $NAME $NAME_UID 166667

# The path is a constant: what the environment says changes nothing.
hostile() {
	env -i LOCKBOX_SNAPSHOT=/etc/passwd LB_NSS_SNAPSHOT_PATH=/etc/passwd HOME=/nonexistent \
		NSS_LOCKBOX=/dev/null LC_ALL=../../../etc MALLOC_PERTURB_=165 \
		"$BUILD/tests/nss_lookup" "$MODULE" fds $NAME $NAME_UID 100
}
check "a hostile environment changes nothing" hostile
no_getenv() { ! nm -D "$MODULE" | grep -E ' U (secure_)?getenv| U environ| U (pthread_mutex|socket|connect|syslog|malloc|fopen|signal|sigaction)'; }
check "the module cannot read the environment, lock, log, listen or catch signals" no_getenv
verdict
