#!/bin/bash
# What cannot be, through real ssh: refused with a clear word, and nothing has changed: no record, no
# request, no customer, and a policy that nobody could be approved under never comes into force.
# (Signatures that are wrong in one thing, each through ssh: signed.sh; of customers: customer.sh.)
#   ATTACKS 8    what is out of scope is refused before it is kept
#   ATTACKS 44   a broken new policy: the old one stays
#   ATTACKS 49   roles that nobody could be approved for
. "$WORLD_REPO/tests/support/lib.sh"
policy=/etc/lockbox/policy.d/demo.conf
ssh-keygen -q -t ed25519 -N '' -C eve@acme -f /root/keys/eve
cat >>$policy <<END
identity eve { keys = {"$(cat /root/keys/eve.pub)"} }
customer acme { approvers = {"eve"} }
check training { attesters = {"auditors"} }
role trained {
	requesters = {"engineers"}
	approvers = {"leads"}
	managers = {"leads"}
	checks = {"training"}
}
role pages {
	requesters = {"engineers"}
	approvers = {"leads"}
	resource wiki { groups = {"adm"} }
	resource shop { groups = {"adm"} }
}
END
run_ok lockbox check
start_daemon
start_sshd

# All that there is to be seen: the record after $seq, what waits or is active, and the customers.
seq=0
as_it_is() {
	quietly lockbox audit --after "$seq" --json
	all=$OUT
	quietly lockbox status --json
	all+=$OUT
	quietly lockbox customer --json
	all+=$OUT
}
# no STATUS WORDS COMMAND...: ends so, says so, and nothing has changed
no() {
	local due=$1 words=$2 said
	shift 2
	quietly "$@"
	said=$(tr -s ' \n' ' ' <<<"$OUT")
	[[ $STATUS =~ ^$due$ ]] || fail "status $STATUS where $due was due: $(shown "${@:1:8}" | head -c 300): $said"
	grep -qE -- "$words" <<<"$said" || fail "not said: $words; but: $said"
	[ ${#said} -lt 2000 ] || fail "a long answer: $said"
	as_it_is
	[ "$all" = "$before" ] || fail "something has changed: $before / $all"
	pass "$words: $(shown "${@:2}" | head -c 60)"
}
# What comes after the verb is typed to a shell, as ssh makes it of its words.
ask() { no "$1" "$2" gate alice request "${@:3}"; }

step "The same acts when they are in order"
run_ok gate alice request db-operator --for 10m --reason "'index is broken'" --json
first=$(field id)
run_ok gate alice request pages --resource wiki --for 10m --reason edit
run_ok gate bob approve "$first"
run_ok gate alice claim "$first"
run_ok gate alice extend "$first" --for 10m --reason more
more=$(grep -oE 'R-[0-9]+' <<<"$OUT" | grep -v "^$first\$" | head -n 1)
run_ok gate alice cancel "$more"
quietly lockbox audit --json
seq=$(grep -oE '"seq": *[0-9]+' <<<"$OUT" | tail -n 1 | grep -oE '[0-9]+')
[ "$seq" -ge 6 ] || fail "no record: $OUT"
as_it_is
grep -qE '"state": *"active"' <<<"$all" || fail "not seen: $all"
before=$all

step "Roles, resources, hosts, customers and requests that there are not"
ask 1 'no such role' nothing --for 10m --reason x
ask 2 'cannot be the name of a role' ../../etc/passwd --for 10m --reason x
ask 2 'cannot be the name of a role' "'db-operator '" --for 10m --reason x
ask 2 'cannot be the name of a role' "$(printf 'a%.0s' {1..40})" --for 10m --reason x
ask 2 'which role' '' --for 10m --reason x
ask 2 '--host' db-operator --host other-host --for 10m --reason x
ask 1 'no such role and resource' pages --resource nothing --for 10m --reason x
ask 1 'no such role and resource' db-operator --resource wiki --for 10m --reason x
ask 1 'for one of its resources: --resource' pages --for 10m --reason x
no 1 'no such customer' gate eve customer nobody
no 1 'no such customer' gate alice customer acme
no 1 'no such role that you may become' gate alice eligibility request nothing --reason x
no 1 'no identity nobody' gate carol eligibility attest nobody training
for id in R-0 R-99 R-18446744073709551615 R-18446744073709551616 R--1 "'R-1;id'" "'R-1 R-2'" 1e3; do
	no '[12]' '.' gate bob show "$id"
done

step "Durations"
for time in 0 0m 0h 0s -5m 1e9h 99999999999999999999h 1.5h 5 h 5m5 "''" "' '" 5M 0x5m infinity; do
	ask 2 'is no duration: write 30m' db-operator --for "$time" --reason x
done
for time in 0 -5m 1e9h; do
	no 2 'is no duration: write 30m' gate alice extend "$first" --for "$time" --reason x
done
ask 1 'at most 4h' db-operator --for 4h1s --reason x
ask 1 'at most 4h' db-operator --for 999h --reason x
no 1 'at most 4h' gate alice extend "$first" --for 4h --reason x
ask 1 'is over' db-operator --for 5m --start-at 2001-01-01T00:00:00Z --reason x
ask 1 'at most' db-operator --for 5m --start-at 2037-01-01T00:00:00Z --reason x
ask 2 'is no time' db-operator --for 5m --start-at yesterday --reason x
ask 2 'is no time' db-operator --for 5m --start-at 2026-02-30T00:00:00Z --reason x

step "Reasons"
long=$(head -c 100000 /dev/zero | tr '\0' x)
for verb in "request log-reader --for 5m" "extend $first --for 5m" "deny $first" "revoke $first"; do
	who=alice
	case $verb in deny* | revoke*) who=bob ;; esac
	# shellcheck disable=SC2086 # several words
	{
		no '[12]' 'reason' gate $who $verb
		no '[12]' 'reason' gate $who $verb --reason "''"
		no '[12]' 'reason' gate $who $verb --reason "'   '"
		no '[12]' 'reason|long|argument' gate $who $verb --reason "$long"
		no '[12]' 'plain|control|character' gate $who $verb --reason "$(printf "'a\033[2Jb'")"
		no '[12]' 'plain|control|character|UTF' gate $who $verb --reason "$(printf "'a\377b'")"
	}
done
ask '[12]' 'ticket|long|argument' db-operator --for 5m --reason x --ticket "$long"
ask 2 'reason' db-operator --for 5m --reason
no '[12]' 'signature|long' gate bob approve "$first" --signature "$long"

step "A policy under which nobody could be approved is found by check, and never comes into force"
cp $policy /run/sound.conf
# unsatisfiable WORDS: the piece of policy that comes is refused, and says why
unsatisfiable() {
	{
		cat /run/sound.conf
		cat
	} >/run/bad.conf
	quietly lockbox check /etc/lockbox/lockbox.conf /run/bad.conf
	[ "$STATUS" -eq 1 ] || fail "check has status $STATUS: $OUT"
	says "$1"
	cp /run/bad.conf $policy
	mark_log
	reload_daemon
	wait_log 'policy refused: the old policy stays in force'
	wait_log "$1"
	cp /run/sound.conf $policy
	as_it_is
	[ "$all" = "$before" ] || fail "something has changed: $before / $all"
	pass "refused: $1"
}
step "What lockboxd -n finds is in syslog as well, once, with file and line; nothing of what is in order"
cat /run/sound.conf - >$policy <<'END'
role broken { requesters = {"nobody-there"} approvers = {"leads"} }
END
mark_log
run_refused lockbox check
where=$(grep -oE "$policy:[0-9]+: [a-z ]+" <<<"$OUT" | head -n 1)
run_refused lockboxd -n
says "$policy:[0-9]+: "
wait_log 'policy refused: nothing was changed'
[ "$(log_since_mark | grep -c "lockboxd.*policy: $where")" = 1 ] || fail "not once: $where: $(log_since_mark)"
cp /run/sound.conf $policy
mark_log
run_ok lockboxd -n
! grep -q 'policy' < <(log_since_mark) || fail "a policy in order is written down: $(log_since_mark)"
unsatisfiable 'only its own requester could approve' <<'END'
team lone { members = {"alice"} }
role loner { requesters = {"lone"} approvers = {"lone"} }
END
unsatisfiable 'could never be approved: 3 approvals are needed' <<'END'
role crowd { requesters = {"engineers"} approvers = {"leads"} approvals = 3 }
END
unsatisfiable 'there are too few people' <<'END'
role twice {
	requesters = {"engineers"}
	level one { approvers = {"leads"} approvals = 2 }
	level two { approvers = {"leads"} }
}
END
unsatisfiable 'nobody is in the teams of its approvers' <<'END'
team nobody { members = {} }
role empty { requesters = {"engineers"} approvers = {"nobody"} }
END
unsatisfiable 'could never become eligible' <<'END'
check self { attesters = {"lone"} }
team lone { members = {"alice"} }
role own-check { requesters = {"lone"} approvers = {"leads"} managers = {"leads"} checks = {"self"} }
END
unsatisfiable 'needs 2 approvals and has 1' <<'END'
identity fay { keys = {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA39QdqdTCIXOhLgDfdsyDmSXppo6WKJHhVs98E577Jn"} }
customer beta { approvers = {"fay"} approvals = 2 }
END
unsatisfiable 'these are no hours' <<'END'
role never { requesters = {"engineers"} approvers = {"leads"} hours = {"mon-fri 18:00-08:00"} }
END

step "And what was in order still is"
run_ok gate alice request db-operator --for 20m --reason "'the same again'"
mark_log
reload_daemon
wait_log 'event=policy '
passed
