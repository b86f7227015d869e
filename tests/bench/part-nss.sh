#!/bin/bash
# no-world
# Lookups: Lockbox against glibc's files, extrausers and SSSD's memory cache, the same accounts in
# each.  Every lookup goes through the pointer that dlsym() gave, as in libc; the order of the
# accounts is random.  Run by tests/bench/bench, in namespaces of its own.
. "$BENCH_DIR/table.sh"

S=$BENCH_SCRATCH/nss
LOCKBOX=$BUILD/libnss_lockbox.so.2
mkdir -p "$S"
mount -t tmpfs -o mode=755 none "$S"
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/lockbox "$S/sss" "$S/extra"
touch "$S/passwd" "$S/group"

# accounts COUNT: the same accounts for every service
accounts() {
	"$BUILD/tests/nss_gen" "$1" /run/lockbox
	cp /run/lockbox/passwd "$S/names"
	{ echo "root:x:0:0:root:/root:/bin/bash" && cat "$S/names"; } >"$S/passwd"
	{ echo "root:x:0:" && cat /run/lockbox/group; } >"$S/group"
	cp "$S/names" "$S/extra/passwd"
	cp /run/lockbox/group "$S/extra/group"
}

# find_library NAME: prints the path of an NSS module
find_library() {
	local dir
	for dir in "$S/deb" /; do
		find "$dir"/lib "$dir"/lib/*-linux-gnu "$dir"/usr/lib "$dir"/usr/lib/*-linux-gnu -maxdepth 1 \
			-name "$1" 2>/dev/null | head -n 1
	done | head -n 1
}

# SSSD as its authors ship it, with the accounts in its `files` provider, and nothing else.
start_sssd() {
	local size=$1 tries
	command -v sssd >/dev/null || return 1
	mkdir -p "$S"/sss/lib/{db,mc,pipes/private,pubconf,gpo_cache,keytabs,secrets,deskprofile} \
		"$S"/sss/{etc/conf.d,log}
	chmod 700 "$S/sss/lib/db" "$S/sss/lib/pipes/private"
	mount --bind "$S/sss/lib" /var/lib/sss
	mount --bind "$S/sss/log" /var/log/sssd
	cat >"$S/sss/etc/sssd.conf" <<-END
		[sssd]
		services = nss
		domains = bench
		[nss]
		entry_negative_timeout = 0
		local_negative_timeout = 0
		memcache_timeout = 3600
		${size:+memcache_size_passwd = $size}
		${size:+memcache_size_initgroups = $size}
		[domain/bench]
		id_provider = files
	END
	chmod 600 "$S/sss/etc/sssd.conf"
	mount --bind "$S/sss/etc" /etc/sssd
	sssd -i >"$S/sss/out" 2>&1 &
	# Until it has read its files it says no; with the two timeouts it does not go on saying so.
	for ((tries = 0; tries < 150; tries++)); do
		sleep 0.2
		[ -S /var/lib/sss/pipes/nss ] && [ -f /var/lib/sss/mc/passwd ] || continue
		measure sss "$SSS" hit 1 >/dev/null 2>&1 && return 0
	done
	return 1
}

# measure SERVICE MODULE CASE MS: prints nanoseconds
measure() {
	local out
	out=$("$BUILD/tests/nss_bench" "$2" "$1" "$3" "$S/names" "$4") || return 1
	echo "${out##* }"
}

# A lookup that is answered from the memory cache speaks to nobody.
sss_is_cached() {
	command -v strace >/dev/null || return 0
	strace -f -o "$S/trace" -e trace=connect,sendto,sendmsg,poll,recvmsg \
		"$BUILD/tests/nss_bench" "$SSS" sss hit "$S/names" 1 >/dev/null
	! grep -qE 'connect|send|recv|poll' "$S/trace"
}

# rounds N MS SERVICE:CASE...: all of them in turn, ROUNDS times
rounds() {
	local n=$1 ms=$2 round what service ns
	shift 2
	for ((round = 0; round < ROUNDS; round++)); do
		for what; do
			service=${what%:*}
			ns=$(measure "$service" "${MODULE_OF[$service]}" "${what#*:}" "$ms") ||
				continue
			measured "nss-${what#*:}" "${NAME_OF[$service]}" "$n" ns "$ns"
		done
	done
}

declare -A MODULE_OF=([lockbox]=$LOCKBOX [files]=libc.so.6)
declare -A NAME_OF=([lockbox]=lockbox [files]=files [extrausers]=extrausers [sss]="sssd memcache")

accounts 1000
mount --bind "$S/passwd" /etc/passwd
mount --bind "$S/group" /etc/group

SSS=$(find_library libnss_sss.so.2)
if [ -z "$SSS" ] && command -v sssd >/dev/null; then
	# Its package edits nsswitch.conf, so it is only unpacked.
	(mkdir -p "$S/deb/get" && cd "$S/deb/get" && apt-get -q download libnss-sss &&
		dpkg -x ./*.deb "$S/deb") >/dev/null 2>&1 || true
	SSS=$(find_library libnss_sss.so.2)
fi
peers=(files)
EXTRA=$(find_library libnss_extrausers.so.2)
if [ -n "$EXTRA" ]; then
	mkdir -p /var/lib/extrausers
	mount --bind "$S/extra" /var/lib/extrausers
	MODULE_OF[extrausers]=$EXTRA
	peers+=(extrausers)
fi
if [ -n "$SSS" ] && start_sssd "" && sss_is_cached; then
	MODULE_OF[sss]=$SSS
	peers=(sss "${peers[@]}")
else
	echo "SSSD did not start; its rows are missing (packages sssd-common, libnss-sss)"
	sed 's/^/    /' "$S/sss/out" 2>/dev/null | head -n 5 || true
fi

what=(lockbox:empty lockbox:foreign lockbox:unknown lockbox:hit lockbox:uid lockbox:groups)
for p in "${peers[@]}"; do
	what+=("$p:hit")
	[ "$p" != sss ] || what+=("$p:uid" "$p:groups")
done
rounds 1000 40 "${what[@]}"
what=(lockbox:start lockbox:fresh)
for p in "${peers[@]}"; do what+=("$p:start" "$p:fresh"); done
rounds 1000 1 "${what[@]}"
accounts 100000
rounds 100000 100 lockbox:hit lockbox:uid lockbox:groups

table nss-empty "a call that does nothing"
table nss-foreign "getpwnam, a name that is not Lockbox's"
table nss-unknown "getpwnam, no such account"
table nss-hit "getpwnam" lockbox accounts
table nss-uid "getpwuid" lockbox accounts
table nss-groups "initgroups" lockbox accounts
table nss-start "a new process that loads the module" lockbox accounts
table nss-fresh "a new process and one getpwnam" lockbox accounts
plot nss "Lookups" accounts nss-hit=getpwnam nss-uid=getpwuid nss-groups=initgroups nss-fresh="new process, one getpwnam"
target "a hit is at least 5 times as fast as SSSD's warm memory cache" \
	'm("nss-hit", "sssd memcache", 1000) >= 5 * m("nss-hit", "lockbox", 1000)'
target "a hit of 100,000 is faster than SSSD's warm memory cache at 1,000" \
	'm("nss-hit", "sssd memcache", 1000) >= m("nss-hit", "lockbox", 100000)'
target "a foreign name costs at most 10 ns more than an empty call" \
	'm("nss-foreign", "lockbox", 1000) - m("nss-empty", "lockbox", 1000) <= 10'
