/* The injector: see inject.h.  x86-64 only: it changes registers. */
#include "inject.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "magic.h"

#define TRACEES 256
#define STACK_BYTES 3072
#define SLOTS (INJECT_SITES * 2)

const char *const inject_role_names[INJECT_ROLES] = {
	"main", "child", "check", "keeper", "front", "courier",
};

/* ---- what a call can fail with ---- */

static const int e_io[] = {EIO, 0}, e_mem[] = {ENOMEM, 0}, e_files[] = {EMFILE, ENFILE, 0},
		 e_again[] = {EAGAIN, 0}, e_intr[] = {EINTR, 0}, e_perm[] = {EPERM, 0},
		 e_space[] = {ENOSPC, EIO, 0}, e_read[] = {EIO, INJECT_SHORT, EINTR, 0},
		 e_write[] = {ENOSPC, INJECT_SHORT, EINTR, EIO, 0},
		 e_send[] = {ENOBUFS, EPIPE, EINTR, EAGAIN, 0},
		 e_receive[] = {ECONNRESET, EINTR, EAGAIN, 0},
		 e_open[] = {EMFILE, ENOMEM, EACCES, 0}, e_epoll[] = {ENOMEM, ENOSPC, 0},
		 e_stat[] = {ENOMEM, EACCES, 0}, e_none[] = {0}, e_mdir[] = {ENOSPC, EDQUOT, 0},
		 e_inval[] = {EINVAL, 0}, e_wait[] = {EINTR, 0}, e_signal[] = {EPERM, ESRCH, 0},
		 e_random[] = {EINTR, EAGAIN, 0}, e_connect[] = {ECONNREFUSED, EAGAIN, EINTR, 0},
		 e_limit[] = {EPERM, 0}, e_dir[] = {ENOENT, EIO, 0};

static const struct {
	int call;
	const int *errors;
} rows[] = {
	/* No way to fail, or nobody to tell: the end of a process, and what only gives back. */
	{SYS_exit, e_none},
	{SYS_exit_group, e_none},
	{SYS_rt_sigreturn, e_none},
	{SYS_restart_syscall, e_none},
	{SYS_munmap, e_none},
	{SYS_getpid, e_none},
	{SYS_getppid, e_none},
	{SYS_gettid, e_none},
	{SYS_getuid, e_none},
	{SYS_geteuid, e_none},
	{SYS_getgid, e_none},
	{SYS_getegid, e_none},
	{SYS_umask, e_none},
	{SYS_arch_prctl, e_none},
	{SYS_set_tid_address, e_none},
	{SYS_set_robust_list, e_none},
	{SYS_rseq, e_none},
	{SYS_futex, e_none},
	/* They fail at wrong arguments only. */
	{SYS_rt_sigprocmask, e_none},
	{SYS_rt_sigaction, e_none},
	{SYS_sigaltstack, e_none},
	{SYS_time, e_none},
	{SYS_sched_yield, e_none},
	{INJECT_ALLOC, e_mem},
	{SYS_brk, e_mem},
	{SYS_mmap, e_mem},
	{SYS_mremap, e_mem},
	{SYS_mprotect, e_mem},
	{SYS_mlockall, e_mem},
	{SYS_read, e_read},
	{SYS_readv, e_read},
	{SYS_pread64, e_read},
	{SYS_write, e_write},
	{SYS_writev, e_space},
	{SYS_pwrite64, e_write},
	{SYS_pwritev, e_space},
	{SYS_sendto, e_send},
	{SYS_sendmsg, e_send},
	{SYS_recvfrom, e_receive},
	{SYS_recvmsg, e_receive},
	{SYS_connect, e_connect},
	{SYS_open, e_open},
	{SYS_openat, e_open},
	{SYS_socket, e_files},
	{SYS_socketpair, e_files},
	{SYS_pipe2, e_files},
	{SYS_accept4, e_files},
	{SYS_dup, e_files},
	{SYS_dup2, e_files},
	{SYS_fcntl, e_files},
	{SYS_pidfd_open, e_files},
	{SYS_eventfd2, e_files},
	{SYS_epoll_create, e_files},
	{SYS_epoll_create1, e_files},
	{SYS_timerfd_create, e_files},
	{SYS_memfd_create, e_files},
	{SYS_epoll_ctl, e_epoll},
	{SYS_epoll_wait, e_intr},
	{SYS_epoll_pwait, e_intr},
	{SYS_poll, e_intr},
	{SYS_ppoll, e_intr},
	{SYS_timerfd_settime, e_inval},
	{SYS_setsockopt, e_mem},
	{SYS_getsockopt, e_mem},
	{SYS_ioctl, e_io},
	{SYS_clone, e_again},
	{SYS_clone3, e_again},
	{SYS_fork, e_again},
	{SYS_vfork, e_again},
	{SYS_execve, e_mem},
	{SYS_execveat, e_mem},
	{SYS_wait4, e_wait},
	{SYS_waitid, e_wait},
	{SYS_kill, e_signal},
	{SYS_pidfd_send_signal, e_signal},
	{SYS_stat, e_stat},
	{SYS_lstat, e_stat},
	{SYS_fstat, e_stat},
	{SYS_newfstatat, e_stat},
	{SYS_access, e_stat},
	{SYS_getdents64, e_dir},
	{SYS_mkdir, e_mdir},
	{SYS_mkdirat, e_mdir},
	{SYS_ftruncate, e_space},
	{SYS_fallocate, e_space},
	{SYS_fsync, e_space},
	{SYS_fdatasync, e_space},
	{SYS_rename, e_space},
	{SYS_renameat, e_space},
	{SYS_renameat2, e_space},
	{SYS_flock, e_again},
	{SYS_getrandom, e_random},
	{SYS_chmod, e_perm},
	{SYS_fchmod, e_perm},
	{SYS_chown, e_perm},
	{SYS_fchown, e_perm},
	{SYS_setresuid, e_again},
	{SYS_setresgid, e_perm},
	{SYS_setgroups, e_perm},
	{SYS_prlimit64, e_limit},
	{SYS_prctl, e_inval},
	{SYS_clock_gettime, e_inval},
	{SYS_clock_nanosleep, e_intr},
};

int
inject_errors(int call, const int **errors)
{
	int n = 0;

	*errors = e_io;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].call == call)
			*errors = rows[i].errors;
	while ((*errors)[n] != 0)
		n++;
	return n;
}

const char *
inject_call_name(int call)
{
	static char names[512][32];
	char *name;

	if (call == INJECT_ALLOC)
		return "allocation";
	if (call < 0 || call >= 512)
		return "?";
	if (names[call][0] == '\0') {
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
		snprintf(names[call], sizeof names[call], "%s", name != NULL ? name : "?");
		free(name);
	}
	return names[call];
}

bool
inject_in_list(const char *list, uint32_t frame)
{
	for (const char *at = list; at != NULL && *at != '\0'; at += *at == ',') {
		if (strtoul(at, NULL, 16) == frame)
			return true;
		at += strcspn(at, ",");
	}
	return false;
}

const char *
inject_error_name(int error)
{
	return error == INJECT_SHORT ? "short" : strerrorname_np(error);
}

/* ---- the injector's process ---- */

struct code {
	uint64_t start, end, base; /* of the mapping; base: what offsets are counted from */
	unsigned char *bytes;
};

struct tracee {
	pid_t pid;
	enum inject_role role;
	bool known, in_call, held;
	int last; /* the call that it made last */
	struct code code;
	int pending; /* what is to be put in place of the result */
	bool restore;
	unsigned long long restored;
};

static struct tracee tracees[TRACEES];
static struct inject_report *report;
static struct inject_point point;
static const char *object;
static uint32_t slots[SLOTS]; /* index into report->site, plus 1 */
static unsigned reached_count;
static pid_t main_pid;

static struct tracee *
tracee_of(pid_t pid)
{
	struct tracee *room = NULL;

	for (size_t i = 0; i < TRACEES; i++) {
		if (tracees[i].pid == pid)
			return &tracees[i];
		if (tracees[i].pid == 0 && room == NULL)
			room = &tracees[i];
	}
	if (room != NULL) {
		memset(room, 0, sizeof *room);
		room->pid = pid;
	}
	return room;
}

static int
read_memory(pid_t pid, uint64_t at, void *to, size_t size)
{
	struct iovec local = {to, size}, remote = {(void *)(uintptr_t)at, size};
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	return n < 0 ? 0 : (int)n;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Where the code is that names sites: the program's own, or the object's. */
static void
find_code(struct tracee *t)
{
	char path[64], line[512], exe[PATH_MAX] = "", *name;
	unsigned long long start, end, first = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)t->pid);
	if (readlink(path, exe, sizeof exe - 1) < 0)
		exe[0] = '\0';
	name = strrchr(exe, '/');
	snprintf(path, sizeof path, "/proc/%d/maps", (int)t->pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		char mode[8] = "", file[400] = "";

		if (sscanf(line, "%llx-%llx %7s %*s %*s %*s %399[^\n]", &start, &end, mode, file) <
		    3)
			continue;
		if (object != NULL ? !ends_with(file, object)
				   : name == NULL || !ends_with(file, name))
			continue;
		if (first == 0)
			first = start;
		if (mode[2] != 'x')
			continue;
		t->code.base = first;
		t->code.start = start;
		t->code.end = end;
		free(t->code.bytes);
		t->code.bytes = malloc((size_t)(end - start));
		if (t->code.bytes == NULL ||
		    read_memory(t->pid, start, t->code.bytes, (size_t)(end - start)) !=
			    (int)(end - start))
			t->code.start = t->code.end = 0;
		break;
	}
	fclose(f);
}

/* True when the instruction before this address is a call. */
static bool
after_call(const struct code *c, uint64_t address)
{
	const unsigned char *p = c->bytes + (address - c->start);
	uint64_t room = address - c->start;

	return (room >= 5 && p[-5] == 0xe8) ||
	       (room >= 2 && p[-2] == 0xff && (p[-1] & 0x38) == 0x10) ||
	       (room >= 3 && p[-3] == 0xff && (p[-2] & 0x38) == 0x10) ||
	       (room >= 6 && p[-6] == 0xff && (p[-5] & 0x38) == 0x10);
}

static uint64_t
site_of(const struct tracee *t, int call, uint64_t sp, uint32_t frame[INJECT_FRAMES])
{
	uint64_t words[STACK_BYTES / 8], hash = 1469598103934665603ull;
	int n = 0, got;

	memset(frame, 0, INJECT_FRAMES * sizeof *frame);
	if (t->code.end == 0)
		return 0;
	/* The stack may end sooner: then as much of it as there is. */
	got = read_memory(t->pid, sp, words, sizeof words);
	if (got == 0)
		got = read_memory(t->pid, sp, words,
				  (size_t)(4096 - sp % 4096) < sizeof words
					  ? (size_t)(4096 - sp % 4096)
					  : sizeof words);
	for (int i = 0; i < got / 8 && n < INJECT_FRAMES; i++)
		if (words[i] > t->code.start && words[i] < t->code.end &&
		    after_call(&t->code, words[i]))
			frame[n++] = (uint32_t)(words[i] - t->code.base);
	for (int i = 0; i < n; i++)
		hash = (hash ^ frame[i]) * 1099511628211ull;
	return n == 0 ? 0 : (hash ^ (uint64_t)(unsigned)call) * 1099511628211ull;
}

static struct inject_site *
site_entry(enum inject_role role, int call, uint64_t site, const uint32_t frame[INJECT_FRAMES])
{
	uint64_t at =
		site ^ (uint64_t)role * 0x9e3779b97f4a7c15ull ^ (uint64_t)(unsigned)call << 20;

	for (at %= SLOTS;; at = (at + 1) % SLOTS) {
		struct inject_site *s;

		if (slots[at] == 0) {
			if (report->sites == INJECT_SITES) {
				report->overflow = true;
				return NULL;
			}
			slots[at] = ++report->sites;
			s = &report->site[slots[at] - 1];
			s->role = role;
			s->call = call;
			s->site = site;
			memcpy(s->frame, frame, sizeof s->frame);
			s->count = 0;
			return s;
		}
		s = &report->site[slots[at] - 1];
		if (s->role == role && s->call == call && s->site == site)
			return s;
	}
}

static void
on_entry(struct tracee *t)
{
	struct user_regs_struct regs;
	uint32_t frame[INJECT_FRAMES];
	const int *errors;
	struct inject_site *s;
	uint64_t site;
	int call;

	if (ptrace(PTRACE_GETREGS, t->pid, NULL, &regs) != 0)
		return;
	t->last = call = (int)regs.orig_rax;
	if (call == SYS_getpid && regs.rdi == INJECT_MAGIC) {
		call = INJECT_ALLOC;
		report->in_use[t->role] = regs.rdx;
	}
	if (inject_errors(call, &errors) == 0 || t->code.end == 0)
		return;
	site = site_of(t, call, regs.rsp, frame);
	/* Nothing of the program's own is on the way: the loader, before main. */
	if (site == 0 && object == NULL)
		return;
	s = site_entry(t->role, call, site, frame);
	if (s == NULL)
		return;
	s->count++;
	if (point.nth == 0 || t->role != point.role || call != point.call || site != point.site ||
	    ++reached_count < point.nth || (reached_count > point.nth && !point.always))
		return;
	report->reached = true;
	if (point.error == INJECT_SHORT) {
		if (regs.rdx < 2)
			return;
		t->restore = true;
		t->restored = regs.rdx;
		regs.rdx /= 2;
	} else {
		t->pending = point.error;
		if (call == SYS_close)
			return; /* the descriptor is gone whatever close() says */
		regs.orig_rax = SYS_getpid;
	}
	ptrace(PTRACE_SETREGS, t->pid, NULL, &regs);
}

static void
on_return(struct tracee *t)
{
	struct user_regs_struct regs;

	if ((t->pending == 0 && !t->restore) || ptrace(PTRACE_GETREGS, t->pid, NULL, &regs) != 0)
		return;
	if (t->pending != 0)
		regs.rax = (unsigned long long)-(long long)t->pending;
	if (t->pending != 0 && point.call == SYS_brk)
		regs.rax = 0; /* what brk() gives is where the heap ends */
	if (t->restore)
		regs.rdx = t->restored;
	t->pending = 0;
	t->restore = false;
	ptrace(PTRACE_SETREGS, t->pid, NULL, &regs);
}

/* Where a process is when a signal comes that will end it. */
static void
note_place(const struct tracee *t)
{
	char path[64], line[512];
	struct user_regs_struct regs;
	unsigned long long start, end, first = 0;
	char last[400] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)t->pid);
	if (ptrace(PTRACE_GETREGS, t->pid, NULL, &regs) != 0 || (f = fopen(path, "re")) == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL) {
		char file[400] = "";

		if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %399[^\n]", &start, &end, file) < 2)
			continue;
		if (strcmp(file, last) != 0)
			first = start;
		strcpy(last, file);
		if (regs.rip >= start && regs.rip < end)
			snprintf(report->place, sizeof report->place, "%.60s+0x%llx",
				 strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file,
				 regs.rip - first);
	}
	fclose(f);
}

/* Which program has been executed: one of lockboxd's own, or one to let go. */
static bool
on_exec(struct tracee *t)
{
	char path[64], line[256] = "";
	int fd, n;

	if (t->pid == main_pid) {
		t->role = INJECT_MAIN;
		find_code(t);
		return true;
	}
	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)t->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : (int)read(fd, line, sizeof line - 1);
	if (fd >= 0)
		close(fd);
	if (n < 14 || strcmp(line, "lockboxd") != 0 || strcmp(line + 9, "-x") != 0)
		return false;
	for (int r = INJECT_KEEPER; r < INJECT_ROLES; r++)
		if (strcmp(line + 12, inject_role_names[r]) == 0) {
			t->role = (enum inject_role)r;
			report->pid[r] = t->pid;
			find_code(t);
			return true;
		}
	return false;
}

static void
copy_code(struct tracee *to, const struct tracee *from)
{
	size_t size = (size_t)(from->code.end - from->code.start);

	to->code = from->code;
	to->code.bytes = NULL;
	if (size == 0 || from->code.bytes == NULL || (to->code.bytes = malloc(size)) == NULL)
		to->code.start = to->code.end = 0;
	else
		memcpy(to->code.bytes, from->code.bytes, size);
}

static void
on_fork(const struct tracee *parent)
{
	unsigned long pid = 0;
	struct tracee *t;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) != 0 ||
	    (t = tracee_of((pid_t)pid)) == NULL)
		return;
	t->role = parent->role == INJECT_MAIN || parent->role == INJECT_CHILD ? INJECT_CHILD
									      : INJECT_CHECK;
	copy_code(t, parent);
	t->known = true;
	if (t->held) {
		t->held = false;
		ptrace(PTRACE_SYSCALL, t->pid, NULL, 0);
	}
}

static void
on_end(struct tracee *t, int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == SIGSEGV || sig == SIGBUS || sig == SIGABRT || sig == SIGSYS || sig == SIGILL ||
	    sig == SIGFPE || sig == SIGTRAP) {
		if (report->crashes < INJECT_CRASHES) {
			report->crash[report->crashes].role = t->role;
			report->crash[report->crashes].signal = sig;
			report->crash[report->crashes].call = t->last;
		}
		report->crashes++;
	}
	if (report->pid[t->role] == t->pid)
		report->pid[t->role] = 0;
	if (t->pid == main_pid) {
		report->status = status;
		report->over = true;
	}
	free(t->code.bytes);
	memset(t, 0, sizeof *t);
}

static void
on_stop(struct tracee *t, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (!t->known) {
		/* A new child may be seen before its parent's word of it. */
		t->held = true;
		return;
	}
	if (sig == (SIGTRAP | 0x80)) {
		t->in_call = !t->in_call;
		if (t->in_call)
			on_entry(t);
		else
			on_return(t);
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		sig = 0;
		if (!on_exec(t)) {
			ptrace(PTRACE_DETACH, t->pid, NULL, 0);
			free(t->code.bytes);
			memset(t, 0, sizeof *t);
			return;
		}
	} else if (event != 0) {
		on_fork(t);
		sig = 0;
	} else if (sig == SIGSTOP) {
		sig = 0; /* the first stop of a new child */
	}
	if (sig == SIGSEGV || sig == SIGABRT || sig == SIGBUS)
		note_place(t);
	if (object != NULL && sig == 0 && !t->in_call && t->code.end == 0)
		find_code(t); /* loaded on the way */
	ptrace(PTRACE_SYSCALL, t->pid, NULL, sig);
}

static void
trace(void)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	struct tracee *t = tracee_of(main_pid);
	int status;

	t->known = true;
	report->pid[INJECT_MAIN] = main_pid;
	if (waitpid(main_pid, &status, __WALL) != main_pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, main_pid, NULL, options) != 0)
		_exit(3);
	ptrace(PTRACE_SYSCALL, main_pid, NULL, 0);
	for (;;) {
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break;
		t = tracee_of(pid);
		if (t == NULL)
			_exit(3);
		if (WIFSTOPPED(status))
			on_stop(t, status);
		else
			on_end(t, status);
	}
	_exit(0);
}

static void __attribute__((noreturn))
run_program(const struct inject *in, char *const argv[], char *const envp[], int out_fd, int err_fd)
{
	if ((out_fd >= 0 && dup2(out_fd, 1) < 0) || (err_fd >= 0 && dup2(err_fd, 2) < 0))
		_exit(127);
	if (in->uid != 0 && (setgroups(0, NULL) != 0 || setresgid(in->gid, in->gid, in->gid) != 0 ||
			     setresuid(in->uid, in->uid, in->uid) != 0))
		_exit(127);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	execve(argv[0], argv, envp);
	_exit(127);
}

int
inject_start(struct inject *in, const struct inject_point *p, const char *named, char *const argv[],
	     char *const envp[], int out_fd, int err_fd)
{
	if (in->report == NULL) {
		in->report = mmap(NULL, sizeof *in->report, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (in->report == MAP_FAILED)
			return -1;
	}
	memset(in->report, 0, offsetof(struct inject_report, site));
	in->pid = fork();
	if (in->pid < 0)
		return -1;
	if (in->pid > 0)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	report = in->report;
	point = *p;
	object = named;
	memset(tracees, 0, sizeof tracees);
	memset(slots, 0, sizeof slots);
	reached_count = 0;
	main_pid = fork();
	if (main_pid == 0)
		run_program(in, argv, envp, out_fd, err_fd);
	if (main_pid < 0)
		_exit(3);
	trace();
	_exit(0);
}

bool
inject_over(struct inject *in)
{
	if (in->pid > 0 && waitpid(in->pid, NULL, WNOHANG) == in->pid)
		in->pid = 0;
	return in->pid <= 0;
}

bool
inject_finish(struct inject *in, int limit_ms)
{
	for (int i = 0; i < limit_ms && !inject_over(in); i++)
		poll(NULL, 0, 1);
	if (inject_over(in))
		return true;
	kill(in->pid, SIGKILL);
	waitpid(in->pid, NULL, 0);
	in->pid = 0;
	return false;
}

void
inject_free(struct inject *in)
{
	if (in->report != NULL)
		munmap(in->report, sizeof *in->report);
	in->report = NULL;
}
