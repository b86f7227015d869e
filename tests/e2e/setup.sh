#!/bin/bash
# world: bare
# Connecting Lockbox to the system and disconnecting it: every file is as before afterwards, and a
# site whose own settings stand against it is told so and left alone.
. "$WORLD_REPO/tests/support/lib.sh"
# A package's own service, which pam.conf says needs no gate; here whether the package is or not.
[ -f /etc/pam.d/sssd-shadowutils ] || echo 'account required pam_permit.so' >/etc/pam.d/sssd-shadowutils

setup=/usr/share/lockbox/setup

# Every file under /etc and of pam-auth-update, but for the lists of users: system users stay.
snapshot() {
	find /etc /var/lib/pam -xdev \( -name 'passwd*' -o -name 'group*' -o -name 'shadow*' -o -name 'gshadow*' \
		-o -name 'subuid*' -o -name 'subgid*' -o -name .pwd.lock -o -name ld.so.cache \) -path '/etc/*' -prune \
		-o -printf '%p %y %m %u %g %l\n' | sort
	find /etc /var/lib/pam -xdev -maxdepth 3 -type f ! -path /etc/ld.so.cache ! -path '/etc/passwd*' ! -path '/etc/group*' \
		! -path '/etc/shadow*' ! -path '/etc/gshadow*' ! -path '/etc/sub?id*' -exec sha256sum {} + | sort -k2
}
same() { diff -u /run/before <(snapshot) || fail "$1"; pass "$2"; }

# What is said in lines of at most 80 columns may be cut anywhere.
tells() {
	[ "$(wc -L <<<"$OUT")" -le 80 ] || fail "wide lines: $OUT"
	OUT=$(tr -s ' \n' ' ' <<<"$OUT")
	says "$1"
}

export DEBIAN_FRONTEND=noninteractive

step "Installed, and nothing of the system's settings is touched by that"
run_ok install_lockbox
run_refused grep -rlE 'pam_lockbox|lockbox-keys|files lockbox' /etc/pam.d /etc/nsswitch.conf /etc/ssh
# So that pam_unix is the first to be asked for a new password, as on a plain system.
quietly pam-auth-update --disable pwquality
snapshot >/run/before

step "Without a way in, or with a policy or a pam.conf that cannot be taken, nothing is enabled"
run_refused $setup enable
tells 'nobody gets in while lockboxd cannot run.*exempt login root.*enable --no-way-in'
# last_line LINE WHY: the line as the last one of pam.conf.
last_line() {
	cp -a /etc/lockbox/pam.conf /run/pam.conf
	printf '%s\n' "$1" >>/etc/lockbox/pam.conf
	run_refused $setup enable "${@:3}"
	cp -a /run/pam.conf /etc/lockbox/pam.conf
	tells "$2"
}
count=$(($(wc -l </etc/lockbox/pam.conf) + 1))
last_line 'exempt login root' "warning pam.conf line $count: user root has no password.*bad way in none works"
echo 'root:Console-and-long-4711' | chpasswd
last_line 'exempt lgoin root' "line $count: there is no PAM service lgoin"
last_line 'exempt login rooott' "line $count: user rooott does not exist"
last_line 'exempt sshd root' "line $count: user root has no key"
last_line 'exempt login nobody' "line $count: user nobody has no shell"
last_line 'exempt sudo alice' 'nobody is exempt'
last_line 'exemtp login root' "bad pam.conf /etc/lockbox/pam.conf: line $count: unknown directive.*refuse everybody" --no-way-in
printf 'exempt\tlogin\troot # the console\n' >>/etc/lockbox/pam.conf
last_line 'exemtp login root' "line $((count + 1)): unknown directive"
run_ok lockbox check
chmod 664 /etc/lockbox/pam.conf
run_refused $setup enable
tells "not root's alone to write"
run_status 1 lockbox check
says "pam.conf: .*not root's alone to write"
says 'every login would be refused'
chmod 644 /etc/lockbox/pam.conf
echo 'role broken {' >/etc/lockbox/policy.d/x.conf
run_refused $setup enable
tells 'x.conf.*lockboxd does not take this policy'
rm /etc/lockbox/policy.d/x.conf
diff -u /run/before <(snapshot) | grep -E '^[+-]/' | grep -v '/etc/lockbox' | grep . && fail "a refusal changed something"
snapshot >/run/before

step "Enabled: the gate holds in every stack"
run_ok $setup enable
tells 'enabled\. From now on nobody logs in here'
run_ok $setup status
says_not OPEN
says 'sssd-shadowutils +no gate, and needs none'
[ "$(wc -L <<<"$OUT")" -le 80 ] || fail "wide lines"
for service in sshd login su sudo other; do
	says "$service +the gate holds"
done
snapshot >/run/enabled
step "Enabled again: nothing changes"
run_ok $setup enable
diff -u /run/enabled <(snapshot) || fail "a second enable changed something"

step "An ordinary password change works as before, root's and the user's own"
quietly bash -c "echo 'alice:Old-and-long-4711' | chpasswd"
[ "$STATUS" -eq 0 ] || fail "chpasswd: $OUT"
quietly as alice sh -c "printf '%s\n' Old-and-long-4711 New-and-longer-0815 New-and-longer-0815 | passwd"
[ "$STATUS" -eq 0 ] || fail "passwd: $OUT"
pass "both changed"

step "sshd: what holds for others is what held before"
mv /etc/ssh/sshd_config.d/10-lockbox.conf /run/
for user in root alice nobody lbx lockbox2; do
	/usr/sbin/sshd -T -C "user=$user,host=x,addr=127.0.0.1"
done >/run/sshd.before
mv /run/10-lockbox.conf /etc/ssh/sshd_config.d/
for user in root alice nobody lbx lockbox2; do
	/usr/sbin/sshd -T -C "user=$user,host=x,addr=127.0.0.1"
done >/run/sshd.after
cmp /run/sshd.before /run/sshd.after || fail "settings of others changed"
pass "the same for five others"

step "Disabled: every file is as it was"
run_ok $setup disable
tells 'disabled\. The daemon'
same "disable left a difference" "no difference"
run_refused $setup status

step "Names: the word goes where it changes nothing for others, and away again"
cp -a /etc/nsswitch.conf /run/nsswitch.kept
try_nsswitch() {
	printf '%b' "$1" >/etc/nsswitch.conf
	cp /etc/nsswitch.conf /run/nsswitch.before
	quietly $setup enable
	[ "$STATUS" -eq 0 ] || fail "enable: $OUT"
	grep -qxF "$(printf '%b' "$2")" /etc/nsswitch.conf || fail "no line $2 in: $(cat /etc/nsswitch.conf)"
	quietly $setup disable
	cmp /run/nsswitch.before /etc/nsswitch.conf || fail "not as before: $1"
	pass "$2"
}
rest='group: files\nshadow: files\n'
try_nsswitch "passwd: files\n$rest" 'passwd: files lockbox'
try_nsswitch "passwd:files\tsss # why\n$rest" 'passwd:files lockbox\tsss # why'
try_nsswitch "passwd:\tcompat systemd\n$rest\n\n\n" 'passwd:\tcompat lockbox systemd'
try_nsswitch "passwd: files [NOTFOUND=return] sss\n$rest" 'passwd: lockbox files [NOTFOUND=return] sss'
try_nsswitch "group:\tfiles [SUCCESS=merge] sss\npasswd: files\nshadow: files" 'group:\tlockbox files [SUCCESS=merge] sss'
try_nsswitch "#passwd: files\npasswd: sss files\n${rest}initgroups: files sss" 'initgroups: files lockbox sss'
printf 'passwd: files\ngroup: files\nshadow: sss\n' >/etc/nsswitch.conf
cp /etc/nsswitch.conf /run/nsswitch.before
run_refused $setup enable
tells 'no .files. in: shadow: sss'
cmp /run/nsswitch.before /etc/nsswitch.conf || fail "a refused file was changed"
cp -a /run/nsswitch.kept /etc/nsswitch.conf
same "a refusal left a difference" "refused and undone"

step "PAM: a stack edited by hand is refused in plain words, and left alone"
cp -a /etc/pam.d/common-auth /run/common-auth
sed -i '/pam_unix.so/i auth sufficient pam_permit.so' /etc/pam.d/common-auth
snapshot >/run/edited
run_refused $setup enable
tells 'edited by hand'
diff -u /run/edited <(snapshot) || fail "a refusal left a difference"
cp -a /run/common-auth /etc/pam.d/common-auth

step "sshd: a site file that wins is named with its line"
printf 'Match User lb-*,lockbox\n\tPasswordAuthentication yes\n\tAuthorizedKeysFile .ssh/authorized_keys\n' \
	>/etc/ssh/sshd_config.d/00-site.conf
run_refused $setup enable
says '00-site.conf:2:.*PasswordAuthentication yes'
says '00-site.conf:3:.*AuthorizedKeysFile'
rm /etc/ssh/sshd_config.d/00-site.conf
same "a refusal left a difference" "refused and undone"
cp -a /etc/ssh/sshd_config /run/sshd_config
sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config
run_refused $setup enable
tells 'usepam is "no"'
cp -a /run/sshd_config /etc/ssh/sshd_config
sed -i '/^Include/d' /etc/ssh/sshd_config
run_refused $setup enable
tells 'must include it'
cp -a /run/sshd_config /etc/ssh/sshd_config
same "a refusal left a difference" "refused and undone"
note "settings of the site for everybody do not reach the gate"
{
	echo 'TrustedUserCAKeys /root/keys/alice.pub'
	echo 'ForceCommand /bin/false'
	echo 'AuthorizedKeysFile /etc/ssh/keys/%u'
	echo 'GSSAPIAuthentication yes'
	echo 'HostbasedAuthentication yes'
} >/etc/ssh/sshd_config.d/00-site.conf
run_ok $setup enable
quietly /usr/sbin/sshd -T -C user=lockbox,host=x,addr=127.0.0.1
says '^trustedusercakeys none$'
says '^authorizedkeysfile none$'
says '^forcecommand none$'
quietly /usr/sbin/sshd -T -C user=alice,host=x,addr=127.0.0.1
says '^forcecommand /bin/false$'

step "status finds what would let people round the gate"
tamper() {
	local file=$1 edit=$2 why=$3 due=${4-1}
	cp -a "$file" /run/tampered
	sed -i "$edit" "$file"
	quietly $setup status
	cp -a /run/tampered "$file"
	[ "$STATUS" -eq "$due" ] || fail "not seen: $edit in $file: $OUT"
	OUT=$(tr -s "\n " " " <<<"$OUT")
	says "$why"
	pass "$why"
}
tamper /etc/pam.d/sshd '/common-account/i account sufficient pam_permit.so' 'sshd +OPEN: pam_permit.so ahead of it ends the stack'
tamper /etc/pam.d/sshd '/common-account/i account [success=1 default=ignore] pam_permit.so' 'sshd +OPEN: pam_permit.so ahead of it jumps over it'
tamper /etc/pam.d/sshd '/common-account/d' 'sshd +OPEN: pam_lockbox.so is not in it'
tamper /etc/pam.d/sudo 's/@include common-account/account required pam_unix.so/' 'sudo +OPEN: pam_lockbox.so is not in it'
tamper /etc/pam.d/common-account 's/\(ignore=ignore\) default=die\(.*lockbox\)/\1 default=ignore\2/' 'OPEN: a denial does not end the stack'
tamper /etc/pam.d/common-account 's/\(ignore=ignore\) default=die\(.*lockbox\)/\1 perm_denied=ignore default=die\2/' 'OPEN: a denial does not end the stack'
tamper /etc/pam.d/common-account '/pam_lockbox/d' 'OPEN'
tamper /etc/pam.d/common-auth 's/success=[0-9]*\(.*lockbox\)/success=1\1/' 'does not land on pam_permit.so'
tamper /etc/nsswitch.conf 's/^shadow:.*/shadow: files/' 'does not name lockbox'
tamper /etc/ssh/sshd_config.d/10-lockbox.conf 's/PermitUserRC no/PermitUserRC yes/' 'not in effect'
tamper /etc/sudoers 's/^@includedir.*//' 'does not say @includedir'
tamper /etc/lockbox/pam.conf '$a exemtp login bob' "bad pam.conf .*: line $((count + 1)): unknown directive"
tamper /etc/lockbox/pam.conf '1i exempt lgoin root' 'warning pam.conf line 1: there is no PAM service lgoin'
tamper /etc/pam.d/chsh 's/@include common-account/account required pam_unix.so/' 'chsh +no gate, and needs none' 0
# Any service, of either directory, by its name and that of the file over it.
tamper /etc/pam.d/chpasswd '$a account required pam_permit.so' 'chpasswd +no gate, and needs none' 0
mkdir -p /usr/lib/pam.d
printf 'account required pam_permit.so\n' >/usr/lib/pam.d/vsftpd
quietly $setup status
[ "$STATUS" -eq 1 ] || fail "a service without the gate is not seen: $OUT"
says 'vsftpd +OPEN: pam_lockbox.so is not in it'
says 'Put .@include common-account. into each'
tamper /etc/lockbox/pam.conf '$a system vsftpd' 'vsftpd +no gate, and needs none' 0
tamper /etc/lockbox/pam.conf '$a exempt vsftpd alice' 'vsftpd +OPEN'
for way in '@include common-account' 'account include common-account' 'account substack common-account' \
	'account required \\\npam_unix.so\naccount include su'; do
	printf '%b\n' "$way" >/etc/pam.d/vsftpd
	run_ok $setup status
done
echo 'auth required pam_permit.so' >/etc/pam.d/vsftpd # its account stack is that of `other'
run_ok $setup status
cp /usr/lib/pam.d/vsftpd /etc/pam.d/vsftpd.dpkg-old
run_ok $setup status
rm /etc/pam.d/vsftpd* /usr/lib/pam.d/vsftpd
tamper /etc/sudoers.d/alice '1i Defaults !pam_acct_mgmt' 'sudo does not ask the gate, by'

step "What others change while it is enabled survives disabling it"
rm /etc/ssh/sshd_config.d/00-site.conf
run_ok $setup disable
printf 'Name: A test\nDefault: no\nPriority: 0\nSession-Type: Additional\nSession:\n\toptional pam_echo.so\n' >/usr/share/pam-configs/lb-test
run_ok pam-auth-update --package --enable lb-test
grep -q pam_echo /etc/pam.d/common-session || fail "the profile is not in"
cat /etc/pam.d/common-* >/run/others
run_ok pam-auth-update --package --remove lb-test
run_ok $setup enable
run_ok pam-auth-update --package --enable lb-test
grep -q pam_echo /etc/pam.d/common-session || fail "the profile is not in"
run_ok $setup status
run_ok $setup enable
run_ok $setup disable
cat /etc/pam.d/common-* | cmp - /run/others || fail "the other change did not survive"
run_ok pam-auth-update --package --remove lb-test
rm /usr/share/pam-configs/lb-test

step "Uninstalled while enabled: first the settings, then the files"
run_ok $setup enable
run_ok install_lockbox --remove
run_refused grep -rlE 'pam_lockbox|lockbox-keys' /etc/pam.d /etc/ssh /etc/nsswitch.conf
for file in /usr/sbin/lockboxd /usr/bin/lockbox /usr/libexec/lockbox /usr/share/lockbox /usr/share/pam-configs/lockbox \
	/usr/share/bash-completion/completions/lockbox /usr/lib/sysusers.d/lockbox.conf /usr/lib/tmpfiles.d/lockbox.conf /usr/lib/systemd/system/lockboxd.service; do
	[ ! -e $file ] || fail "$file was left"
done
[ -z "$(find /usr/lib /lib -name '*lockbox*.so*' 2>/dev/null)" ] || fail "a module was left"
[ -f /etc/lockbox/pam.conf ] || fail "the site's own settings are gone"
pass "gone, but for the settings of the site"
passed
