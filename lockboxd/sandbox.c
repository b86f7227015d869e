/*
 * System call filters.  A child's list is what it needs after its start and
 * nothing else; the warden's, which must be able to act on the host, takes
 * away what it has no business doing.
 */
#include <errno.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "privsep.h"

/* What every event loop here needs. */
/* clang-format off */
static const int common_calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(readv), SCMP_SYS(close),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
	SCMP_SYS(shutdown), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_ctl), SCMP_SYS(fcntl), SCMP_SYS(ioctl),
	SCMP_SYS(timerfd_settime), SCMP_SYS(setitimer), SCMP_SYS(getsockopt), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(futex), SCMP_SYS(getrandom),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(tgkill),
};
/* clang-format on */

/*
 * What the C library calls by itself on rare ways that no code here shows, each
 * of them only a question: qsort() of more than a kilobyte asks for the size of
 * memory (sysinfo), malloc() that found none for the number of processors,
 * stdio for the kind of file, sysconf() for limits and names.
 */
/* clang-format off */
static const int library_calls[] = {
	SCMP_SYS(sysinfo), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(uname), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(getppid), SCMP_SYS(clock_getres), SCMP_SYS(getcpu), SCMP_SYS(nanosleep),
	SCMP_SYS(sigaltstack), SCMP_SYS(getrlimit),
};
/* clang-format on */

/* LMDB on its own files, /proc/PID/{stat,loginuid}, accept and the peer's credentials. */
/* clang-format off */
static const int keeper_calls[] = {
	SCMP_SYS(accept4), SCMP_SYS(openat), SCMP_SYS(pidfd_open),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(fdatasync), SCMP_SYS(fsync),
	SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(msync), SCMP_SYS(timerfd_create),
	SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(pidfd_send_signal),
};
/* clang-format on */

static const struct {
	const int *calls;
	size_t count;
} lists[LB_PROC_COUNT] = {
	[LB_PROC_KEEPER] = {keeper_calls, sizeof keeper_calls / sizeof keeper_calls[0]},
	[LB_PROC_FRONT] = {NULL, 0},
	[LB_PROC_COURIER] = {NULL, 0},
};

/*
 * libseccomp does not stand a lack of memory: it leaves rules out of the filter
 * and says that all went well, or faults.  So what it needs is there before it
 * begins: in the children by the heap that lb_privsep_drop() has grown, in the
 * warden by this.
 */
static void
reserve_heap(void)
{
	enum { BLOCKS = 32, BLOCK = 65536 };
	void *block[BLOCKS];
	size_t n = 0;

	/* What is freed at the top of the heap stays in it. */
	if (mallopt(M_TRIM_THRESHOLD, 2 * BLOCKS * BLOCK) != 1)
		lb_fatal(LB_EXIT_SETUP, "cannot make the heap");
	while (n < BLOCKS && (block[n] = malloc(BLOCK)) != NULL)
		n++;
	for (size_t i = 0; i < n; i++)
		free(block[i]);
	if (n < BLOCKS)
		lb_fatal(LB_EXIT_SETUP, "no memory for the system call filter");
}

static void
allow(scmp_filter_ctx ctx, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (calls[i] >= 0 && seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0) != 0)
			lb_fatal(LB_EXIT_SETUP, "cannot build the system call filter");
}

void
lb_sandbox_confine_files(int readable_fd)
{
	/* Every right of the first version of Landlock: newer ones concern files already open. */
	const struct landlock_ruleset_attr all = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	const struct landlock_path_beneath_attr below = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = readable_fd,
	};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);

	/* Containers answer EPERM to calls that their filters do not know. */
	if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM)) {
		lb_log(LOG_WARNING, "no Landlock here (%m): files are kept away by the change of "
				    "root alone");
		return;
	}
	if (ruleset < 0 ||
	    (readable_fd >= 0 &&
	     syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0) ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot confine file access: %m");
	close(ruleset);
}

void
lb_sandbox_enter(enum lb_proc proc)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (ctx == NULL)
		lb_fatal(LB_EXIT_SETUP, "cannot build the system call filter");
	allow(ctx, common_calls, sizeof common_calls / sizeof common_calls[0]);
	allow(ctx, library_calls, sizeof library_calls / sizeof library_calls[0]);
	allow(ctx, lists[proc].calls, lists[proc].count);
	/* A limit may be read, of this process, and none set. */
	if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0),
			     SCMP_A2(SCMP_CMP_EQ, 0)) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot build the system call filter");
	/* Memory may be mapped and re-protected, but never to be executed. */
	if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0 ||
	    seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0 ||
	    seccomp_load(ctx) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot install the system call filter");
	seccomp_release(ctx);
}

/* Nothing the warden or a program it runs (visudo) ever does. */
/* clang-format off */
static const int warden_never[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(bpf),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(move_mount),
	SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(pivot_root), SCMP_SYS(setns), SCMP_SYS(unshare),
	SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(reboot), SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(acct), SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(add_key), SCMP_SYS(keyctl),
	SCMP_SYS(request_key), SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(listen),
};
/* clang-format on */

void
lb_sandbox_enter_warden(void)
{
	static const int families[] = {AF_INET, AF_INET6, AF_PACKET, AF_VSOCK, AF_ALG};
	scmp_filter_ctx ctx;
	int bad;

	reserve_heap();
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	bad = ctx == NULL;
	for (size_t i = 0; !bad && i < sizeof warden_never / sizeof warden_never[0]; i++)
		if (warden_never[i] >= 0)
			bad = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), warden_never[i], 0) != 0;
	for (size_t i = 0; !bad && i < sizeof families / sizeof families[0]; i++)
		bad = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i])) != 0;
	if (bad || seccomp_load(ctx) != 0)
		lb_fatal(LB_EXIT_SETUP, "cannot install the warden's system call filter");
	seccomp_release(ctx);
}
