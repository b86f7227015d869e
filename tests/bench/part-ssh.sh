#!/bin/bash
# no-world
# A whole login, `ssh HOST true`, with the modules and without, as login.sh says, on a host without
# systemd: there pam_lockbox also moves the login into a control group, where there is cgroup2.  What
# that move takes stands in a row of its own.
. "$BENCH_DIR/table.sh"

world_on_disk world-ssh.sh
