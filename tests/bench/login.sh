# shellcheck shell=bash
# shellcheck disable=SC2154 # ACCOUNT and the like are lib.sh's
# How a whole login is measured, by world-ssh.sh and booted-login.sh alike; after lib.sh and table.sh:
# two sshds with the same settings, one of them in a mount namespace where neither nsswitch.conf nor
# the PAM stack knows Lockbox.  With it the login is that of a temporary account, which is resolved,
# decided on and registered; without it that of a user of /etc/passwd.  The key lies in the same file
# for both.
#
# The caller has a daemon that runs, an sshd as installed on port 22, and a grant of alice's
# ("granted"); and says how a program is started that stays:
#
#   beside COMMAND...       to be defined: starts it in the background
#   login_servers           starts the two
#   key_login_with|key_login_without [COMMAND]   one key login (true)
#   HELD                    how many sessions of both users are kept open meanwhile (0)
#   measure_without CASE    measures one
#   measure_with CASE
#   measure_installed CASE  one as installed, by AuthorizedKeysCommand, key and one-time password
WITH_PORT=2301
WITHOUT_PORT=2302
HELD=0

login_servers() {
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
	# A temporary account's home is empty.
	find /home/alice -mindepth 1 -delete
	beside /usr/sbin/sshd -D -p $WITH_PORT -f /etc/ssh/bench_config
	# pam_lockbox stands first in every stack: no line jumps over it.  What logind mounts for a user
	# is to be seen in there too.
	# shellcheck disable=SC2016 # for the shell in there
	beside unshare --mount --propagation slave sh -c '
		mkdir -p /run/plain
		sed "s/ lockbox//g" /etc/nsswitch.conf >/run/plain/nsswitch.conf
		cp -r /etc/pam.d /run/plain/
		sed -i "/pam_lockbox/d" /run/plain/pam.d/*
		mount --bind /run/plain/nsswitch.conf /etc/nsswitch.conf
		mount --bind /run/plain/pam.d /etc/pam.d
		exec /usr/sbin/sshd -D -p "$1" -f /etc/ssh/bench_config' sh $WITHOUT_PORT
	wait_for "(exec 3<>/dev/tcp/127.0.0.1/$WITH_PORT) && (exec 3<>/dev/tcp/127.0.0.1/$WITHOUT_PORT)" 10 ||
		fail "no sshd: $(cat /var/log/sshd.log)"
	local way
	for way in with without; do
		key_login_$way >/run/login 2>&1 </dev/null || fail "the login $way the modules: $(cat /run/login)"
	done
	wait_log "event=session-open .*account=\"$ACCOUNT\""
}

key_login() { # PORT USER [COMMAND]
	person_ssh alice -o HostKeyAlias=$HOST -o UpdateHostKeys=no -p "$1" "$2@127.0.0.1" "${3-true}"
}
key_login_with() { key_login $WITH_PORT "$ACCOUNT" "$@"; }
key_login_without() { key_login $WITHOUT_PORT alice "$@"; }

# What one login leaves to be done is not to fall on the next: waits until sshd's processes for it
# have gone, and the end of its session is written down.
sshd_children() { pgrep -c -f '^sshd: (lb-)?alice'; }
settled() {
	wait_for "[ \"\$(sshd_children)\" = $((4 * HELD)) ]" 10 || fail "sshd still has $(pgrep -a -f '^sshd: (lb-)?alice')"
	wait_for '[ "$(grep -c event=session-open $SYSLOG)" = "$(($(grep -c event=session-close $SYSLOG) + HELD))" ]' 10 ||
		fail "not every session has ended"
}

# timed CASE WHO COMMAND...
timed() {
	local begun ended
	settled
	begun=${EPOCHREALTIME/./}
	"${@:3}" >/run/login 2>&1 </dev/null || fail "${*:3}: $(cat /run/login)"
	ended=${EPOCHREALTIME/./}
	measured "$1" "$2" 0 ns $(((ended - begun) * 1000))
}

measure_without() { timed "$1" "key, without the modules" key_login_without; }
measure_with() { timed "$1" "key, with the modules" key_login_with; }
measure_installed() {
	wait_for "gate alice claim $GRANT --json >/run/claim" 5 || fail "claim: $(cat /run/claim)"
	PASSWORD=$(field password "$(cat /run/claim)")
	timed "$1" "as installed: key and password" temp_ssh alice "$PASSWORD" -p 22 "$ACCOUNT@$HOST" true
}
