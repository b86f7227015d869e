# shellcheck shell=bash disable=SC2034 # variables for the scripts
# library
# Words for torture scripts, besides those of tests/support/lib.sh:
#
#   TORTURE           long or all, or short as a part of `make check` (tests/torture/run)
#   PART PARTS        which part of the work this run is to do
#   progress TEXT     one line that is written over by the next
#   count N WHAT      how much was done, in words joined by dashes: count 1200 allocations
#   count_bad N WHAT  how much came out that must not be, also when 0: count_bad 0 crashes
#
#   after_calls FILE REGEX  the return addresses of calls of the functions that fit: 0xN,0xN
#
# The usual words for what must not be: fail-open crashes leaks lost resurrected bad-states
[ -z "${WORLD-}" ] || . "$WORLD_REPO/tests/support/lib.sh"
TORTURE=${LB_TORTURE:-short}
PART=${LB_TORTURE_PART:-1}
PARTS=${LB_TORTURE_PARTS:-1}

progress() {
	if [ -t 1 ]; then printf '\r\e[K%s' "$*"; else printf '%s\n' "$*"; fi
}
after_calls() {
	objdump -d --no-show-raw-insn "$1" | awk -v f="<($2)(@plt)?>$" '
		want { sub(":", "", $1); printf "%s0x%s", n++ ? "," : "", $1; want = 0 }
		/call/ && $NF ~ f { want = 1 }'
}
counted() {
	printf '%s %s\n' "$3" "$2"
	[ -z "${WORLD_LOGS-}" ] || printf '%s %s %s\n' "$1" "$3" "$2" >>"$WORLD_LOGS/counts"
}
count() { counted count "$@"; }
count_bad() { counted bad "$@"; }
