#!/bin/bash
# ATTACKS 26: the daemon never waits on itself, nor on anybody's name service.  It runs where each
# lookup of a user, group or host blocks in a module of its own while /run/blocked is there, and where
# an nscd takes connections and never answers: it starts, decides and ends grants as ever.
# A helper does look names up, to prove that an account's are nobody else's; it alone may wait.
. "$WORLD_REPO/tests/support/lib.sh"

B=/run/blocking
SWITCH=/run/blocked
mkdir -p $B/nscd
cat >$B/module.c <<-'END'
	#define _GNU_SOURCE
	#include <errno.h>
	#include <nss.h>
	#include <stddef.h>
	#include <string.h>
	#include <unistd.h>
	static enum nss_status block(int *err)
	{
		/* visudo is somebody else's program, and looks root up. */
		while (strcmp(program_invocation_short_name, "visudo") != 0 && access("/run/blocked", F_OK) == 0)
			usleep(10000);
		*err = ENOENT;
		return NSS_STATUS_NOTFOUND;
	}
	#define NAME(f) enum nss_status _nss_blocking_##f(const char *n, void *r, char *b, size_t l, int *e) \
		{ (void)n, (void)r, (void)b, (void)l; return block(e); }
	#define ID(f) enum nss_status _nss_blocking_##f(unsigned n, void *r, char *b, size_t l, int *e) \
		{ (void)n, (void)r, (void)b, (void)l; return block(e); }
	NAME(getpwnam_r) NAME(getgrnam_r) NAME(getspnam_r) ID(getpwuid_r) ID(getgrgid_r)
	enum nss_status _nss_blocking_gethostbyname_r(const char *n, void *r, char *b, size_t l, int *e, int *h)
		{ (void)n, (void)r, (void)b, (void)l, (void)h; return block(e); }
	enum nss_status _nss_blocking_initgroups_dyn(const char *u, unsigned g, long *s, long *z, void *p, long m, int *e)
		{ (void)u, (void)g, (void)s, (void)z, (void)p, (void)m; return block(e); }
END
cc -shared -fPIC -o $B/libnss_blocking.so.2 $B/module.c || fail "no module"
cat >$B/nsswitch.conf <<-'END'
	passwd: blocking files lockbox
	group: blocking files lockbox
	shadow: blocking files lockbox
	initgroups: blocking files lockbox
	hosts: blocking files
END
mkdir -p /run/nscd
cp $B/libnss_blocking.so.2 /usr/lib/
ldconfig

# An nscd that says nothing while the switch is there, but hangs up on visudo.
# shellcheck disable=SC2016 # for perl
perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un($ARGV[0])) or die;
	listen($s, 100); chmod(0666, $ARGV[0]); my @c; while (accept(my $c, $s)) {
		my ($pid) = unpack("i", getsockopt($c, SOL_SOCKET, SO_PEERCRED));
		open(my $f, "<", "/proc/$pid/comm"); push @c, $c if -e "/run/blocked" && (<$f> // "") ne "visudo\n" }' $B/nscd/socket &
wait_for "[ -S $B/nscd/socket ]" || fail "no nscd"

# apart CMD...: where nothing answers
apart() {
	# shellcheck disable=SC2016 # for the shell inside
	unshare --mount --propagation private sh -c 'mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf
		mount --bind "$0/nscd" /run/nscd
		exec "$@"' $B "$@"
}

step "Lookups there block, and strace sees them"
touch $SWITCH
run_status 124 apart timeout 1 getent passwd nobody
run_status 124 apart timeout 1 getent hosts lockbox-demo
trace=$B/trace
calls=openat,open,connect,execve,execveat,mmap
quietly apart strace -f -o $trace -e trace=$calls timeout 1 getent passwd nobody
lookups='"/etc/nsswitch\.conf"|libnss_|nscd/socket|"/etc/(hosts|resolv\.conf|host\.conf)"'
grep -qE "$lookups" $trace || fail "strace does not see a lookup"
pass "a lookup is seen"

step "The daemon starts while nothing can be looked up"
start_sshd
apart strace -D -f -o $trace -e trace=$calls /usr/sbin/lockboxd -d >>/var/log/lockboxd.log 2>&1 &
DAEMON_PID=$!
wait_for "daemon_answers || ! kill -0 $DAEMON_PID" 20
kill -0 "$DAEMON_PID" 2>/dev/null || fail "lockboxd ended: $(tail -n 5 /var/log/lockboxd.log)"
pass "it answers"

step "It decides; an account that cannot be proven to be new is refused, in time"
run_ok gate alice request db-operator --for 10m --json --reason "while nothing answers"
GRANT=$(field id)
run_ok gate bob approve "$GRANT" --json
mark_log
quietly gate alice claim "$GRANT" --json
wait_log "event=account-refused .*grant=$GRANT .*took too long" 20
run_refused getent passwd lb-alice-1
run_ok gate bob pending

step "With lookups that answer it is made; while they block again it is ended"
rm $SWITCH
run_ok gate alice claim "$GRANT" --json
ACCOUNT=$(field account) PASSWORD=$(field password)
session_open 1 alice "$PASSWORD" "$ACCOUNT@$HOST" || fail "no session: $(cat /run/session.1)"
uid=$(id -u "$ACCOUNT")
[ -n "$(owned "$uid")" ] || fail "nothing of $ACCOUNT runs"
touch $SWITCH
run_ok gate alice end "$GRANT"
session_over 1 15
wait_for "[ -z \"\$(owned $uid)\" ]" 10 || fail "still runs: $(owned "$uid")"
run_refused getent passwd "$ACCOUNT"
wait_log "event=(grant-ended|receipt|ended).*$GRANT|$GRANT.*(ended|receipt)" 10
run_ok gate bob pending
rm $SWITCH

step "No process of the daemon looked anything up, loaded a name service, or called its own sockets"
for pid in $DAEMON_PID $(pgrep -P "$DAEMON_PID"); do
	! grep -E 'libnss_|lockbox/accounts' "/proc/$pid/maps" || fail "$pid has a name service loaded"
done
stop_daemon
# Who is a helper or visudo has its own pid; the four processes are those that were started by fexecve.
awk '$2 ~ /^execve(at)?\(/ && /lockboxd/ && !/= -1/ { print $1 }' $trace | sort -u >$B/pids
[ "$(wc -l <$B/pids)" -ge 4 ] || fail "strace has not seen the four processes: $(cat $B/pids)"
awk 'NR == FNR { of[$1] = 1; next } $1 in of' $B/pids $trace >$B/own
! grep -E "$lookups" $B/own || fail "the daemon itself looked something up"
! grep -E 'connect\(.*(pam|public)\.sock' $trace || fail "the daemon called itself"
pass "$(wc -l <$B/own) calls of $(wc -l <$B/pids) processes, none of them a lookup"
passed
