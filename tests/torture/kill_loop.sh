#!/bin/bash
# SIGKILL of each process at random moments, under load: after each restart nothing that was
# acknowledged is lost, nothing that was ended comes back, what is overdue is ended before anything
# is answered, and the record is whole.
#
#   LB_TORTURE=long|short  how long (240 or 12 s)
. "$WORLD_REPO/tests/torture/lib.sh"
workers=4 people=6 limit=12
[ "$TORTURE" = short ] || workers=6 people=12 limit=240
work=/run/load
mkdir -p $work
: >$work/bad

add_people() {
	local n names=
	for ((n = 0; n < workers * people; n++)); do
		ssh-keygen -q -t ed25519 -N '' -C "load$n" -f "$work/key$n"
		ssh-keygen -l -f "$work/key$n.pub" | cut -d ' ' -f 2 >"$work/load$n.fingerprint"
		echo "identity load$n { keys = {\"$(cat "$work/key$n.pub")\"} }"
		names+=", \"load$n\""
	done
	echo "team load { members = {${names#, }} }"
	cat <<-END
		role load {
			description = "Under load"
			requesters = {"load"}
			approvers = {"load"}
			max-duration = "1h"
			default-duration = "10m"
			groups = {"adm"}
		}
	END
}
add_people >/etc/lockbox/policy.d/load.conf

start() {
	/usr/sbin/lockboxd -d >>/var/log/lockboxd.log 2>&1 &
	DAEMON_PID=$!
}
pid_of() {
	case $1 in
	warden) echo "$DAEMON_PID" ;;
	all) echo "$DAEMON_PID $(pgrep -P "$DAEMON_PID" | paste -sd' ')" ;;
	helper) pgrep -P "$DAEMON_PID" -f '^/usr/sbin/lockboxd -d$' | head -n 1 ;;
	*) child_of_daemon "$1" ;;
	esac
}
# Again until it is done, while the daemon comes and goes.
surely() {
	local until=$((SECONDS + 25))
	while [ $SECONDS -lt $until ]; do
		quietly "$@"
		# "not now": it was done, and only its answer was lost
		[ "$STATUS" -ne 0 ] && [[ $OUT != *"approved R-"*already* ]] || return 0
		# What was begun is ended also when all stops.
		[ ! -e $work/stop ] || [ "$3" = end ] || return 1
	done
}
# Not one of them on its own: what hangs on the warden must end with it.
restart() {
	wait "$DAEMON_PID" 2>/dev/null
	wait_for '! pgrep -x lockboxd' 5 || fail "children live on without the warden: $(pgrep -a lockboxd)"
	# Long enough, now and then, for something to become overdue meanwhile.
	sleep "0.$((RANDOM % 10))"
	[ $((RANDOM % 3)) -ne 0 ] || sleep 2
	start
}
# A start whose helper is killed is given up: as systemd does, it is started anew.
up() {
	kill -0 "$DAEMON_PID" 2>/dev/null || restart
	daemon_answers
}

step "The load, first without a kill"
start
wait_for daemon_answers 10 || fail "no start"
perl "$WORLD_REPO/tests/torture/kill_load.pl" $work $workers $people 2>$work/errors &
load=$!
wait_for "[ \"\$(lockbox audit --json | grep -o '\"event\":\"evicted\"' | wc -l)\" -ge 3 ]" 15 || fail "the load does not run: $(cat $work/errors)"
[ ! -s $work/bad ] || fail "without a kill: $(head -n 5 $work/bad)"
pass "people ask, approve, claim, come in and end"

step "SIGKILL, for $limit s"
start_sshd
targets=(keeper keeper front courier helper warden all)
declare -A killed=()
kills=0 logins=0
end=$((SECONDS + limit))
# A real login now and then, and its end while something dies.
(
	while [ ! -e $work/stop ]; do
		surely gate alice request db-operator --for 30s --json --reason load || continue
		id=$(field id)
		surely gate bob approve "$id"
		surely gate alice claim "$id" --json
		if [ "$STATUS" -eq 0 ]; then
			name=$(field account) word=$(field password)
			# With its output elsewhere, or ssh would wait for it.
			quietly temp_ssh alice "$word" "$name@$HOST" 'setsid -f sleep 1000 </dev/null >/dev/null 2>&1; echo in'
			[[ $OUT != *in* ]] || echo "$name" >>$work/logins
			surely gate alice end "$id"
			if [ "$STATUS" -eq 0 ]; then
				quietly temp_ssh alice "$word" "$name@$HOST" true
				[ "$STATUS" -ne 0 ] || echo "fail-open a login of $name after its end" >>$work/bad
			fi
		fi
	done
) &
people_pid=$!
while [ $SECONDS -lt $end ]; do
	target=${targets[RANDOM % ${#targets[@]}]}
	sleep "0.$(printf %03d $((RANDOM % 1000)))"
	kill -0 "$DAEMON_PID" 2>/dev/null || restart
	pids=$(pid_of "$target")
	[ -n "${pids// /}" ] || continue
	# shellcheck disable=SC2086 # pids
	kill -KILL $pids 2>/dev/null || continue
	kills=$((kills + 1))
	killed[$target]=$((${killed[$target]:-0} + 1))
	case $target in warden | all) restart ;; esac
	progress "$kills kills, $((end - SECONDS)) s to go"
done
wait_for up 10 || fail "it does not come up again: $(tail -n 3 /var/log/lockboxd.log)"
: >$work/stop
wait $people_pid
wait $load || fail "the load: $(cat $work/errors)"
[ ! -s $work/errors ] || fail "the load: $(cat $work/errors)"

step "At the end: all that was granted is ended, nothing is left, the record is whole"
wait_for daemon_answers 10 || fail "no answer"
for round in 1 2; do
	wait_for "! ps -eo uid=,luid= | grep -qE '\\b19000[0-9]{5}\\b'" 10 || fail "left: $(ps -eo pid,uid,luid,args | awk '$2 " " $3 ~ /19000/')"
	lockbox audit --json >$work/audit || fail "the record cannot be read"
	tr '{' '\n' <$work/audit | grep -oE '"seq":[0-9]+' | cut -d: -f2 | awk '$1 != NR { exit 1 }' || fail "the record has a gap"
	[ $round = 2 ] || {
		# The keeper walks the chain at its start, and starts only if every link of it holds.
		stop_daemon || fail "SIGTERM ends it with $?"
		start
		wait_for daemon_answers 10 || fail "it does not start: $(tail -n 3 /var/log/lockboxd.log)"
	}
done
records=$(tr '{' '\n' <$work/audit | grep -c '"seq"')
stop_daemon || fail "SIGTERM"
logins=$(cat $work/logins 2>/dev/null | wc -l)
sum() { awk -v n="$1" '$1 == n { s += $2 } END { print s + 0 }' $work/counts.*; }
[ -f $work/counts.watcher ] && [ "$(ls $work/counts.* | wc -l)" = $((workers + 1)) ] || fail "somebody of the load died"
[ "$(sum acknowledged)" -gt 20 ] && [ "$(sum looks)" -gt 20 ] || fail "too little was done: $(cat $work/counts.*)"
for target in "${!killed[@]}"; do note "${killed[$target]} times $target"; done
count $kills kills
count "$(sum acknowledged)" acknowledged
count "$(sum grants)" grants
count "$((logins))" logins
count "$records" records
bads=0
for kind in fail-open lost resurrected late lengthened; do
	n=$(grep -c "^$kind " $work/bad || true)
	count_bad "$n" $kind
	bads=$((bads + n))
done
[ $bads = 0 ] || fail "$(head -n 20 $work/bad)"
passed
