#!/bin/bash
# world: bare
# Real programs with pam_lockbox in their stacks: sshd, su and sudo heed each denial.
# shellcheck disable=SC2119 # arguments are optional
. "$WORLD_REPO/tests/module/pam_lib.sh"
people
cat >>/etc/shadow <<END
$TEMP:*:19000:0:99999:7:::
lockbox:*:19000:0:99999:7:::
END
install -d -m 755 -o $TEMP_UID -g $TEMP_UID /home/$TEMP /home/$TEMP/.ssh
cp /root/keys/alice.pub /home/$TEMP/.ssh/authorized_keys
gate_conf <<END
gate lockbox
root-caller su
root-caller sudo
exempt sshd mallory
END

# The lines as they are installed, at the head of each service's stack.
for service in sshd su sudo; do
	args="$MODULE conf=$CONF socket=$SOCKET"
	{
		echo "auth    [success=done ignore=ignore default=die] $args"
		echo "account [success=ok ignore=ignore default=die]   $args"
		cat /etc/pam.d/$service
		echo "session [success=ok ignore=ignore default=die]   $args"
	} >/etc/pam.d/$service.new
	mv /etc/pam.d/$service.new /etc/pam.d/$service
done
cat >/etc/ssh/sshd_config.d/lockbox.conf <<END
UsePAM yes
KbdInteractiveAuthentication yes
Match User lb-*
	AuthenticationMethods publickey,keyboard-interactive:pam
END
start_sshd
log_in() { quietly temp_ssh alice "$1" -o ConnectTimeout=10 "$TEMP@$HOST" "${2:-id -un}"; }

step "sshd"
peer password "Lockbox: no, and this is how to ask"
log_in right
[ "$STATUS" -eq 0 ] || fail "the login should work: $OUT"
says "^$TEMP$"
asked "^pam-auth user=$TEMP uid=$TEMP_UID service=sshd"
asked "^pam-account user=$TEMP uid=$TEMP_UID service=sshd"
asked "^pam-open user=$TEMP uid=$TEMP_UID service=sshd"
log_in right "cat /proc/self/loginuid"
says "$TEMP_UID"
log_in wrong
[ "$STATUS" -ne 0 ] || fail "a wrong password let somebody in"
pass "a temporary account needs the key and the password"

for key in alice mallory; do
	quietly person_ssh $key "$key@$HOST" true
	[ "$STATUS" -eq 0 ] || fail "$key should get in while the daemon says yes: $OUT"
done
peer deny "Lockbox: no, and this is how to ask"
log_in right
[ "$STATUS" -ne 0 ] || fail "a denied account got in"
quietly person_ssh alice "alice@$HOST" true
[ "$STATUS" -ne 0 ] || fail "a person without a grant got in by key"
says "Lockbox: no, and this is how to ask"
pass "a person without a grant is refused with a good key, and told how to ask"
mark_log
quietly person_ssh mallory "mallory@$HOST" true
[ "$STATUS" -eq 0 ] || fail "the exemption should hold: $OUT"
logged 'pam_lockbox\(sshd:account\): ALARM: .*user=mallory'
asked "^pam-exempt user=mallory"
pass "an exempt one gets in with an alarm"

kill -STOP "$PEER"
begun=$(now_cs)
quietly person_ssh alice "alice@$HOST" true
took=$(($(now_cs) - begun))
[ "$STATUS" -ne 0 ] || fail "the daemon is stopped and a person got in"
[ $took -lt 350 ] || fail "the refusal took $took/100 s"
pass "a stopped daemon is a denial in time"
kill -CONT "$PEER"

step "sudo and su"
peer allow
quietly as alice sudo -n id -u
[ "$STATUS" -eq 0 ] || fail "sudo should work while the daemon says yes: $OUT"
asked "^pam-account user=alice uid=10001 service=sudo"
peer deny "Lockbox: no, and this is how to ask"
quietly as alice sudo -n id -u
[ "$STATUS" -ne 0 ] || fail "an old sudoer got through"
pass "an old sudoer is refused"
forget
quietly su alice -c 'id -un'
[ "$STATUS" -eq 0 ] || fail "root's su should work: $OUT"
quietly sudo id -u
[ "$STATUS" -eq 0 ] || fail "root's sudo should work: $OUT"
asked_nothing
quietly su $TEMP -c 'id -un'
[ "$STATUS" -ne 0 ] || fail "su to a temporary account went through"
pass "root as the caller needs no grant, except into a temporary account"
cp /etc/pam.d/su $T/su
sed -i '0,/pam_rootok/s//pam_permit/' /etc/pam.d/su
peer allow
quietly as alice su mallory -c 'id -un'
[ "$STATUS" -eq 0 ] || fail "su should work while the daemon says yes: $OUT"
peer deny "Lockbox: no"
quietly as alice su mallory -c 'id -un'
[ "$STATUS" -ne 0 ] || fail "su between people went through"
says "Lockbox: no"
asked "^pam-account user=mallory uid=10002 service=su"
pass "su by anybody else is gated"

passed
