# shellcheck shell=bash
# What every script that tests/booted/run runs on the booted host begins with:
#
#   . "$WORLD_REPO/tests/booted/host.sh"
#   put_people    the people of tests/data/demo-policy.conf with their keys, and that policy
#   put_in_use    README, steps 4 and 5: Lockbox is enabled and answers
# shellcheck source=tests/support/lib.sh
. "$WORLD_REPO/tests/support/lib.sh"
# shellcheck disable=SC2034 # for lib.sh
SYSLOG=/var/log/auth.log
touch $SYSLOG

put_people() {
	local name text people="alice bob carol dave mallory"
	mkdir -p /root/keys /root/.ssh
	chmod 700 /root/keys /root/.ssh
	for name in $people; do
		ssh-keygen -q -t ed25519 -N '' -C "$name" -f "/root/keys/$name"
	done
	for name in alice mallory; do useradd -m -s /bin/bash "$name"; done
	text=$(cat "$WORLD_REPO/tests/data/demo-policy.conf")
	for name in $people; do text=${text//@KEY_$name@/$(cat "/root/keys/$name.pub")}; done
	printf '%s\n' "$text" >/etc/lockbox/policy.d/demo.conf
	cp "$WORLD_REPO/tests/data/demo-lockbox.conf" /etc/lockbox/lockbox.conf
	echo 'exempt login root' >>/etc/lockbox/pam.conf
	echo 'root:Console-and-long-4711' | chpasswd
	ssh-keyscan -t ed25519 $HOST localhost 2>/dev/null >/root/.ssh/known_hosts
	[ -s /root/.ssh/known_hosts ] || fail "sshd does not answer"
}

put_in_use() {
	run_ok /usr/share/lockbox/setup enable
	run_ok systemctl enable --now lockboxd
	daemon_answers || fail "systemctl start came back, and the daemon does not answer"
}
