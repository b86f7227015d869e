#!/bin/bash
. "$WORLD_REPO/tests/support/lib.sh"
strace -f -o /run/tr /usr/sbin/lockboxd -d >/run/o 2>&1 &
sleep 1; lockbox roles; sleep 0.2
grep -B3 -m1 SIGSYS /run/tr; 
