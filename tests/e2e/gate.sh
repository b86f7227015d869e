#!/bin/bash
# world: bare
# The gate in the real stacks.  Every way in is first shown open, on the same host before Lockbox is
# there; then Lockbox is enabled and the same act is refused.
#   ATTACKS 1   a denial ends the stack: sshd, login, su, sudo, polkit
#   ATTACKS 3   key, certificate, password and keyboard-interactive all meet the gate
#   ATTACKS 29  an alias of uid 0, sudo -i, cron, su by root: decided by uid, services explicit
. "$WORLD_REPO/tests/support/lib.sh"

# --- a site as it was -------------------------------------------------------------------------
ssh-keygen -q -t ed25519 -N '' -f /root/keys/ca
ssh-keygen -q -t ed25519 -N '' -f /root/keys/visitor
ssh-keygen -q -s /root/keys/ca -I site-certificate -n alice,lockbox,lb-alice-1,root -V +1h /root/keys/visitor.pub
install -m 644 /root/keys/ca.pub /etc/ssh/site_ca.pub
cat >/etc/ssh/sshd_config.d/40-site.conf <<-'END'
	TrustedUserCAKeys /etc/ssh/site_ca.pub
	KbdInteractiveAuthentication yes
	PermitRootLogin yes
	MaxStartups 100
END
useradd -o -u 0 -g 0 -M -d /root -s /bin/bash toor
printf 'alice:old-pass-4711\ntoor:root-pass-4711\n' | chpasswd
echo 'ALL ALL=(ALL) NOPASSWD: /usr/bin/true' >>/etc/sudoers.d/alice

# typed METHOD PASSWORD USER: ssh by that method alone
typed() {
	temp_ssh alice "$2" -o PreferredAuthentications="$1" -o PubkeyAuthentication=no "$3@$HOST" 'id -u'
}
by_certificate() {
	ssh -o BatchMode=yes -o IdentitiesOnly=yes -i /root/keys/visitor -o CertificateFile=/root/keys/visitor-cert.pub \
		"$1@$HOST" 'id -u'
}
# console PASSWORD ARGUMENT...: login(1) at a terminal
cat >/root/console.exp <<-'END'
		set password [lindex $argv 0]
		set timeout 10
		spawn -noecho login {*}[lrange $argv 1 end]
		expect {
			"assword: " { send -- "$password\r"; exp_continue }
			-re {[$#] $} { send -- "id -u; exit\r"; expect eof; exit 0 }
			eof { exit 1 }
			timeout { exit 2 }
		}
END
console() { expect -f /root/console.exp "$@"; }

way_sshd_key() { person_ssh alice "alice@$HOST" 'id -u'; }
way_sshd_password() { typed password old-pass-4711 alice; }
way_sshd_keyboard() { typed keyboard-interactive old-pass-4711 alice; }
way_sshd_certificate() { by_certificate alice; }
way_sshd_sftp() { echo ls | person_ssh alice -s "alice@$HOST" sftp >/dev/null; }
way_sshd_alias() { typed password root-pass-4711 toor; }
way_login() { console old-pass-4711 alice; }
way_login_alias() { console root-pass-4711 toor; }
way_su() { printf 'old-pass-4711\n' | as mallory su alice -c 'id -u'; }
way_su_l() { printf 'old-pass-4711\n' | as mallory su -l alice -c 'id -u'; }
way_su_alias() { printf 'root-pass-4711\n' | as mallory su toor -c 'id -u'; }
way_sudo() { as alice sudo /usr/bin/id -u; }
way_sudo_i() { as alice sudo -i id -u; }
way_sudo_other() { as mallory sudo /usr/bin/true; }
way_polkit() { pamtester polkit-1 alice acct_mgmt; }
# Root's own work, which stays open.
open_su() { su alice -c 'id -u'; }
open_su_l() { su -l alice -c 'id -u'; }
open_runuser() { runuser -u alice -- id -u; }
open_sudo_of_root() { sudo -u alice id -u; }
open_chpasswd() { echo 'mallory:new-pass-4711' | chpasswd; }

ways=$(compgen -A function way_)
opens=$(compgen -A function open_)

step "Before Lockbox: every way in is open"
start_sshd
for way in $ways $opens; do
	quietly "$way"
	[ "$STATUS" -eq 0 ] || fail "$way does not work even before: $OUT"
	pass "$way works"
done

step "Lockbox is enabled: every person is refused, on every way"
install_lockbox || fail "install"
put_policy
quietly /usr/share/lockbox/setup enable --no-way-in
[ "$STATUS" -eq 0 ] || fail "setup: $OUT"
stop_sshd
start_sshd
start_daemon
for way in $ways; do
	mark_log
	quietly "$way"
	[ "$STATUS" -ne 0 ] || fail "$way goes through: $OUT"
	service=${way#way_}
	case $service in
	sshd_*) service=sshd ;;
	login_*) service=login ;;
	su_l) service=su-l ;;
	su_*) service=su ;;
	sudo_i) service=sudo-i ;;
	sudo_*) service=sudo ;;
	polkit) service=polkit-1 ;;
	esac
	wait_log "pam_lockbox\\($service:account\\): refused: user="
	case $service in
	polkit-1) ;;
	*) [ "$way" = way_sshd_sftp ] || { says 'nobody has standing access' && says '  ssh lockbox@lockbox-demo request'; } ;;
	esac
	pass "$way is refused by the gate"
done
for way in $opens; do
	quietly "$way"
	[ "$STATUS" -eq 0 ] || fail "$way does not work any more: $OUT"
	pass "$way works as before"
done

step "Nobody reaches root by name either"
for user in root toor; do
	for method in password keyboard-interactive; do
		quietly typed $method root-pass-4711 $user
		[ "$STATUS" -ne 0 ] || fail "$user gets in by $method"
	done
done
quietly by_certificate root
[ "$STATUS" -ne 0 ] || fail "root gets in by a certificate"
pass "root and its alias are refused like everybody"

step "With a grant: the temporary account's own way works"
granted alice full-admin 10m bob
[ "$ACCOUNT" = lb-alice-1 ] || fail "the certificate was made for lb-alice-1, not $ACCOUNT"
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" 'id -un'
says "$ACCOUNT"
run_ok pamtester polkit-1 "$ACCOUNT" acct_mgmt

step "and no other: certificates, keys in its home, its key alone, a password alone"
mark_log
quietly by_certificate alice
[ "$STATUS" -ne 0 ] || fail "alice gets in by a certificate"
wait_log 'Accepted certificate ID "site-certificate"'
note "sshd trusts the site's authority for alice, whom the gate refuses; for these it does not even listen:"
for user in lockbox "$ACCOUNT"; do
	mark_log
	run_refused by_certificate "$user"
	says 'Permission denied \(publickey'
	! grep -q 'Accepted certificate' < <(log_since_mark) || fail "the certificate was accepted for $user"
done
install -d -m 700 -o "$ACCOUNT" -g "$ACCOUNT" "/home/$ACCOUNT/.ssh"
install -m 600 -o "$ACCOUNT" -g "$ACCOUNT" /root/keys/mallory.pub "/home/$ACCOUNT/.ssh/authorized_keys"
run_refused person_ssh mallory "$ACCOUNT@$HOST" id
says 'Permission denied \(publickey\)'
run_refused person_ssh alice "$ACCOUNT@$HOST" id
says 'Permission denied \(keyboard-interactive\)'
run_ok gate alice claim --json
PASSWORD=$(field password)
for method in password keyboard-interactive; do
	quietly typed $method "$PASSWORD" "$ACCOUNT"
	[ "$STATUS" -ne 0 ] || fail "in by $method without the key"
	says 'Permission denied \(publickey\)'
done
note "none of this has spent the password"
run_ok temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true

step "A temporary account is for sshd: su, login, cron and the rest refuse it even to root"
for act in "su $ACCOUNT -c true" "su -l $ACCOUNT -c true" \
	"pamtester cron $ACCOUNT acct_mgmt" "pamtester atd $ACCOUNT acct_mgmt" \
	"pamtester systemd-user $ACCOUNT acct_mgmt" "pamtester login $ACCOUNT acct_mgmt" \
	"pamtester other $ACCOUNT acct_mgmt" "console x -f $ACCOUNT"; do
	alike=${act//$ACCOUNT/alice}
	case $act in
	su* | *cron* | *atd* | *systemd-user*)
		quietly $alike
		[ "$STATUS" -eq 0 ] || fail "$alike: $OUT"
		;;
	esac
	mark_log
	quietly $act
	[ "$STATUS" -ne 0 ] || fail "goes through: $act"
	wait_log 'pam_lockbox\([a-z-]*:account\): refused'
	pass "refused: $act"
done
note "the real cron: a job of alice's runs, the temporary account's does not"
for user in alice "$ACCOUNT"; do
	echo "@reboot id -un >/tmp/cron.$user" >"/var/spool/cron/crontabs/$user"
	chown "$user:crontab" "/var/spool/cron/crontabs/$user"
	chmod 600 "/var/spool/cron/crontabs/$user"
done
mark_log
rm -f /run/crond.reboot
cron -f &
cron=$!
wait_for '[ -s /tmp/cron.alice ]' 10 || fail "cron does not run alice's job"
wait_log "CRON.*pam_lockbox\\(cron:account\\): refused: user=$ACCOUNT" 10
[ ! -e "/tmp/cron.$ACCOUNT" ] || fail "cron ran the temporary account's job"
pass "alice's job ran, $ACCOUNT's was refused"
kill $cron

step "The gate user opens nothing but the gate"
run_refused person_ssh alice "lockbox@$HOST" bash -i
run_refused person_ssh alice -s "lockbox@$HOST" sftp
mark_log
person_ssh alice -N -o ExitOnForwardFailure=yes -R 9999:localhost:22 "lockbox@$HOST" >/run/forward 2>&1 &
forward=$!
wait_for "dead $forward" 10 || fail "a forwarding of the gate user's stands"
grep -q 'remote port forwarding failed' /run/forward || fail "not refused as it should be: $(cat /run/forward)"
pass "no shell, no sftp, no forwarding"
run_refused pamtester login lockbox acct_mgmt
run_refused as lockbox sudo /usr/bin/true
says 'nobody has standing access'
for method in password keyboard-interactive; do
	quietly typed $method x lockbox
	says 'Permission denied \(publickey\)'
done

step "Lockbox is not taken out while a grant is alive, unless one insists"
ID=$GRANT
run_refused /usr/share/lockbox/setup disable
says "^  $ID +active +alice"
says 'lockbox revoke ID'
run_ok /usr/share/lockbox/setup status
run_ok gate alice status "$ID"

step "The grant ends: the same account is refused everywhere"
run_ok gate alice end
run_refused temp_ssh alice "$PASSWORD" "$ACCOUNT@$HOST" true
run_refused pamtester polkit-1 "$ACCOUNT" acct_mgmt
run_ok /usr/share/lockbox/setup disable
says_not 'cannot be told'
run_ok /usr/share/lockbox/setup enable --no-way-in
granted alice full-admin 10m bob
run_refused /usr/share/lockbox/setup disable
run_ok /usr/share/lockbox/setup disable --force
run_ok person_ssh alice "alice@$HOST" true
stop_daemon || fail "the daemon did not end in order"
passed
