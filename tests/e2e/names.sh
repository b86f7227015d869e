#!/bin/bash
# Names that are paths, options or something else than names are refused at every entrance, and nothing
# is made on the disk by them (ATTACKS 15): words of verbs, frames, PAM's items, policy files, what the
# keeper tells the warden.
. "$WORLD_REPO/tests/support/lib.sh"
start_daemon
start_sshd

public=/run/lockbox/public.sock
frames() { perl "$WORLD_REPO/tests/support/frames.pl" "$@"; }
cp "$WORLD_REPO/tests/support/frames.pl" /usr/local/bin/frames && chmod 755 /usr/local/bin/frames
by() { as "$1" perl /usr/local/bin/frames "${@:2}"; }
# As frames.pl writes them; a slash, a percent sign, a space and the rest are bytes.
names=(../../etc/cron.d/x ..%2f..%2fetc /etc/passwd . .. ... -rf --help -oProxyCommand=x 'a b' ' a' 'a ' %25s%25n a%25b
	a/b a%2f..%2fb a%5cb a:b a%2cb '*' '$(id)' ';id' %7e %c3%a9t%c3%a9 %d0%b0lice lb-../x-1 lb-alice-1/../x A ALICE 1a _a
	"$(printf 'a%.0s' {1..64})")
raw() { perl -e '($_ = $ARGV[0]) =~ s/%([0-9a-f]{2})/chr(hex($1))/gei; print' -- "$1"; }
# Everything that such a name could have made, but for what is written all the time, and the source
# tree, which the world sees as it is worked on.
listing() {
	{
		find / -maxdepth 1
		find /etc /home /tmp /var/tmp /var/spool /run -path '/run/*/*' -prune -o -printf '%p %y %U %m\n'
	} | grep -v -e '^/run/motd' -e "^$WORLD_REPO/" | sort
}
listing >/root/before

step "A proper name goes through each entrance"
run_ok as alice lockbox request log-reader --for 5m --reason fine
run_ok as alice lockbox cancel R-1
run_ok by alice $public frame:3:t=log-reader,w=60,t=T-1,t=fine,q=0,t=,b=0 wait
says '^8004 '
run_ok as alice lockbox cancel R-2
run_ok by lockbox $public frame:1:t=alice,t=SHA256:x wait
says '^8001 '
cat >/root/policy.conf <<'END'
identity NAME1 { unix-user = "daemon" }
identity someone { unix-user = "NAME2" }
team others { members = {"NAME1"} }
team NAME3 { members = {"someone"} }
role NAME4 { requesters = {"NAME3"} approvers = {"others"} max-duration = "1h" groups = {"NAME5"} shell = "/bin/NAME6" }
END
# policy N NAME: the policy with NAME in place N
policy() {
	local text n good=(x nobody t r adm sh)
	text=$(cat /root/policy.conf)
	for n in 1 2 3 4 5 6; do
		if [ "$n" = "$1" ]; then text=${text//NAME$n/$2}; else text=${text//NAME$n/${good[n - 1]}}; fi
	done
	printf '%s\n' "$text" >/root/x.conf
}
policy 0 x
run_ok lockbox check /root/x.conf

step "Words of verbs, frames, PAM's items, policy files"
for name in "${names[@]}"; do
	it=$(raw "$name")
	for words in "request $it --reason x" "show $it" "approve $it" "audit --grant $it" "audit --after $it" "$it"; do
		case $words in "--help" | *" --help" | *" --help "*) continue ;; esac
		quietly as alice sh -c 'IFS="|"; set -f; exec lockbox $1' sh "${words// /|}"
		[ "$STATUS" -ne 0 ] || fail "taken: lockbox $words: $OUT"
	done
	quietly by alice $public "frame:3:t=$name,w=60,t=,t=x,q=0,t=,b=0" wait
	grep -qE '^refused (3|6) |no answer' <<<"$OUT" || fail "role $name: $OUT"
	quietly by lockbox $public "frame:1:t=$name,t=SHA256:x" wait
	grep -qE '^refused 1 |no answer' <<<"$OUT" || fail "identity $name: $OUT"
	quietly by lockbox-keys $public "frame:13:t=$name,t=ssh-ed25519,t=AAAA" wait
	grep -qE '^8001 $|^8001 0+$|no answer' <<<"$OUT" || fail "keys for $name: $OUT"
	for item in "t=$name,w=1900010001,t=sshd,t=h,t=y,t=" "t=lb-alice-1,w=1900010001,t=$name,t=h,t=y,t=" \
		"t=lb-alice-1,w=1900010001,t=sshd,t=$name,t=$name,t="; do
		quietly frames /run/lockbox/pam.sock "frame:66:$item" wait
		grep -qE '^8008 01|no answer' <<<"$OUT" || fail "let in: $item: $OUT"
	done
	for place in 1 2 3 4 5 6; do
		case $place$it in [134]' a' | [134]'a ') continue ;; esac # no quotes: the blank is none of the name's
		case $place$it in
		[25]_a | 6...) continue ;;
		6../* | 6*/../* | 6. | 6.. | 6*\ * | 6*[\;\$\*]*) ;;
		6*) continue ;; # a file may well be called so
		esac
		policy $place "$it"
		quietly lockbox check /root/x.conf
		[ "$STATUS" -eq 1 ] || fail "in place $place of a policy: $it: $OUT"
	done
	checks=$((checks + 1))
done
pass "${#names[@]} names, each refused everywhere"

step "Names of policy files: what does not end in .conf, and what is hidden, is no policy"
for file in -rf .x.conf x.conf~ 'x.conf ' .. .conf; do
	[ "$file" = .. ] || echo 'this is no policy' >"/etc/lockbox/policy.d/$file"
done
run_ok lockbox check
rm -f /etc/lockbox/policy.d/-rf /etc/lockbox/policy.d/.x.conf /etc/lockbox/policy.d/x.conf~ "/etc/lockbox/policy.d/x.conf " /etc/lockbox/policy.d/.conf
for file in $'a\nb.conf' $'a\e[2Jb.conf' '-rf.conf' '$(id).conf'; do
	echo 'this is no policy' >"/etc/lockbox/policy.d/$file"
	run_status 1 lockbox check
	says_not $'\e'
	rm "/etc/lockbox/policy.d/$file"
done

step "What a keeper that was taken over tells the warden"
inject() { "$BUILD/tests/inject" "$(child_of_daemon keeper)" 3 "$1" || fail "cannot inject"; }
packed() { perl -e 'my $t = shift; print unpack("H*", pack($t, @ARGV))' "$@"; }
gid=$(getent group lbr-log-reader | cut -d: -f3)
soon=$(($(date +%s) + 60))000000000
boot=$(($(now_cs) / 100 + 60))000000000
serial=600
for name in "${names[@]}"; do
	it=$(raw "$name")
	serial=$((serial + 1))
	mark_log
	inject "$(packed 'nQ>NNn/a*n/a*n/a*Q>Q>CN' 19 9 $((1900010000 + serial)) "$gid" "$it" alice log-reader $soon $boot 1 0)"
	wait_log "is not published: |sent what it may not"
	wait_for "gate carol roles" 10 || fail "no answer"
	[ -z "$(getent -s lockbox passwd $((1900010000 + serial)))" ] || fail "it resolves: $it"
	if [ $((serial % 8)) = 0 ]; then
		for fields in "lb-alice-$serial $it log-reader" "lb-alice-$serial alice $it"; do
			mark_log
			# shellcheck disable=SC2086 # three words, or more
			set -f && inject "$(packed 'nQ>NNn/a*n/a*n/a*Q>Q>CN' 19 9 $((1900010000 + serial)) "$gid" $fields $soon $boot 1 0)"
			set +f
			wait_log "is not published: |sent what it may not"
			wait_for "gate carol roles" 10 || fail "no answer"
		done
		mark_log
		inject "$(packed 'nQ>Nn/a*n/a*N' 20 9 $((1900010000 + serial)) "$it" bye 0)"
		wait_log 'asked to end uid [0-9]+, which cannot be an account|sent what it may not'
		wait_for "gate carol roles" 10 || fail "no answer"
	fi
done
pass "nothing was published or ended by such a name"

step "Nothing was made anywhere"
rm -f /root/x.conf
listing >/root/after
diff /root/before /root/after || fail "files have come or gone"
pass "the list of files is as it was"
passed
