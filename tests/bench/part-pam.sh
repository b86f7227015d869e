#!/bin/bash
# no-world
# What the PAM module and the daemon's answer cost, beside pam_permit, pam_unix, pam_access and a
# bare round trip over a Unix socket, in turn in one process.  The host's nsswitch.conf has `lockbox`
# for all of them, and the account is a temporary one for all of them.
. "$BENCH_DIR/table.sh"

world_on_disk world-pam.sh
