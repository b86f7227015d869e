#!/bin/bash
# parts: 4
# The life of a grant with each system call and each allocation of the daemon's processes failing once.
#   ATTACKS 2   an error never becomes a success
#   ATTACKS 7   a process that dies meanwhile means no
. "$WORLD_REPO/tests/torture/lib.sh"

T=/run/torture
mkdir -p $T/stacks
for name in bob carol; do
	useradd -m -U -s /bin/bash $name
	sed -i "s/^identity $name { /&unix-user = \"$name\" /" /etc/lockbox/policy.d/demo.conf
done
cat >$T/stacks/sshd <<-END
	auth     [success=done ignore=ignore default=die] $BUILD/pam_lockbox.so
	account  [success=ok ignore=ignore default=die]   $BUILD/pam_lockbox.so
	session  [success=ok ignore=ignore default=die]   $BUILD/pam_lockbox.so
END

# libseccomp faults and loses rules when it gets no memory: what it needs is reserved beforehand
# (sandbox.c), so its allocations cannot fail, and are not made to.
sandbox=$(nm -n "$BUILD/torture/lockboxd" | awk '
	$3 ~ /^(reserve_heap|allow|allow\.part\.0|lb_sandbox_[a-z_]*)$/ && !from { from = $1 }
	$3 ~ /^lb_sandbox_/ { last = NR }
	NR == last + 1 && last { to = $1 }
	END { print "0x" from "-0x" to }')
# The C library's name service faults when it gets no memory for its tables (in a helper, which then
# has failed), and libevent when it gets none for a watermark (in front, which is started again).
library=$(after_calls "$BUILD/torture/lockboxd" 'getpw[a-z]*|getgr[a-z]*|bufferevent_setwatermark')
# Where something was once found: always done.  ROLE CALL FUNCTIONS
keep=()
while read -r role call functions; do
	while read -r range; do
		keep+=("keep=$role/$call/$range")
	done < <(nm -S "$BUILD/torture/lockboxd" |
		perl -ne "printf qq(0x%x-0x%x\n), hex(\$1), hex(\$1) + hex(\$2) if /^(\w+) (\w+) . ($functions)\$/")
done <<-END
	main memfd_create lb_warden_send_policy
	keeper pidfd_open find_process|resume_one|lb_session_resume
END
# lives WHAT LOCKBOXD MOST: RESULT has what came of it
lives() {
	local most=() more
	read -ra more <<<"${LB_WORDS-}"
	case $TORTURE in
	short) most=("most=$3" each=1) ;;
	all) ;;
	*) most=(each=1) ;;
	esac
	"$BUILD/tests/life" "$2" $T/stacks "$1" "part=$PART/$PARTS" "${keep[@]}" "not=$sandbox" "library=$library" "${most[@]}" "${more[@]}" | tee "/run/life.$1"
	RESULT=$(grep ^RESULT "/run/life.$1") || fail "life $1 has not come to its end"
	grep -A30 ^FOUND "/run/life.$1" >>"${WORLD_LOGS:-/run}/found" || true
}
number() { sed -n "s/.* $1=\([0-9]*\).*/\1/p" <<<"$RESULT"; }
bad=0
for what in ${LB_WHAT:-calls allocations}; do
	lives "$what" "$BUILD/torture/lockboxd" 4
	count "$(number reached)" "$([ "$what" = calls ] && echo system-calls || echo allocations)"
	count "$(number library)" faults-in-libraries
	for kind in fail-open crashes leaks lost outlived stuck; do
		count_bad "$(number $kind)" $kind
		bad=$((bad + $(number $kind)))
	done
done
[ $bad -eq 0 ] || fail "$bad findings"
passed
