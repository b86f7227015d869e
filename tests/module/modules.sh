#!/bin/bash
# no-world
# The two modules load into other people's processes: what they need and what they show is fixed.
set -u
build=${BUILD:-build}
bad=0

# needs FILE LIBRARY...: exactly these are needed.
needs() {
	local file=$1 have want
	shift
	have=$(readelf -d "$build/$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort)
	# With pointer checks the loader itself is named by some linkers.
	have=$(printf '%s\n' "$have" | grep -v '^ld-linux')
	want=$(printf '%s\n' "$@" | sort)
	if [ "$have" = "$want" ]; then
		echo "ok: $file needs only $*"
	else
		bad=1
		printf 'FAILED: %s needs\n%s\ninstead of\n%s\n' "$file" "$have" "$want"
	fi
}

# shows FILE SYMBOL...: exactly these are exported.
shows() {
	local file=$1 have want
	shift
	have=$(nm -D --defined-only "$build/$file" | awk '{ print $NF }' | sed 's/@.*//' | grep -v '^LOCKBOX' | sort -u)
	want=$(printf '%s\n' "$@" | sort -u)
	if [ "$have" = "$want" ]; then
		echo "ok: $file shows $# symbols"
	else
		bad=1
		printf 'FAILED: %s (- is missing, + is too much)\n' "$file"
		diff -u <(printf '%s\n' "$want") <(printf '%s\n' "$have") | tail -n +3
	fi
}

# stays FILE: never unloaded, no writable code, no search path, no stack that runs.
hardened() {
	local file=$1
	readelf -d "$build/$file" | grep -q 'NODELETE' || { bad=1; echo "FAILED: $file can be unloaded"; }
	readelf -d "$build/$file" | grep -qE 'BIND_NOW|FLAGS_1.*NOW' || { bad=1; echo "FAILED: $file is bound lazily"; }
	! readelf -d "$build/$file" | grep -qE 'TEXTREL|RPATH|RUNPATH' || { bad=1; echo "FAILED: $file has a search path or writable code"; }
	readelf -lW "$build/$file" | grep -E 'GNU_STACK' | grep -q ' RW ' || { bad=1; echo "FAILED: $file has a stack that runs"; }
}

needs libnss_lockbox.so.2 libc.so.6
shows libnss_lockbox.so.2 \
	_nss_lockbox_getpwnam_r _nss_lockbox_getpwuid_r _nss_lockbox_setpwent _nss_lockbox_getpwent_r _nss_lockbox_endpwent \
	_nss_lockbox_getgrnam_r _nss_lockbox_getgrgid_r _nss_lockbox_setgrent _nss_lockbox_getgrent_r _nss_lockbox_endgrent \
	_nss_lockbox_getspnam_r _nss_lockbox_setspent _nss_lockbox_getspent_r _nss_lockbox_endspent \
	_nss_lockbox_initgroups_dyn
hardened libnss_lockbox.so.2

needs pam_lockbox.so libc.so.6 libpam.so.0
shows pam_lockbox.so \
	pam_sm_authenticate pam_sm_setcred pam_sm_acct_mgmt pam_sm_open_session pam_sm_close_session pam_sm_chauthtok
hardened pam_lockbox.so

exit $bad
