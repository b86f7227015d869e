#!/bin/bash
# world: bare
# Accounts end by themselves: no daemon runs here at all.  Through libc's own getpwnam() as well.
. "$(dirname "${BASH_SOURCE[0]}")/nss_lib.sh"

install -m 644 "$MODULE" "$RUN/libnss_lockbox.so.2"
sed -E '/^(passwd|group|shadow):/ s/$/ lockbox/' /etc/nsswitch.conf >"$RUN/nsswitch.conf"
mount --bind "$RUN/nsswitch.conf" /etc/nsswitch.conf
# nothing on the machine changes: the loader finds the module by its path
export LD_LIBRARY_PATH=$RUN

answers() {
	local want=$1 db
	shift
	for db in "passwd $NAME" "passwd $NAME_UID" "group $NAME" "group $NAME_UID" "shadow $NAME"; do
		# shellcheck disable=SC2086 # two words
		if getent $db >/dev/null; then
			[ "$want" = yes ] || {
				echo "getent $db still answers"
				return 1
			}
		elif [ "$want" = yes ]; then
			echo "getent $db does not answer"
			return 1
		fi
	done
}

check "no snapshot, no account" answers no
generate 1000
check "every database answers for a live account" answers yes
passwd_line() { [ "$(getent passwd $NAME)" = "$NAME:*:$NAME_UID:$NAME_UID:generation 0:/home/$NAME:/bin/bash" ]; }
check "the passwd line is whole, its password field is *" passwd_line
shadow_line() { [ "$(getent shadow $NAME)" = "$NAME:*:::::::" ]; }
check "the shadow line has no password and no ageing" shadow_line
groups_of() { [ "$(id -G $NAME)" = "$NAME_UID 4 1900000000 1900000001" ] || [ "$(id -G $NAME)" = "$NAME_UID 1900000000 4 1900000001" ]; }
check "id gives the role groups and the outside group" groups_of
members() { [ "$(getent group lbr-db | cut -d: -f4 | tr , '\n' | sort -u | wc -l)" -eq 1000 ]; }
check "a role group lists its members" members
listing() { [ "$(getent passwd | grep -c '^lb-')" -eq 1000 ] && [ "$(getent group | grep -c '^lb')" -eq 1003 ]; }
check "all accounts and groups are listed" listing
as_anybody() { setpriv --reuid 65534 --regid 65534 --clear-groups getent passwd $NAME; }
check "anybody may look an account up" as_anybody

generate -x 3 300
only_live() {
	getent passwd | grep '^lb-' | sort >$RUN/listed
	sort $RUN/passwd | cmp - $RUN/listed && [ "$(wc -l <$RUN/listed)" -eq 200 ]
}
check "who has ended is not listed, everybody else is" only_live
groups_live() {
	getent group | grep '^lb-' | cut -d: -f1,3 | sort >$RUN/listed
	cut -d: -f1,3 $RUN/group | sort | cmp - $RUN/listed || return 1
	# each role once, and in it only who is live
	[ "$(getent group | grep -c '^lbr-')" -eq 3 ] && [ "$(getent group | grep '^lbr-db:' | cut -d: -f4 | tr , '\n' | sort)" = \
		"$(cut -d: -f1 $RUN/passwd | sort)" ]
}
check "nor his group, and no role lists him" groups_live
check "nor is he found" bash -c '! getent passwd lb-user0-0 && ! getent shadow lb-user0-0 && getent passwd lb-user1-1'

generate -e 2 10
check "an account goes at its end by the wall clock, in a process that looks all the time" \
	"$BUILD/tests/nss_lookup" "$MODULE" until $NAME 10
check "and then for every process" answers no
generate -b 2 10
check "an account goes at its end by the boot clock" \
	"$BUILD/tests/nss_lookup" "$MODULE" until $NAME 10
check "and then for every process" answers no
empty_role() { getent group lbr-db | grep -qx 'lbr-db:\*:1900000000:'; }
check "a role group without a live member still resolves" empty_role
generate -e 0 10
check "what is published after its end never resolves" answers no
generate 10
check "a live account again" answers yes
"$BUILD/tests/nss_gen" -- -1 $RUN
check "a withdrawn snapshot, no account" answers no
verdict
