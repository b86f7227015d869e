/*
 * Linked into every program of the coverage build, and into nothing else.
 *
 * Counters are written when a process ends, also by _exit().  The keeper writes
 * them below its own root directory, from where they are collected; for that,
 * and only in this build, its file confinement and its system call filter are
 * replaced at link time (--wrap) by functions that do nothing.
 */
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privsep.h"

void __gcov_dump(void);
pid_t __gcov_fork(void);
void __real___gcov_exit(void);
void __wrap___gcov_exit(void);
void __wrap_lb_sandbox_enter(enum lb_proc proc);
void __wrap_lb_sandbox_confine_files(int readable_fd);

/* Where they can be written: in the build's directory, or by a keeper below its own root. */
static bool
counts(void)
{
	return access(LB_COUNTERS, W_OK) == 0 ||
	       (geteuid() != 0 && access("/store.mdb", W_OK) == 0);
}

/* In place of what the compiler calls at the end of a process. */
void
__wrap___gcov_exit(void)
{
	if (counts())
		__real___gcov_exit();
}

/*
 * The compiler makes of fork() one that writes all counters before it.  Tests
 * that look at thousands of damaged stores, each in a process of its own, would
 * do little else: after the first hundreds, one in sixteen is enough.
 */
static unsigned forks;

__attribute__((visibility("default"))) pid_t
__gcov_fork(void)
{
	forks++;
	return _Fork();
}

__attribute__((visibility("default"), noreturn)) void
_exit(int status)
{
	if ((forks < 400 || forks % 16 == 0) && counts())
		__gcov_dump();
	for (;;)
		syscall(SYS_exit_group, status);
}

void
__wrap_lb_sandbox_enter(enum lb_proc proc)
{
	(void)proc;
}

void
__wrap_lb_sandbox_confine_files(int readable_fd)
{
	(void)readable_fd;
}
