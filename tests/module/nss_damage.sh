#!/bin/bash
# world: bare
# Files that are not to be believed, with the real module: damaged, cut, not root's, no files at all.
. "$(dirname "${BASH_SOURCE[0]}")/nss_lib.sh"
look() { "$BUILD/tests/nss_lookup" "$MODULE" warm $NAME $NAME_UID 1; }
refused() { ! look; }

generate 3
check "each byte changed: no wrong answer; each length cut: nothing resolves" \
	"$BUILD/tests/nss_lookup" "$MODULE" damage $NAME $NAME_UID $RUN/accounts
generate 3
check "a good file resolves" look
chmod 664 $RUN/accounts
check "a file its group may write is refused" refused
chmod 646 $RUN/accounts
check "a file others may write is refused" refused
generate 3
chown 1000 $RUN/accounts
check "a file of another user is refused" refused
generate 3
mv $RUN/accounts $RUN/elsewhere
ln -s elsewhere $RUN/accounts
check "a symbolic link is refused" refused
rm $RUN/accounts
mkfifo $RUN/accounts
check "a FIFO is refused and nobody waits on it" timeout 5 bash -c '! "$0" "$@"' \
	"$BUILD/tests/nss_lookup" "$MODULE" warm $NAME $NAME_UID 1
rm $RUN/accounts
truncate -s 300M $RUN/accounts
check "a file too big is refused" refused
rm $RUN/accounts
mv $RUN/elsewhere $RUN/accounts
check "the good file again" look
verdict
