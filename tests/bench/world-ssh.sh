#!/bin/bash
# What part-ssh.sh runs in a world: world-ssh.sh DISK
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"
. "$WORLD_REPO/tests/bench/login.sh"

sed -i 's/^\tsessions = 3$/\tsessions = 10/' /etc/lockbox/policy.d/*.conf
store_on_disk "$1"
start_sshd
start_daemon
granted alice log-reader 30m bob
beside() { "$@" 2>>/var/log/sshd.log & }
login_servers

# The time that the kernel takes to move a process, as pam_lockbox does it (common/cgroup.c), where
# there is cgroup2.  The process is new each time, as sshd's is.  The kernel answers a move sooner
# that follows another within a few milliseconds, so it is measured after a login that moves nothing.
tree=
for dir in /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -n "$tree" ] || [ "$(stat -f -c %T $dir 2>/dev/null)" != cgroup2fs ] || tree=$dir
done
[ -z "$tree" ] || mkdir "$tree/bench-move"
measure_move() {
	local us=0
	settled
	[ -z "$tree" ] || us=$(bash -c '
		begun=${EPOCHREALTIME/./}
		echo 0 >"$1/cgroup.procs" && echo $((${EPOCHREALTIME/./} - begun))' bash "$tree/bench-move") || fail "no move into $tree/bench-move"
	measured ssh-login "of it, the move into a control group" 0 ns $((us * 1000))
}

table ssh-login "A whole login, ssh HOST true, on a host without systemd" "key, without the modules"
for ((i = 0; i < 5 * ROUNDS; i++)); do
	measure_without ssh-login
	measure_move
	measure_with ssh-login
	((i % 5 != 0)) || measure_installed ssh-login
done
[ -z "$tree" ] || rmdir "$tree/bench-move"
target "a key login with the modules, less the move, takes at most 3 % longer" \
	'm("ssh-login", "key, with the modules", 0) - m("ssh-login", "of it, the move into a control group", 0) < 1.03 * m("ssh-login", "key, without the modules", 0)'
