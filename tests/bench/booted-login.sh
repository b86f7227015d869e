#!/bin/bash
# What part-booted.sh runs on the booted host: booted-login.sh DISK
. "$WORLD_REPO/tests/booted/host.sh"
. "$WORLD_REPO/tests/bench/table.sh"
. "$WORLD_REPO/tests/bench/login.sh"

put_people
sed -i 's/^\tsessions = 3$/\tsessions = 10/' /etc/lockbox/policy.d/*.conf
store_on_disk "$1"
trap 'cat /run/in_use >&2' EXIT
put_in_use >/run/in_use
trap - EXIT
granted alice log-reader 30m bob
# A service each, as sshd is.
beside() { systemd-run --quiet --collect -- "$@"; }
login_servers

# The accounts are to be alike: alice gets no systemd of her own either (user@UID.service), and nothing
# from /etc/skel; and a session of each stays open, so that logind does not make and forget the users.
for unit in user user-runtime-dir; do
	mkdir -p "/run/systemd/system/$unit@$(id -u alice).service.d"
	printf '[Service]\nExecCondition=/bin/false\n' >"/run/systemd/system/$unit@$(id -u alice).service.d/none.conf"
done
systemctl daemon-reload
key_login_with 'exec sleep infinity' </dev/null 2>/dev/null &
key_login_without 'exec sleep infinity' </dev/null 2>/dev/null &
wait_for "pgrep -u $ACCOUNT -x sleep && pgrep -u alice -x sleep" 10 ||
	fail "no session stays"
# shellcheck disable=SC2034 # for login.sh
HELD=1

table booted-login "A whole login, ssh HOST true, on a host with systemd" "key, without the modules"
for ((i = 0; i < 5 * ROUNDS; i++)); do
	measure_without booted-login
	measure_with booted-login
	((i % 5 != 0)) || measure_installed booted-login
done
target "a key login on a host with systemd takes at most 3 % longer" \
	'm("booted-login", "key, with the modules", 0) < 1.03 * m("booted-login", "key, without the modules", 0)'
