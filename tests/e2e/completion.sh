#!/bin/bash
# Completion in a real bash, as installed: all verbs and options of the help, one by one, the roles and
# ids of whoever asks, and silence when the daemon is not there.
. "$WORLD_REPO/tests/support/lib.sh"
useradd -m -u 10021 -U -s /bin/bash bob
sed -i 's/mail = "bob@example.org"/& unix-user = "bob"/' /etc/lockbox/policy.d/demo.conf
run_ok lockbox check
start_daemon
start_sshd

# offers WHO WORD...: what bash offers to that person for the last word, one to a line, in OUT.
# The installed file says how, and `complete -p` that it is in force.
cat >/usr/local/bin/offers <<'END'
#!/bin/bash
. /usr/share/bash-completion/completions/lockbox
complete -p lockbox | grep -q -- '-F _lockbox' || exit 1
COMP_WORDS=(lockbox "$@")
COMP_CWORD=$#
_lockbox
printf '%s\n' "${COMPREPLY[@]}"
END
chmod 755 /usr/local/bin/offers
offers() { run_ok as "$1" /usr/local/bin/offers "${@:2}"; }
is() { [ "$OUT" = "$1" ] || fail "offered: $OUT"; }

step "Every verb of the help is offered, and every option of each verb's help"
verbs=$(lockbox help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -v -x lockbox)
[ "$(wc -l <<<"$verbs")" -gt 15 ] || fail "no verbs: $verbs"
offers alice ''
[ "$(sort <<<"$OUT")" = "$(printf '%s\nhelp\n' "$verbs" | sort)" ] || fail "offered: $OUT"
offers alice re
is "$(grep '^re' <<<"$verbs")"
offers alice --json help evid
is evidence
options=0
for verb in $verbs; do
	case $verb in check | doctor) continue ;; esac # these read their words themselves
	in_help=$(lockbox "$verb" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | grep -v -x -e --socket -e --sign | sort)
	quietly as alice /usr/local/bin/offers "$verb" --
	offered=$(grep -v -x -e --socket -e --sign <<<"$OUT" | sort)
	[ "$offered" = "$in_help" ] || fail "$verb: offered $offered, in the help $in_help"
	options=$((options + $(wc -l <<<"$in_help")))
done
[ $options -gt 40 ] || fail "only $options options were compared"
offers alice --
is $'--json\n--socket\n--help\n--version'
offers alice doctor --
says '^--reset-clock$'
offers alice doctor --reset
is --reset-clock
offers alice show R-1 --statement --st
is ''
offers alice eligibility a
is $'attest\napprove'

step "Roles and ids are those of whoever asks"
offers alice request ''
says '^db-operator$'
says_not '^mallory'
offers alice request db-op
is db-operator
gate alice request db-operator --for 10m --reason one --json >/dev/null
gate alice request two-leads --for 10m --reason two --json >/dev/null
offers bob approve ''
is $'R-1\nR-2'
offers alice approve ''
is ''
offers alice claim ''
is ''
gate bob approve R-1 --json >/dev/null
offers alice claim R-
is R-1
offers alice cancel ''
is $'R-1\nR-2'
offers bob audit --grant ''
is $'R-1\nR-2'
offers mallory show ''
is ''

step "Without the daemon: nothing, in silence"
stop_daemon || true
offers alice request ''
is ''
offers alice cl
is claim
passed
