#!/bin/bash
# ATTACKS 34, for the gate: a site whose sshd accepts any variable opens no way to have the gate's
# shell or loader run something before the gate does.
set -euo pipefail
. "$WORLD_REPO/tests/support/lib.sh"

step "A site that accepts everything"
printf 'AcceptEnv *\n' >/etc/ssh/sshd_config.d/00-site.conf
start_sshd
start_daemon
run_ok sshd -T -C user=somebody,host=x,addr=127.0.0.1
says 'acceptenv \*'
pass "others' settings are the site's"

step "The gate's loader is told nothing"
run_ok person_ssh alice -o SetEnv=LD_PRELOAD=/nonexistent/evil.so "lockbox@$HOST" roles
says 'db-operator'
says_not 'evil.so'
pass "LD_PRELOAD did not get in"

step "Without our line it would have"
sed -i '/AcceptEnv LANG/d' /etc/ssh/sshd_config.d/10-lockbox.conf
stop_sshd
start_sshd
run_ok person_ssh alice -o SetEnv=LD_PRELOAD=/nonexistent/evil.so "lockbox@$HOST" roles
says 'evil.so'
pass "the defence is what kept it out"
passed
