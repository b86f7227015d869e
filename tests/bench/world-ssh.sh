#!/bin/bash
# What part-ssh.sh runs in a world: world-ssh.sh DISK
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/support/lib.sh"
. "$WORLD_REPO/tests/bench/table.sh"

sed -i 's/^\tsessions = 3$/\tsessions = 10/' /etc/lockbox/policy.d/*.conf
store_on_disk "$1"
start_sshd
start_daemon
granted alice log-reader 30m bob
cp /root/keys/alice.pub /etc/ssh/bench_keys
chmod 644 /etc/ssh/bench_keys
cat >/etc/ssh/bench_config <<-'END'
	ListenAddress 127.0.0.1
	UsePAM yes
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	AuthorizedKeysFile /etc/ssh/bench_keys
	PrintMotd no
	MaxStartups 100
	PidFile none
END

/usr/sbin/sshd -D -p 2301 -f /etc/ssh/bench_config 2>>/var/log/sshd.log &
with=$!
# shellcheck disable=SC2016 # for the shell in there
unshare --mount --propagation private sh -c '
	mkdir -p /run/plain
	sed "s/ lockbox//g" /etc/nsswitch.conf >/run/plain/nsswitch.conf
	cp -r /etc/pam.d /run/plain/
	sed -i "/pam_lockbox/d" /run/plain/pam.d/*
	# The jumps over it in the stacks were counted with it.
	for type in auth account session session-noninteractive; do
		sed -i "s/^\(\(auth\|account\|session\).*\[success=\)2 /\11 /" /run/plain/pam.d/common-$type
	done
	mount --bind /run/plain/nsswitch.conf /etc/nsswitch.conf
	mount --bind /run/plain/pam.d /etc/pam.d
	exec /usr/sbin/sshd -D -p 2302 -f /etc/ssh/bench_config' 2>>/var/log/sshd.log &
without=$!
wait_for '(exec 3<>/dev/tcp/127.0.0.1/2301) && (exec 3<>/dev/tcp/127.0.0.1/2302)' 10 || fail "sshd: $(cat /var/log/sshd.log)"

login() { # PORT USER
	ssh -o BatchMode=yes -o IdentitiesOnly=yes -i "$(key_of alice)" -o HostKeyAlias=$HOST -p "$1" "$2@127.0.0.1" true
}
temp_login() { temp_ssh alice "$PASSWORD" -p 22 "$ACCOUNT@$HOST" true; }
claim() {
	wait_for "gate alice claim $GRANT --json >/run/claim" 5 || fail "claim: $(cat /run/claim)"
	PASSWORD=$(field password "$(cat /run/claim)")
}

# The time of one, in nanoseconds.
timed() {
	local begun=${EPOCHREALTIME/./}
	"$@" >/run/login 2>&1 </dev/null || fail "$*: $(cat /run/login)"
	NS=$(((${EPOCHREALTIME/./} - begun) * 1000))
}

table ssh-login "A whole login, ssh HOST true" "key, without the modules"
for port in 2301 2302; do
	user=alice
	[ $port = 2302 ] || user=$ACCOUNT
	login $port "$user" >/run/login 2>&1 </dev/null || fail "port $port: $(cat /run/login) $(tail -n 5 /var/log/sshd.log)"
done
wait_log "event=session-open .*account=\"$ACCOUNT\""
for ((i = 0; i < 5 * ROUNDS; i++)); do
	timed login 2302 alice
	measured ssh-login "key, without the modules" 0 ns "$NS"
	timed login 2301 "$ACCOUNT"
	measured ssh-login "key, with the modules" 0 ns "$NS"
	if ((i % 5 == 0)); then
		claim
		timed temp_login
		measured ssh-login "as installed: key and password" 0 ns "$NS"
	fi
done
kill "$with" "$without"
target "a key login with the modules takes at most 3 % longer" \
	'm("ssh-login", "key, with the modules", 0) < 1.03 * m("ssh-login", "key, without the modules", 0)'
