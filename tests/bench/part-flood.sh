#!/bin/bash
# What a flood by one user costs the others: how long their calls take, the median and the slowest of
# a hundred, beside those when nobody floods.  tests/e2e/flood.c says what each kind of flood is.
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"
set +e

CALLS=100
public=/run/lockbox/public.sock
start_daemon
cp "$BUILD/tests/flood" /usr/local/bin/flood && chmod 755 /usr/local/bin/flood

table flood-public "Another person's request while one uid floods: median" nobody
table flood-public-p99 "The same: 99th of 100" nobody
table flood-login "PAM's question about a login while one uid floods: median" nobody
table flood-login-p99 "The same: 99th of 100" nobody

# calls CASE WHO COMMAND...: measures its calls
calls() {
	local case=$1 who=$2 median p99
	shift 2
	read -r median p99 < <("$@" | awk '{ print $2 }' | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], v[int(NR * 0.99)] }')
	[ -n "$p99" ] || {
		echo "no answer while $who floods" >&2
		exit 1
	}
	measured "$case" "$who" 0 ns "$median"
	measured "$case-p99" "$who" 0 ns "$p99"
}
both() {
	calls flood-public "$1" as alice /usr/local/bin/flood polite $public $CALLS 2
	calls flood-login "$1" /usr/local/bin/flood login /run/lockbox/pam.sock $CALLS 2
}
# flooded WHO UID KIND CONNECTIONS PROCESSES
flooded() {
	: >/run/attack
	setsid setpriv --reuid "$2" --regid "$2" --init-groups --reset-env -- \
		/usr/local/bin/flood attack "$3" $public "$4" "$5" >/run/attack 2>&1 &
	local attackers=$!
	wait_for "grep -q 'under way' /run/attack" 60 || exit 1
	both "$1"
	kill -KILL -- -$attackers
	wait $attackers 2>/dev/null
}

for _ in $(seq "$ROUNDS"); do
	both nobody
	flooded "10,000 connections" mallory hold 10000 2
	flooded "storm of connections" mallory storm 10000 2
	flooded "slow frames" mallory slow 400 2
	flooded "descriptors" mallory rights 400 2
	flooded "lingering sockets" mallory linger 64 1
	flooded "answers not read" mallory deaf 400 2
	flooded "requests without end" mallory chatty 400 2
	flooded "10,000 of the gate's uid" lockbox hold 10000 2
done
for who in "10,000 connections" "storm of connections" "slow frames" "descriptors" "lingering sockets" \
	"answers not read" "requests without end" "10,000 of the gate's uid"; do
	target "while there are $who: a login's question takes less than a tenth of what pam_lockbox waits" \
		"m(\"flood-login-p99\", \"$who\", 0) < 190e6"
done
