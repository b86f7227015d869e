#!/bin/bash
# A front, and a courier, that an attacker has taken over send the real keeper what they may not (ATTACKS 5,
# 6, 47), one by one and at random: the keeper does none of it, reports that front, and goes on answering PAM.
. "$WORLD_REPO/tests/support/lib.sh"

mkdir -p /run/evil
chmod 755 /run/evil
step "the real keeper, and everything a front could send"
# What the keeper says goes elsewhere: a line for each link it ends.
run_ok sh -c 'exec "$@" 2>/run/evil/log' sh "$BUILD/tests/evil_front" /usr/sbin/lockboxd /run/evil/store /run/evil \
	/etc/lockbox/lockbox.conf /etc/lockbox/policy.d "$(id -u alice)" "${LB_SEED:-$(date +%s)}" "${LB_PACKETS:-20000}"
says "[0-9]+ checks"
passed
