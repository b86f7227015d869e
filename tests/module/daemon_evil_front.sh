#!/bin/bash
# A front that an attacker has taken over sends the real keeper what it may not (ATTACKS 5, 6, 47): the
# keeper does none of it, reports that front, and goes on answering PAM.
. "$WORLD_REPO/tests/support/lib.sh"

mkdir -p /run/evil
chmod 755 /run/evil
step "the real keeper, and everything a front could send"
run_ok "$BUILD/tests/evil_front" /usr/sbin/lockboxd /run/evil/store /run/evil /etc/lockbox/lockbox.conf \
	/etc/lockbox/policy.d "$(id -u alice)"
says "[0-9]+ checks"
passed
