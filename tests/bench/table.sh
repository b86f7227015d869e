# shellcheck shell=bash
# Words for the parts of the bench.  A measurement is a line "KEY NANOSECONDS" in a file; the same
# KEY many times is many rounds of it.
#
#   heading TEXT                   begins a table
#   row TEXT FILE KEY [BASE]       one line: median, spread (half the distance between the
#                                  quartiles) and, if BASE is a KEY, how many times as long as it
#   median FILE KEY                prints the median
#   target TEXT CONDITION          CONDITION is an awk expression; says whether it holds
#   finish                         ends the part: status 1 when a target was missed
set -euo pipefail
bench_missed=0

heading() {
	printf '%s\n%-44s %11s %9s %11s\n' "$1" "case" "ns" "spread" "ratio"
	printf '%.0s-' {1..78}
	echo
}

# "MEDIAN SPREAD" of a key.
stats() {
	awk -v k="$2" '$1 == k { print $2 }' "$1" | sort -g | awk '{ v[NR] = $1 }
		function at(q,  p, i) { p = 1 + (NR - 1) * q; i = int(p); return i == NR ? v[NR] : v[i] + (p - i) * (v[i + 1] - v[i]) }
		END { if (NR) printf "%.4f %.4f\n", at(0.5), (at(0.75) - at(0.25)) / 2 }'
}

median() { stats "$1" "$2" | cut -d' ' -f1; }

row() {
	local text=$1 file=$2 key=$3 base=${4-} ratio=
	local numbers
	numbers=$(stats "$file" "$key")
	[ -n "$numbers" ] || {
		printf '%-44s %11s\n' "$text" "-"
		return 0
	}
	[ -z "$base" ] || ratio=$(awk -v a="${numbers% *}" -v b="$(median "$file" "$base")" 'BEGIN { if (b > 0) printf "%.2f", a / b }')
	# shellcheck disable=SC2086 # two numbers
	printf '%-44s %11s %9s %11s\n' "$text" $(awk -v m="${numbers% *}" -v s="${numbers#* }" \
		'BEGIN { d = m < 1000 ? 1 : 0; printf "%.*f ±%.*f", d, m, d, s }') "$ratio"
}

target() {
	if awk "BEGIN { exit !($2) }" 2>/dev/null; then
		printf 'met     %s\n' "$1"
	else
		printf 'MISSED  %s\n' "$1"
		bench_missed=1
	fi
}

finish() { exit $bench_missed; }
