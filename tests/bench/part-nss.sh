#!/bin/bash
# no-world
# Lookups: Lockbox against its peers, the same accounts in each, 10, 1,000 and 100,000 of them.
#
#   lockbox            libnss_lockbox.so.2, called through the pointer that dlsym() gave, as libc does
#   lockbox in glibc   libc's own getpwnam_r(), nsswitch.conf: lockbox
#   sssd memcache      libnss_sss.so.2 as lockbox; answered from SSSD's memory cache alone
#   nscd in glibc      libc's own getpwnam_r(); nscd has the accounts, from files, in its shared cache
#                      (100,000 it has from libnss-cache, and groups from lockbox: by files it would
#                      take hours to fill; what it answers from its cache is the same)
#   systemd userdb     libnss_systemd.so.2; a JSON drop-in in /run/userdb for each account
#   libnss-cache       libnss_cache.so.2; /etc/passwd.cache with its sorted index
#   extrausers         libnss_extrausers.so.2; /var/lib/extrausers/passwd
#   files              libc's own, called as a module; /etc/passwd
#
# The order of the accounts is random.  Where one lookup takes milliseconds only some of the 100,000
# accounts are looked up, which helps the peer.  SSSD has no row there: its `files` provider takes
# minutes to read so many.
# Run by tests/bench/bench, in namespaces of its own.
. "$BENCH_DIR/table.sh"

S=$BENCH_SCRATCH/nss
PACKAGES=$BUILD/bench/packages
mkdir -p "$S"
mount -t tmpfs -o mode=755 none "$S"
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/lockbox /run/userdb "$S"/{lib,sss,extra,lines}
# An /etc of our own, to write to; and what ldconfig and the daemons write.
cp -a /etc "$S/etc"
mount --bind "$S/etc" /etc
for dir in /var/cache/ldconfig /var/cache/nscd; do
	[ ! -d $dir ] || mount -t tmpfs -o mode=700 none $dir
done
mkdir -p /var/lib/extrausers 2>/dev/null && mount --bind "$S/extra" /var/lib/extrausers
ip link set lo up 2>/dev/null || true

cp "$BUILD/libnss_lockbox.so.2" "$S/lib/"
# library NAME: finds an NSS module, and puts it where libc finds it too
library() {
	local file
	file=$(find "$PACKAGES"/*/usr/lib "$PACKAGES"/*/lib /lib /usr/lib -maxdepth 2 -name "$1*" \
		-not -path '*lib32*' 2>/dev/null | sort -r | head -n 1)
	[ -n "$file" ] && cp "$file" "$S/lib/$1"
}
declare -A MODULE=([lockbox]=$S/lib/libnss_lockbox.so.2 [files]=libc.so.6 [glibc]=- [nscd]=-)
declare -A NAME=([lockbox]=lockbox [glibc]="lockbox in glibc" [sss]="sssd memcache" [nscd]="nscd in glibc"
	[systemd]="systemd userdb" [cache]="libnss-cache" [extrausers]=extrausers [files]=files
	[lines]="files, 100 lines")
present=(lockbox glibc)
for service in sss systemd cache extrausers; do
	if library "libnss_$service.so.2"; then
		MODULE[$service]=$S/lib/libnss_$service.so.2
	else
		echo "libnss_$service.so.2 is not there: no rows for ${NAME[$service]}"
	fi
done
echo "$S/lib" >/etc/ld.so.conf.d/000-bench.conf
ldconfig

# --- the accounts ------------------------------------------------------------------------------

# index FILE COLUMN OUT: the sorted index of libnss-cache, lines of one length
index() {
	perl -e 'my ($file, $column, $out) = @ARGV; my ($at, $wide, %at) = (0, 0);
		open(my $f, "<", $file) or die; while (<$f>) { my $k = (split(/:/))[$column - 1];
			$at{$k} = $at; my $n = length("$k$at"); $wide = $n if $n > $wide; $at += length }
		open(my $o, ">", $out) or die;
		printf $o "%s\0%s\0%s\n", $_, $at{$_}, "\0" x ($wide - length("$_$at{$_}")) for sort keys %at' "$@"
}

# accounts COUNT: the same accounts for every service
accounts() {
	"$BUILD/tests/nss_gen" "$1" /run/lockbox
	cp /run/lockbox/passwd "$S/names"
	sort -t: -k6r "$S/names" >"$S/filling"
	{ echo "root:x:0:0:root:/root:/bin/bash" && cat "$S/names"; } >/etc/passwd
	{ echo "root:x:0:" && cat /run/lockbox/group; } >/etc/group
	cp "$S/names" "$S/extra/passwd"
	cp /run/lockbox/group "$S/extra/group"
	cp "$S/names" /etc/passwd.cache
	index /etc/passwd.cache 1 /etc/passwd.cache.ixname
	cp /run/lockbox/group /etc/group.cache
	cp /etc/passwd "$S/passwd"
	find /run/userdb -type f -delete
	perl -F: -lane 'open(my $f, ">", "/run/userdb/$F[0].user") or die "$F[0]: $!";
		print $f qq({"userName":"$F[0]","uid":$F[2],"gid":$F[3],"realName":"$F[4]","homeDirectory":"$F[5]","shell":"$F[6]"})' \
		"$S/names"
}

# some WHO N CASE: how many of N accounts are looked up; 0: all.
some() {
	[ "$2" -gt 1000 ] || {
		echo 0
		return
	}
	case $1:$3 in
	*:first | *:fresh) echo 100 ;; # a process with few of its own
	lockbox:* | glibc:* | nscd:hit | nscd:groups) echo 0 ;;
	nscd:*) echo 100 ;;
	*) echo 20 ;;
	esac
}

# --- daemons -----------------------------------------------------------------------------------

# SSSD as its authors ship it, with the accounts in its `files` provider, and nothing else.
sss_pid=
sss_stop() {
	[ -z "$sss_pid" ] || { kill "$sss_pid" && wait "$sss_pid"; } 2>/dev/null || true
	sss_pid=
}
sss_start() {
	local tries
	command -v sssd >/dev/null || return 1
	rm -rf "$S/sss/lib"
	mkdir -p "$S"/sss/lib/{db,mc,pipes/private,pubconf,gpo_cache,keytabs,secrets,deskprofile} \
		"$S"/sss/log /etc/sssd/conf.d
	chmod 700 "$S/sss/lib/db" "$S/sss/lib/pipes/private"
	umount /var/lib/sss /var/log/sssd 2>/dev/null || true
	mount --bind "$S/sss/lib" /var/lib/sss
	mount --bind "$S/sss/log" /var/log/sssd
	cat >/etc/sssd/sssd.conf <<-END
		[sssd]
		services = nss
		domains = bench
		[nss]
		entry_negative_timeout = 0
		local_negative_timeout = 0
		memcache_timeout = 3600
		memcache_size_passwd = 64
		memcache_size_initgroups = 64
		[domain/bench]
		id_provider = files
	END
	chmod 600 /etc/sssd/sssd.conf
	sssd -i >"$S/sss/out" 2>&1 &
	sss_pid=$!
	# Until it has read its files it says no; with the two timeouts it does not go on saying so.
	for ((tries = 0; tries < $1 * 5; tries++)); do
		sleep 0.2
		[ -S /var/lib/sss/pipes/nss ] && [ -f /var/lib/sss/mc/passwd ] || continue
		once sss hit 1 >/dev/null 2>&1 && return 0
	done
	sss_stop
	return 1
}

# A lookup that is answered from the memory cache speaks to nobody.
sss_is_cached() {
	command -v strace >/dev/null || return 0
	once sss hit 10 >/dev/null 2>&1 || return 1
	strace -f -o "$S/trace" -e trace=connect,sendto,sendmsg,poll,recvmsg \
		"$BUILD/tests/nss_bench" "${MODULE[sss]}" sss hit "$S/names" 10 1 >/dev/null
	! grep -qE 'connect|send|recv|poll' "$S/trace"
}

# nscd sees files; only its own clients see nscd: its directory has another name while others measure.
nscd_pid='' nscd_source=files
nscd_stop() {
	[ -z "$nscd_pid" ] || { kill "$nscd_pid" && wait "$nscd_pid"; } 2>/dev/null || true
	nscd_pid=
	rm -rf /run/nscd /run/nscd.off
}
# nscd_has CASE: has it answer for all accounts, until it does so from its cache, in less than 10 us.
# More than once: while it is busy some lookups go past it.  In an order of its own, as it keeps side
# by side what it was asked for one after the other, and no host is asked in one order twice.
nscd_has() {
	local ns
	for _ in 1 2 3; do
		ns=$(ORDER=$S/filling once nscd "$1" 0 2>>"$S/errors") && ((${ns%.*} < 10000)) && return 0
	done
	return 1
}
nscd_start() {
	local program=$PACKAGES/nscd/usr/sbin/nscd tries
	nscd_stop
	[ -x "$program" ] || program=$(command -v nscd) || return 1
	mkdir /run/nscd
	cat >/etc/nscd.conf <<-END
		paranoia no
		enable-cache passwd yes
		positive-time-to-live passwd 3600
		negative-time-to-live passwd 3600
		suggested-size passwd 100003
		check-files passwd no
		shared passwd yes
		persistent passwd no
		max-db-size passwd 134217728
		enable-cache group yes
		positive-time-to-live group 3600
		negative-time-to-live group 3600
		suggested-size group 100003
		check-files group no
		shared group yes
		persistent group no
		max-db-size group 134217728
		enable-cache hosts no
		enable-cache services no
		enable-cache netgroup no
	END
	nscd_source=$1
	settings nscd
	"$program" -F >"$S/nscd.out" 2>&1 &
	nscd_pid=$!
	for ((tries = 0; tries < 50; tries++)); do
		[ ! -S /run/nscd/socket ] || break
		sleep 0.1
	done
	[ -S /run/nscd/socket ] || return 1
	mv /run/nscd /run/nscd.off
	nscd_has hit && nscd_has groups && return 0
	echo "nscd does not have all accounts in its cache"
	nscd_stop
	return 1
}

# --- measuring ---------------------------------------------------------------------------------

# How libc, and nscd, which sees the file change, get their answers while WHO is measured.
settings() {
	local service=$1 groups=
	case $1 in
	glibc) service=lockbox ;;
	nscd) service=$nscd_source groups=lockbox ;;
	lines) service=files ;;
	esac
	groups=${groups:-$service}
	printf 'passwd: %s\ngroup: %s\ninitgroups: %s\n' "$service" "$groups" "$groups" >/etc/nsswitch.conf
	if [ "$1" = lines ]; then cp "$S/lines/passwd" /etc/passwd; fi
}
unsettle() {
	if [ "$1" = lines ]; then cp "$S/passwd" /etc/passwd; fi
}

# once WHO CASE COUNT [MS]: prints nanoseconds
once() {
	local who=$1 service=$1 names=${ORDER-$S/names} status=0 module
	if [ "$who" = lines ]; then service=files names=$S/lines/names; fi
	module=${MODULE[$service]}
	settings "$who"
	[ "$who" != nscd ] || mv /run/nscd.off /run/nscd
	"$BUILD/tests/nss_bench" "$module" $service "$2" "$names" "$3" "${4-1}" || status=$?
	[ "$who" != nscd ] || mv /run/nscd /run/nscd.off
	unsettle "$who"
	return $status
}

# rounds N MS CASE WHO:AS... : all of them in turn, ROUNDS times; AS is the case of nss_bench
rounds() {
	local n=$1 ms=$2 case=$3 round what who ns label
	shift 3
	for ((round = 0; round < ROUNDS; round++)); do
		for what; do
			who=${what%%:*}
			what=${what#*:}
			label=${NAME[$who]}
			case $what in
			hit1 | hit2 | groups2) label="${label% *}, ${what//[a-z]/} thread$([ "$what" = hit1 ] || echo s)" ;;
			esac
			ns=$(once "$who" "$what" "$(some "$who" "$n" "$what")" "$ms" 2>>"$S/errors") || continue
			measured "$case" "$label" "$n" ns "$ns"
		done
	done
}

# with CASE WHO...: "WHO:CASE" for each of them that is there
with() {
	local as=$1 who
	shift
	for who; do
		case " ${present[*]} lines " in *" $who "*) echo "$who:$as" ;; esac
	done
}

"$BUILD/tests/nss_gen" 99 "$S/lines"
rm "$S/lines/accounts"
cp "$S/lines/passwd" "$S/lines/names"
sed -i '1i root:x:0:0:root:/root:/bin/bash' "$S/lines/passwd"

for n in 10 1000 100000; do
	accounts $n
	present=(lockbox glibc)
	if [ $n -le 1000 ] && [ -n "${MODULE[sss]-}" ]; then
		if sss_start 30 && sss_is_cached; then
			present+=(sss)
		else
			echo "SSSD did not start; its rows are missing (packages sssd-common, libnss-sss)"
			sed 's/^/    /' "$S/sss/out" 2>/dev/null | head -n 5 || true
		fi
	fi
	if nscd_start "$([ $n -gt 1000 ] && [ -n "${MODULE[cache]-}" ] && echo cache || echo files)"; then present+=(nscd); else echo "nscd did not start; its rows are missing"; fi
	for service in systemd cache extrausers; do
		if [ -n "${MODULE[$service]-}" ] && once $service hit 1 >/dev/null; then present+=("$service"); fi
	done
	present+=(files)
	mapfile -t all < <(with hit "${present[@]}")
	rounds $n 30 nss-hit "${all[@]}"
	mapfile -t all < <(with groups lockbox glibc sss nscd files)
	rounds $n 30 nss-groups "${all[@]}"
	mapfile -t all < <(with miss "${present[@]}")
	rounds $n 10 nss-miss "${all[@]}"
	[ $n != 1000 ] || rounds $n 10 nss-call lockbox:empty lockbox:miss lockbox:unknown
	mapfile -t all < <(with hit1 lockbox sss && with hit2 lockbox sss)
	rounds $n 30 nss-threads "${all[@]}"
	# Before /etc/passwd changes, which SSSD would see.
	mapfile -t all < <(with first sss)
	rounds $n 30 nss-first "${all[@]}"
	mapfile -t all < <(with fresh sss)
	rounds $n 60 nss-fresh "${all[@]}"
	sss_stop
	mapfile -t all < <(with first lockbox lines nscd systemd cache extrausers files)
	rounds $n 30 nss-first "${all[@]}"
	mapfile -t all < <(with fresh glibc lines nscd systemd cache extrausers files)
	rounds $n 60 nss-fresh "${all[@]}"
	nscd_stop
done
sort "$S/errors" | uniq -c | sed 's/^/    /' || true

table nss-hit "getpwnam_r, warm" lockbox accounts
table nss-groups "initgroups, warm" lockbox accounts
table nss-miss "getpwnam_r of a name that is nobody's" lockbox accounts
table nss-threads "getpwnam_r in a process of several threads; of two the slower one" "lockbox, 1 thread" accounts
table nss-first "the first getpwnam_r of a process, the module loaded" lockbox accounts
table nss-fresh "a new process, exec to exit, and one getpwnam in it" "lockbox in glibc" accounts
plot nss "Name service lookups" accounts "nss-hit=getpwnam_r, warm" "nss-groups=initgroups, warm" \
	"nss-miss=a name that is nobody's" "nss-threads=one and two threads" \
	"nss-first=first lookup of a process" "nss-fresh=whole process with one lookup"
target "a hit is at least 5 times as fast as in SSSD's memory cache, at 1,000" \
	'm("nss-hit", "sssd memcache", 1000) >= 5 * m("nss-hit", "lockbox", 1000)'
target "a hit at 100,000 is faster than SSSD's at 1,000" \
	'm("nss-hit", "lockbox", 100000) < m("nss-hit", "sssd memcache", 1000)'
target "a hit at 100,000 is faster than nscd's" \
	'm("nss-hit", "lockbox", 100000) < m("nss-hit", "nscd in glibc", 100000)'
target "initgroups at 100,000 is faster than SSSD's at 1,000" \
	'm("nss-groups", "lockbox", 100000) < m("nss-groups", "sssd memcache", 1000)'
target "initgroups at 100,000 is faster than nscd's" \
	'm("nss-groups", "lockbox", 100000) < m("nss-groups", "nscd in glibc", 100000)'
target "two threads are as fast each as one (within a tenth), at 1,000" \
	'm("nss-threads", "lockbox, 2 threads", 1000) <= 1.1 * m("nss-threads", "lockbox, 1 thread", 1000)'
target "a name that is nobody's costs at most 10 ns, at 100,000" \
	'm("nss-miss", "lockbox", 100000) <= 10'
target "a process's first lookup in 1,000 is no slower than in files with 100 lines" \
	'm("nss-first", "lockbox", 1000) <= m("nss-first", "files, 100 lines", 1000)'
target "a process's first lookup in 100,000 is no slower than that (within a quarter)" \
	'm("nss-first", "lockbox", 100000) <= 1.25 * m("nss-first", "files, 100 lines", 100000)'
target "a new process with one lookup in 100,000: within a tenth of files with 100 lines" \
	'm("nss-fresh", "lockbox in glibc", 100000) <= 1.1 * m("nss-fresh", "files, 100 lines", 100000)'
