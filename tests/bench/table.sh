# shellcheck shell=bash
# Words for the parts of the bench, and the one format in which a part says what it measured.
#
# A part is tests/bench/part-NAME.sh.  tests/bench/bench runs it in a namespace of its own and reads
# its standard output.  A line that starts with "@" and a tab is a measurement or says how to show
# some; every other line is for people and is shown as it is.  The fields are separated by tabs and
# hold none; words of this file write such lines, and so may any program that a part runs:
#
#   @  measured  CASE  WHO  N  UNIT  VALUE      one round of one measurement
#   @  table     CASE  TITLE  BASE  WHAT        a table of the case
#   @  plot      NAME  TITLE  WHAT  CASE...     a plot, build/bench/NAME.svg
#   @  target    TEXT  EXPRESSION               something that must hold
#
#   CASE   what is measured, a word; no other part uses it: "nss-hit", "store-transitions"
#   WHO    whose, as people are to read it: "lockbox", "sssd memcache", "bare LMDB"
#   N      of how many (accounts, clients, sessions), a whole number; 0 when it means nothing
#   UNIT   of VALUE: ns, per_s, bytes or count.  All rows of a CASE have the same
#   VALUE  a decimal number
#   BASE   the WHO that all others are compared with ("as many times BASE's"), or empty
#   WHAT   what N counts: "accounts"; the axis of a plot
#   CASE... of a plot: one panel each, "CASE=title of the panel".  Lines over N where there are
#          several N, else bars
#   EXPRESSION  Perl, where m("CASE", "WHO", N) is the median: m("nss-hit", "lockbox", 1000) < 50.
#          Something that was not measured is a target that does not hold
#
# The same CASE, WHO and N again is another round: the table shows the median, the spread (half the
# distance between the quartiles, in percent of the median) and the ratio.  Measure peers in turn,
# round by round, so that whatever else the machine does falls on all of them: ROUNDS says how often.
# A part ends with status 0 unless it could not measure; targets are judged from the lines.
#
# BASE comes first in a table, then the others as they came.  All lines of a run stay in
# build/bench/results.tsv, what was printed in build/bench/table.txt.
#
# A part that runs in the world begins with
#   . "$WORLD_REPO/tests/support/lib.sh"
#   . "$WORLD_REPO/tests/bench/table.sh"
# and one without it (`# no-world`) with . "$BENCH_DIR/table.sh"; BENCH_SCRATCH is a directory then.
set -euo pipefail
ROUNDS=${ROUNDS:-${LB_ROUNDS:-7}}

at_line() { (
	IFS=$'\t'
	printf '@\t%s\n' "$*"
); }

measured() { at_line measured "$1" "$2" "$3" "$4" "$5"; } # CASE WHO N UNIT VALUE
table() { at_line table "$1" "$2" "${3-}" "${4-}"; }        # CASE TITLE [BASE [WHAT]]
plot() { at_line plot "$@"; }                               # NAME TITLE WHAT CASE...
target() { at_line target "$1" "$2"; }                      # TEXT EXPRESSION

# disk_made: for a part without a world: DISK is a directory on the disk that holds the build until the
# part ends.  In a world, and on a booted host, /var lies in memory, where a flush costs nothing.
disk_made() {
	mkdir -p "$BUILD/bench"
	DISK=$(mktemp -d "$BUILD/bench/store.XXXXXX")
	trap 'rm -rf "$DISK"' EXIT
}

# world_on_disk SCRIPT: runs SCRIPT in a world, whose store can lie on that disk.
world_on_disk() {
	disk_made
	WORLD_LOGS=$DISK LB_ROUNDS=$ROUNDS "$BENCH_REPO/tests/support/world" "$BENCH_DIR/$1" "$DISK"
}

# store_on_disk DISK: in that SCRIPT, before the daemon is started.
store_on_disk() {
	mkdir -p "$1/store" /var/lib/lockbox
	mount -n --bind "$1/store" /var/lib/lockbox
	chown lockbox-keeper: /var/lib/lockbox
	chmod 700 /var/lib/lockbox
}

# start_and_wait: a large store is examined for seconds, longer than tests let a start take.
start_and_wait() {
	/usr/sbin/lockboxd -d >>/var/log/lockboxd.log 2>&1 &
	DAEMON_PID=$!
	wait_for "daemon_answers || dead $DAEMON_PID" 300
	daemon_answers || fail "lockboxd does not answer: $(tail -n 5 /var/log/lockboxd.log)"
}
