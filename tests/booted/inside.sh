#!/bin/bash
# What tests/booted/run does on the booted host when no other script is named: the main job.
. "$WORLD_REPO/tests/booted/host.sh"

main_pid() { systemctl show -p MainPID --value lockboxd; }
property() { systemctl show -p "$1" --value lockboxd; }
owned_by() { ps -eo pid=,euid=,ruid=,luid= | awk -v u="$1" '$2 == u || $3 == u || $4 == u'; }

step "People, and the policy"
put_people

step "README, steps 4 and 5"
put_in_use
note "Type=$(property Type), status: $(property StatusText)"
case $(property Type) in notify*) ;; *) fail "the unit does not wait" ;; esac
[ "$(property StatusText)" = "0 accounts; policy in force" ] || fail "status: $(property StatusText)"
run_ok lockbox doctor
says 'All is well'

step "README, step 6: ask, approve, claim, log in"
granted alice db-operator 10m bob
alice=$ACCOUNT alice_id=$GRANT
session_open 1 alice "$PASSWORD" "$alice@$HOST" || fail "no login: $(cat /run/session.1)"
session_run 1 'id -un; sudo -n /usr/bin/id -u; loginctl show-user "$(id -un)" -p State; systemctl is-active user@$(id -u); cat /proc/self/cgroup | tail -n 1'
[[ $OUT == *"$alice"* ]] || fail "$OUT"
printf '%s\n' "$OUT" | sed 's/^/   | /'
uid=$(getent passwd "$alice" | cut -d: -f3)
[[ $OUT == *$'\n'0$'\n'* ]] || fail "sudo: $OUT"
wait_for '[ "$(systemctl show -p StatusText --value lockboxd)" = "1 accounts; policy in force" ]' 5 || fail "status: $(property StatusText)"

step "Warned, ended; nothing is left; journal and auth.log have it"
granted mallory db-operator 8s bob
mallory=$ACCOUNT mallory_id=$GRANT
mallory_uid=$(getent passwd "$mallory" | cut -d: -f3)
session_open 2 mallory "$PASSWORD" "$mallory@$HOST" || fail "no login: $(cat /run/session.2)"
session_run 2 'setsid -f sleep 4000; (crontab -l; systemd-run --user sleep 4000) 2>&1 | tail -n 1'
session_says 2 "Lockbox: your access under $mallory_id ends in" 10
session_says 2 "Lockbox: your access under $mallory_id has ended" 12
session_over 2 5
wait_for "[ -z \"\$(owned_by $mallory_uid)\" ]" 3 || fail "left: $(owned_by "$mallory_uid")"
run_status 2 getent passwd "$mallory"
wait_log "event=evicted .*grant=$mallory_id " 5
wait_for "journalctl -q -t lockboxd | grep -q 'event=evicted .*grant=$mallory_id '" 5 || fail "the journal does not have it"
pass "warned, ended, written down"

step "Reload: done when it is in force; a mistake is told"
run_ok systemctl reload lockboxd
wait_for '[ "$(systemctl show -p SubState --value lockboxd)" = running ]' 5 || fail "$(property SubState)"
cp /etc/lockbox/policy.d/demo.conf /run/demo.conf
echo 'role broken {' >>/etc/lockbox/policy.d/demo.conf
run_refused systemctl reload lockboxd
wait_for "journalctl -q -t lockboxd | grep -q 'policy: /etc/lockbox/policy.d/demo.conf:[0-9]'" 5 || fail "the journal does not say where the mistake is"
[ "$(property ActiveState)" = active ] || fail "a reload that was refused has stopped it"
run_ok gate alice roles
cp /run/demo.conf /etc/lockbox/policy.d/demo.conf
run_ok systemctl reload lockboxd

step "The watchdog: a warden that is stopped is started again; so is one that is killed"
mkdir -p /run/systemd/system/lockboxd.service.d
printf '[Service]\nWatchdogSec=4\n' >/run/systemd/system/lockboxd.service.d/short.conf
systemctl daemon-reload
systemctl restart lockboxd
old=$(main_pid)
kill -STOP "$old"
wait_for "p=\$(main_pid); [ \$p != 0 ] && [ \$p != $old ] && daemon_answers" 30 || fail "systemd does not start it again: $(property ActiveState) $(property Result)"
journalctl -q -u lockboxd | grep -qi watchdog || fail "not for the watchdog"
session_run 1 'echo still here'
[[ $OUT == *"still here"* ]] || fail "the session has ended"
quietly gate alice show "$alice_id" --json
[ "$(field state)" = active ] && [ "$(field sessions)" = 1 ] || fail "it is not as it was: $OUT"
pass "stopped for good, killed by the watchdog, started again; grant and session are as they were"
old=$(main_pid)
kill -KILL "$old"
wait_for "p=\$(main_pid); [ \$p != 0 ] && [ \$p != $old ] && daemon_answers" 15 || fail "no restart after SIGKILL"
run_ok pamtester polkit-1 "$alice" acct_mgmt
wait_for '[ "$(systemctl show -p SubState --value lockboxd)" = running ]' 5

step "The end: sessions stay over a stop, and the host is whole"
run_ok gate alice end "$alice_id"
session_over 1 5
wait_for "[ -z \"\$(owned_by $uid)\" ]" 3 || fail "left: $(owned_by "$uid")"
run_ok systemctl stop lockboxd
[ "$(property Result)" = success ] || fail "stopped with $(property Result)"
run_ok systemctl start lockboxd
quietly systemctl --failed --no-legend
[ -z "$OUT" ] || fail "failed units: $OUT"
wait_for '! lockbox status | grep -qE " (active|ending) "' 10 # it names those, and stays
run_ok /usr/share/lockbox/setup disable
quietly systemctl --failed --no-legend
[ -z "$OUT" ] || fail "failed units: $OUT"
passed
