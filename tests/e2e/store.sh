#!/bin/bash
# A store that is damaged, newer or not ours stops the start with a clear message, and is left as it
# is, to the byte.
#   ATTACKS 39  LMDB trusts its own pages: checked before it is opened
#   ATTACKS 28  the message says what to do; the host's other users are not affected
. "$WORLD_REPO/tests/support/lib.sh"
dir=/var/lib/lockbox

step "A store with a grant in it; a start on it works"
start_daemon
start_sshd
granted alice db-operator 1h bob
account=$ACCOUNT
uid=$(getent passwd "$account" | cut -d: -f3)
stop_daemon || fail "SIGTERM"
start_daemon
run_ok gate alice show "$GRANT" --json
[ "$(field state)" = active ] || fail "$OUT"
stop_daemon || fail "SIGTERM"
ls -l $dir
cp -a --sparse=always $dir /run/good
data=$(cd $dir && ls -S | head -n 1)
size=$(stat -c %s "$dir/$data")

restore() {
	rm -rf $dir
	cp -a --sparse=never /run/good $dir
}
# put OFFSET HEX: bytes in the middle of the file
put() { perl -e 'open(my $f, "+<", $ARGV[0]) or die; seek($f, $ARGV[1], 0); print $f pack("H*", $ARGV[2])' "$dir/$data" "$1" "$2"; }
get() { perl -e 'open(my $f, "<", $ARGV[0]) or die; seek($f, $ARGV[1], 0); read($f, my $b, $ARGV[2]); print unpack("H*", $b)' "$dir/$data" "$1" "$2"; }
# stays_away WHAT REGEX: the daemon does not start, says why, and changes nothing
stays_away() {
	local before after
	before=$(cd $dir && find . -type f -exec sha256sum {} + | sort; stat -c '%n %s %Y %a %U' $dir/*)
	mark_log
	quietly timeout 20 /usr/sbin/lockboxd -d
	[ "$STATUS" -ne 0 ] || fail "$1: it starts"
	[ "$STATUS" -ne 124 ] || fail "$1: it goes on trying"
	wait_log "store( in [^ ]+)? (is not|cannot be) opened.*($2)"
	wait_log 'the keeper cannot start: stopping'
	after=$(cd $dir && find . -type f -exec sha256sum {} + | sort; stat -c '%n %s %Y %a %U' $dir/*)
	[ "$before" = "$after" ] || fail "$1: it has changed the store: $(diff <(echo "$before") <(echo "$after"))"
	pass "$1: $(log_since_mark | grep -oE "the store( in [^ ]+)? (is not|cannot be) opened.*" | head -n 1 | cut -c 1-120)"
	run_refused pamtester sshd alice acct_mgmt
	[ ! -S /run/lockbox/public.sock ] || ! daemon_answers || fail "$1: somebody answers"
	restore
}

step "Damaged, in several ways"
put 0 "$(printf 'ff%.0s' {1..64})"
put 4096 "$(printf 'ff%.0s' {1..64})"
stays_away "both first pages overwritten" '.'
truncate -s 4096 "$dir/$data"
stays_away "cut short" '.'
truncate -s 0 "$dir/$data"
stays_away "empty" '.'
head -c "$size" /dev/urandom >"$dir/$data"
stays_away "random" '.'
printf 'SQLite format 3\0' >"$dir/$data"
stays_away "of another kind" '.'
# Inner pages: those in use that are no first pages; each gets another page's number.
damaged=0
for page in $(seq 2 40); do
	[ $((page * 4096)) -lt "$size" ] || break
	head=$(get $((page * 4096)) 8)
	[ "$head" != 0000000000000000 ] || continue
	put $((page * 4096)) 7777777777777777
	mark_log
	timeout 3 /usr/sbin/lockboxd -d >/run/out 2>&1
	status=$?
	if [ $status -ne 124 ]; then
		damaged=$((damaged + 1))
		wait_log 'the store is not opened'
		cmp -s <(get $((page * 4096)) 8) <(printf 7777777777777777) || fail "page $page was written"
	else
		# Not a page of the present tree: nothing of it may have been believed.
		pkill -TERM -x lockboxd
		wait_for '! pgrep -x lockboxd' 5
	fi
	restore
	[ $damaged -lt 4 ] || break
done
[ $damaged -ge 2 ] || fail "hardly a page whose damage is seen: $damaged"
pass "$damaged damaged inner pages, each seen"

step "Of another version, or of none"
note "the version stands under the key \"format\", as STORE-FORMAT says"
format=$(sed -n 's/^#define LB_STORE_VERSION //p' "$WORLD_REPO/lockboxd/keeper/store.h")
version() {
	local at seen=0
	for at in $(grep -obUa "format" "$dir/$data" | cut -d: -f1); do
		[ "$(get $((at + 6)) 4)" = "$(printf %08x "$format")" ] || continue
		put $((at + 6)) "$1"
		seen=1
	done
	[ $seen = 1 ] || fail "no version in the store"
}
version "$(printf %08x $((format + 1)))"
stays_away "the next version" 'another version'
version "$(printf %08x $((format - 1)))"
stays_away "the version before" 'another version'
version ffffffff
stays_away "a much newer one" 'another version'
version 00000000
stays_away "version 0" 'version|format|damage'

step "Not the keeper's alone"
chmod 644 "$dir/$data"
stays_away "others can read it" .
chown mallory "$dir/$data"
stays_away "somebody else's" '.'
mv "$dir/$data" /run/elsewhere
ln -s /run/elsewhere "$dir/$data"
stays_away "a link" '.'
rm -f /run/elsewhere
ln "$dir/$data" "$dir/second"
stays_away "a second name for it" '.'
rm "$dir/$data"
mkfifo "$dir/$data"
stays_away "a pipe" '.'

step "With the good store back, all goes on"
restore
start_daemon
quietly gate alice show "$GRANT" --json
[ "$(field state)" = active ] && [ "$(field uid)" = "$uid" ] || fail "$OUT"
run_ok gate alice claim "$GRANT" --json
run_ok temp_ssh alice "$(field password)" "$account@$HOST" id -un
says "^$account$"
quietly gate carol audit --json
perl -MJSON::PP -e 'my $n = 0; for (@{decode_json(shift)->{records}}) { die "gap\n" if $_->{seq} != ++$n }' "$OUT" || fail "a gap in the record"
pass "the record has no gap"
passed
