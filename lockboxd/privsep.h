/*
 * Starting the unprivileged processes, and giving up privilege.  PRIVSEP says
 * who may see and do what, and what is left when one is taken over.
 */
#ifndef LB_PRIVSEP_H
#define LB_PRIVSEP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum lb_proc { LB_PROC_KEEPER, LB_PROC_FRONT, LB_PROC_COURIER, LB_PROC_COUNT };

/* Descriptors a child finds open after its start; the rest is closed. */
#define LB_FD_LINK 3   /* keeper: to the warden; front, courier: to the keeper */
#define LB_FD_PUBLIC 4 /* keeper: the public socket, listening */
#define LB_FD_PAM 5    /* keeper: the root-only socket, listening */

/* Exit statuses of a child that the warden understands; see sysexits.h. */
#define LB_EXIT_SETUP 78 /* cannot start, and trying again will not help */

struct lb_child {
	enum lb_proc proc;
	pid_t pid;
	int pidfd;
	int log_fd; /* the warden's end of the child's standard error */
};

/* "keeper", "front", "courier"; and back, LB_PROC_COUNT when there is none such. */
const char *lb_proc_name(enum lb_proc proc);
enum lb_proc lb_proc_by_name(const char *name);
/* The system user a process runs as. */
const char *lb_proc_user(enum lb_proc proc);

/*
 * Looks the process users up in /etc/passwd itself (no name service), all of
 * them distinct and none root.  LB_ERR_NOT_FOUND with the user's name in
 * *missing.
 */
int lb_privsep_users(const char **missing);

/* The ids found by lb_privsep_users(). */
void lb_privsep_ids(enum lb_proc proc, uid_t *uid, gid_t *gid);

/*
 * Starts this same program file anew as process proc, with fds[0..count) as
 * its descriptors from LB_FD_LINK on and an empty environment.  root_dir is
 * the directory it is to change its root to.  Fills *child.  LB_ERR_SYSTEM.
 */
int lb_privsep_spawn(enum lb_proc proc, const int *fds, size_t count, const char *root_dir,
		     struct lb_child *child);

/*
 * The drop, the same for every child and in this order: no core dump and no
 * ptrace, memory locked (the program, its stack, and a heap made large enough
 * beforehand; what is mapped later, like the store, is not), root to root_dir, groups, gid, uid, proof that none of
 * it can be taken back, no new privileges.  Any failure ends the process.
 */
void lb_privsep_drop(uid_t uid, gid_t gid, const char *root_dir);

/* In a child: it ends when its link does, whatever signal a terminal or an operator sends. */
void lb_privsep_ignore_signals(void);

/*
 * From here on no file can be opened by name, except to read below the
 * directory readable_fd (-1: none): Landlock, landlock(7).  Where the kernel
 * has none, that is logged and the change of root has to do.
 */
void lb_sandbox_confine_files(int readable_fd);

/*
 * Installs the system call filter of proc: its own allow-list (sandbox.c),
 * everything else ends the process.  Any failure ends it too.
 */
void lb_sandbox_enter(enum lb_proc proc);
/* The warden's: what a root process that serves no network may still never do is refused. */
void lb_sandbox_enter_warden(void);

#endif
