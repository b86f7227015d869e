#!/bin/bash
# Own accounts on the booted host: what logind, user managers, cron and atd run for a person before,
# during and after a grant on the account that the person has anyway.  The role's groups are in the
# kernel's sessions that were opened under the grant, and nowhere else; at its end all of these are
# gone, and nothing else of the person's is.
#   ATTACKS 11
. "$WORLD_REPO/tests/booted/host.sh"

# with_role [PID...]: the tasks, of all or of these processes, that have one of the role's groups.
# No temporary account is made here, so each group of Lockbox's is the role's.
with_role() {
	local at=(/proc/[0-9]*/task/[0-9]*/status)
	if [ $# -gt 0 ]; then
		at=("${@/#//proc/}")
		at=("${at[@]/%//status}")
	fi
	grep -lsE '^(Gid|Groups):(.*[[:space:]])?(19[0-9]{8}|3001)([[:space:]]|$)' "${at[@]}"
}
# strays: of these, the ones in no session of the kernel's that a person's sshd, or one of $inside, is in.
inside=()
strays() {
	local file sessions
	sessions=$({
		pgrep -f '^sshd: (alice|mallory)'
		printf '%s\n' "${inside[@]}"
	} | sed 's|.*|/proc/&/sessionid|' | xargs -r grep -hs . | sort -u)
	while read -r file; do
		grep -qxF "$(cat "${file%status}../../sessionid" 2>/dev/null)" <<<"$sessions" || echo "$file"
	done < <(with_role)
}
# look PID...: what each is, its session of the kernel's, its groups, where it is.
look() {
	local pid
	for pid; do
		printf '   | %-24.24s session %s groups %s in %s\n' "$(tr '\0' ' ' <"/proc/$pid/cmdline")" \
			"$(cat "/proc/$pid/sessionid")" "$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$pid/status")" \
			"$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
	done 2>/dev/null
}
# started N...: PIDS are the processes `sleep N`, one for each, once they are there.
started() {
	local n
	PIDS=()
	for n; do
		wait_for "pgrep -f '^(/usr/bin/)?sleep $n\$'" 10 || fail "sleep $n was not started"
		PIDS+=("$(pgrep -f "^(/usr/bin/)?sleep $n\$")")
	done
}
# of_user NAME CMD...: in the user manager's reach, from outside any session.
of_user() {
	runuser -u "$1" -- env "XDG_RUNTIME_DIR=/run/user/$(id -u "$1")" "${@:2}"
}
manager_of() { systemctl show -p MainPID --value "user@$(id -u "$1")"; }
# What a crontab has for @reboot begins when cron is started the first time.
cron_again() {
	rm -f /run/crond.reboot
	systemctl restart cron
}
sessions_are() {
	wait_for '[ "$(lockbox show '"$GRANT"' --json | grep -o "\"sessions\":[0-9]*")" = "\"sessions\":'"$1"'" ]' ||
		fail "sessions: $(lockbox show "$GRANT" --json)"
}

step "People, and the policy"
groupadd -g 3001 payments
put_people
cat >>/etc/lockbox/policy.d/demo.conf <<'END'
role payments {
	requesters = {"engineers"}
	approvers = {"leads"}
	account = "own"
	sessions = 4
	groups = {"payments"}
	sudo = {"/usr/bin/id -u"}
}
END
for name in alice mallory; do
	install -d -m 700 -o $name -g $name "/home/$name/.ssh"
	install -m 600 -o $name -g $name "/root/keys/$name.pub" "/home/$name/.ssh/authorized_keys"
done
put_in_use
systemctl is-active -q cron atd || fail "cron and atd do not run"

step "What runs of alice's before: a lingering user manager and a unit of its, a job of cron's, one of atd's"
run_ok loginctl enable-linger alice
wait_for "systemctl is-active -q user@$(id -u alice)" || fail "no user manager: $(systemctl status "user@$(id -u alice)")"
run_ok of_user alice systemd-run --user -q sleep 7001
crontab -u alice - <<<'@reboot exec sleep 7002'
cron_again
run_ok runuser -u alice -- bash -c 'at now <<<"exec sleep 7003"'
started 7001 7002 7003
outside=("$(manager_of alice)" "${PIDS[@]}")
look "${outside[@]}"
[ "${outside[0]}" -gt 1 ] || fail "no user manager"
run_refused person_ssh alice "alice@$HOST" id
says 'nobody has standing access'
[ -z "$(with_role)" ] || fail "the role's groups are there: $(with_role)"
files=(/etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid /home/alice/.ssh/authorized_keys)
sums=$(sha256sum "${files[@]}")
home=$(stat -c '%n %a %u %g' /home/alice)

step "A grant: the key of the account opens it, with the role's groups and sudo; so do a master connection and ssh -N"
granted alice payments 10m bob
[ "$ACCOUNT" = alice ] || fail "it is on $ACCOUNT"
person_ssh alice -M -S /root/master -N -f "alice@$HOST" || fail "no master connection"
run_ok person_ssh alice -S /root/master "alice@$HOST" 'id -nG; sudo -n /usr/bin/id -u'
says '^alice( [a-z-]+)* lbr-payments'
says '^alice( [a-z-]+)* payments'
says '^0$'
person_ssh alice -N "alice@$HOST" &
bare=$!
session_open 1 alice '' "alice@$HOST" || fail "no session: $(cat /run/session.1)"
sessions_are 3
# pam_loginuid has given the session its number before sshd forks and asks for the groups.
session_run 1 'id -nG; sudo -n /usr/bin/id -u; cat /proc/self/sessionid; echo; loginctl show-session self -p Id -p Leader -p Service'
printf '%s\n' "$OUT" | sed 's/^/   | /'
says ' lbr-payments'
says '^0$'
says 'Service=sshd'

step "What is started in its sessions is the grant's, wherever it goes"
session_run 1 'setsid -f sleep 7101; (nohup sleep 7102 >/dev/null 2>&1 &); tmux new-session -d "exec sleep 7103"; (systemd-run --user --scope -q sleep 7104 &)'
run_ok person_ssh alice "alice@$HOST" 'exec >/dev/null 2>&1; setsid -f sleep 7105; systemd-run --user --scope -q setsid -f sleep 7106'
started 7101 7102 7103 7104 7105 7106
inside=("${PIDS[@]}")
for i in 3 5; do
	wait_for "grep -q 'user@.*/run-.*[.]scope' /proc/${inside[$i]}/cgroup" || fail "it is not in a scope of the manager's"
done
sessions_are 3
look "${inside[@]}"
for pid in "${inside[@]}"; do
	[ -n "$(with_role "$pid")" ] || fail "without the role's groups: $(look "$pid")"
done
pass "they have the role's groups"

step "What others start for her meanwhile has neither the groups nor sudo"
cat >/home/alice/job <<'END'
id -G >"/tmp/$1.groups"
sudo -n /usr/bin/id -u >"/tmp/$1.sudo" 2>&1
for group in lbr-payments payments; do sg $group 'id -g'; done </dev/null >"/tmp/$1.sg" 2>&1
exec sleep "$1"
END
session_run 1 "sg lbr-payments 'id -g'"
says '^19[0-9]{8}$'
session_run 1 'systemd-run --user -q sh job 7201; echo "exec sh job 7202" | at now; echo "@reboot exec sh job 7203" | crontab -'
cron_again
started 7201 7202 7203
outside+=("${PIDS[@]}")
look "${PIDS[@]}"
for job in 7201 7202 7203; do
	OUT=$(cat "/tmp/$job.groups")
	says "^$(id -g alice)\$"
	OUT=$(cat "/tmp/$job.sudo")
	says '^sudo: '
	says_not '^0$'
	OUT=$(cat "/tmp/$job.sg")
	says 'Invalid password'
	says_not '^[0-9]+$'
done
for pid in "${outside[@]}"; do
	[ -z "$(with_role "$pid")" ] || fail "with the role's groups: $(look "$pid")"
done
pass "the units, the jobs and the manager have none of the role's groups"
run_ok id -nG alice
says '^alice$'
run_ok su alice -c 'id -nG'
says '^alice$'
[ -z "$(strays)" ] || fail "with the role's groups and in no session of the grant's: $(strays)"
pass "nothing on the host has them outside the grant's sessions"

step "The service is started anew: all of it stays the grant's"
run_ok systemctl restart lockboxd
session_run 1 'id -nG alice; sudo -n /usr/bin/id -u'
says ' lbr-payments'
says '^0$'
for pid in "${inside[@]}" "${outside[@]}"; do
	! dead "$pid" || fail "process $pid is gone"
done

step "The end: its sessions are gone to the last process, and so are the groups; all else goes on"
mark_log
run_ok gate bob revoke "$GRANT" --reason "enough"
session_over 1
wait_log "event=evicted .*grant=$GRANT .*killed [0-9]+ processes"
for pid in "${inside[@]}"; do dead "$pid" || fail "it lives: $(look "$pid")"; done
wait_for '[ -z "$(with_role)" ]' || fail "with the role's groups: $(with_role)"
pass "no process of the host has the role's groups"
wait_for "dead $bare" || fail "ssh -N still is connected"
run_refused person_ssh alice -S /root/master -O check "alice@$HOST"
run_refused pgrep -f '^sshd: alice'
wait_for '[ -z "$(loginctl --no-legend list-sessions | grep alice)" ]' 10 || fail "logind: $(loginctl list-sessions)"
for pid in "${outside[@]}"; do
	! dead "$pid" || fail "process $pid, which was none of the grant's, is gone"
done
pass "left: ${outside[*]}"
[ "$(sha256sum "${files[@]}")" = "$sums" ] || fail "a file of the account's was changed"
[ "$(stat -c '%n %a %u %g' /home/alice)" = "$home" ] || fail "the home was changed"
run_ok su alice -c 'id -nG'
says '^alice$'
run_refused person_ssh alice "alice@$HOST" id
says 'nobody has standing access'

step "A user manager that the login itself starts, and lingering that is asked for under the grant"
run_status 3 systemctl is-active "user@$(id -u mallory)"
granted mallory payments 10m bob
session_open 2 mallory '' "mallory@$HOST" || fail "no session: $(cat /run/session.2)"
session_run 2 'id -nG; loginctl enable-linger; systemd-run --user -q sleep 7401; echo "$XDG_RUNTIME_DIR"'
printf '%s\n' "$OUT" | sed 's/^/   | /'
says ' lbr-payments'
started 7401
outside+=("$(manager_of mallory)" "${PIDS[@]}")
look "$(manager_of mallory)" "${PIDS[@]}"
[ -z "$(strays)" ] || fail "with the role's groups and in no session of the grant's: $(strays)"
mark_log
run_ok gate bob revoke "$GRANT" --reason "enough"
session_over 2
wait_log "event=evicted .*grant=$GRANT .*killed [0-9]+ processes"
wait_for '[ -z "$(with_role)" ]' || fail "with the role's groups: $(with_role)"
wait_for '[ -z "$(loginctl --no-legend list-sessions | grep mallory)" ]' 10 || fail "logind: $(loginctl list-sessions)"
for pid in "${outside[@]}"; do
	! dead "$pid" || fail "process $pid, which was none of the grant's, is gone"
done
pass "the manager and its unit go on, without the role's groups"
# Nothing of the grant's sessions keeps logind from clearing up.
run_ok loginctl disable-linger mallory
wait_for "[ -z \"\$(owned $(id -u mallory))\" ] && [ ! -e /run/user/$(id -u mallory) ]" 30 || fail "left: $(owned "$(id -u mallory)")"
pass "without lingering the manager ends, and /run/user is cleared"
quietly systemctl --failed --no-legend
[ -z "$OUT" ] || fail "failed units: $OUT"
passed
