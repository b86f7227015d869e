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

# rounds FILE MS SERVICE:CASE...: all of them in turn, ROUNDS times
rounds() {
	local file=$1 ms=$2 round what service ns
	shift 2
	: >"$file"
	for ((round = 0; round < ROUNDS; round++)); do
		for what; do
			service=${what%:*}
			ns=$(measure "${SERVICE_NAME[$service]}" "${MODULE_OF[$service]}" "${what#*:}" "$ms") ||
				continue
			echo "$what $ns" >>"$file"
		done
	done
}

declare -A MODULE_OF=([lockbox]=$LOCKBOX [files]=libc.so.6)
declare -A SERVICE_NAME=([lockbox]=lockbox [files]=files [extrausers]=extrausers [sss]=sss)

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

R=$S/warm
what=(lockbox:empty lockbox:foreign lockbox:unknown lockbox:hit lockbox:uid lockbox:groups)
for p in "${peers[@]}"; do
	what+=("$p:hit")
	[ "$p" != sss ] || what+=("$p:uid" "$p:groups")
done
rounds "$R" 40 "${what[@]}"
heading "NSS, 1,000 accounts, warm"
row "a call that does nothing" "$R" lockbox:empty
row "lockbox, foreign name" "$R" lockbox:foreign
row "lockbox, no such account" "$R" lockbox:unknown
declare -A LABEL=([hit]="getpwnam" [uid]="getpwuid" [groups]="initgroups")
declare -A PEER=([sss]="sssd memory cache" [files]="files" [extrausers]="extrausers")
for c in hit uid groups; do
	row "lockbox, ${LABEL[$c]}" "$R" lockbox:$c lockbox:$c
	for p in "${peers[@]}"; do
		[ $c = hit ] || [ "$p" = sss ] || continue
		row "${PEER[$p]}, ${LABEL[$c]}" "$R" "$p:$c" lockbox:$c
	done
done

F=$S/fresh
what=(lockbox:start lockbox:fresh)
for p in "${peers[@]}"; do what+=("$p:start" "$p:fresh"); done
rounds "$F" 1 "${what[@]}"
echo
heading "NSS, 1,000 accounts, a new process (exec to exit)"
for p in lockbox "${peers[@]}"; do
	row "${PEER[$p]-lockbox}, module loaded, no lookup" "$F" "$p:start" "$p:start"
	row "${PEER[$p]-lockbox}, and one lookup" "$F" "$p:fresh" "$p:start"
done

big=100000
accounts $big
L=$S/large
what=(lockbox:hit lockbox:uid lockbox:groups)
if [ -n "$LARGE" ] && [ -n "${MODULE_OF[sss]-}" ] && measure sss "$SSS" hit 1 >/dev/null 2>&1; then
	what+=(sss:hit)
fi
rounds "$L" 100 "${what[@]}"
echo
heading "NSS, 100,000 accounts, warm"
row "lockbox, getpwnam" "$L" lockbox:hit lockbox:hit
row "lockbox, getpwuid" "$L" lockbox:uid lockbox:hit
row "lockbox, initgroups" "$L" lockbox:groups lockbox:hit
[ -z "$LARGE" ] || row "sssd memory cache, getpwnam" "$L" sss:hit lockbox:hit

echo
hit=$(median "$R" lockbox:hit)
target "a hit is at least 5 times as fast as SSSD's warm memory cache" \
	"$(median "$R" sss:hit || true) + 0 >= 5 * $hit"
target "a foreign name costs at most 10 ns more than an empty call" \
	"$(median "$R" lockbox:foreign) - $(median "$R" lockbox:empty) <= 10"
finish
