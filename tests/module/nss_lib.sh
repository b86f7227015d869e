# shellcheck shell=bash disable=SC2034 # variables for the scripts
# library
# Words for the module tests of nss_lockbox.  They run as root in tests/support/world (bare), or
# started by hand, in a mount namespace with a /run of their own.
#
#   generate [OPTION...] COUNT   publishes COUNT accounts (nss_gen)
#   check TEXT CMD...            runs CMD; its failure is the script's
#   verdict                      ends the script
set -uo pipefail
[ "$(id -u)" -eq 0 ] || {
	echo "needs root" >&2
	exit 77
}
if [ "${WORLD-}" != 1 ]; then
	[ "${NSS_ALONE-}" = 1 ] || NSS_ALONE=1 exec unshare --mount -- bash "$0" "$@"
	mount -t tmpfs -o mode=755 none /run || exit 1
fi
repo=${WORLD_REPO-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)}
BUILD=${BUILD:-$repo/build}
MODULE=$BUILD/libnss_lockbox.so.2
RUN=/run/lockbox
NAME=lb-user1-1
NAME_UID=1900010001
failed=0
mkdir -p $RUN
chmod 755 $RUN

generate() { "$BUILD/tests/nss_gen" "$@" $RUN; }

check() {
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "ok: $what${out:+ ($(tail -n 1 <<<"$out"))}"
	else
		failed=1
		printf 'FAILED: %s\n%s\n' "$what" "$out"
	fi
}

verdict() { exit $failed; }
