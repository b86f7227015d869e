#!/bin/bash
# ATTACKS 11: a process that forks and exits faster than anybody can read /proc does not survive
# its grant, neither as the account nor as root by sudo.
set -euo pipefail
. "$WORLD_REPO/tests/support/lib.sh"

# Many other processes make each walk of /proc long, and so the hiding easy.
decoys() {
	local i
	for ((i = 0; i < 300; i++)); do
		sleep 1000 &
	done
}

# hops NAME: some process of that name is alive.  It is never long the same one: look a while.
hops() {
	name=$1 perl -e '
		my $until = time + 2;
		while (time < $until) {
			opendir(my $d, "/proc") or die;
			for (sort { $b <=> $a } grep { /^\d+$/ } readdir $d) {
				open(my $f, "<", "/proc/$_/status") or next;
				local $/;
				my $s = <$f>;
				exit 0 if defined $s && $s =~ /^Name:\s+\Q$ENV{name}\E$/m && $s !~ /^State:\s+[ZX]/m;
			}
		}
		exit 1'
}

start_sshd
start_daemon
decoys
install -m 755 "$BUILD/tests/hop" /usr/local/bin/hop
install -m 755 "$BUILD/tests/hop" /usr/local/sbin/reindex

# The same program under two names, of which the policy lets one be run by sudo.
for program in /usr/local/bin/hop /usr/local/sbin/reindex; do
	name=${program##*/}
	sudo=
	[ "$name" = hop ] || sudo=sudo
	step "One that hops: $sudo $program"
	granted alice db-operator 5m bob
	quietly temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" \
		"$sudo $program </dev/null >/dev/null 2>&1 & sleep 0.3"
	hops "$name" || fail "it does not hop to begin with"
	pass "it hops, also after the session is over"
	mark_log
	run_ok gate bob revoke "$GRANT" --reason "enough of it"
	wait_log "event=evicted .*grant=$GRANT .*none is left" 15
	! hops "$name" || fail "it still hops after the receipt said that none is left"
	pass "it is dead when the receipt says so"
done
passed
