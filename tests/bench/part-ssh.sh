#!/bin/bash
# no-world
# A whole key login, `ssh HOST true`, with the modules and without: two sshds with the same settings,
# one of them in a mount namespace where neither nsswitch.conf nor the PAM stack knows Lockbox.  With
# them it is a temporary account, which is resolved, decided on and registered; without them a user
# of /etc/passwd.  The key lies in the same file for both.  A third row goes by the installed sshd
# settings, with AuthorizedKeysCommand and one-time password, claimed before it is measured.
. "$BENCH_DIR/table.sh"

world_on_disk world-ssh.sh
