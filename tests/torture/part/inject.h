/*
 * Runs a program under ptrace and makes one of its system calls, or one of its
 * allocations, fail.
 *
 * A point is named by the role of the process, the call, the place in the
 * program's own code that made it (a hash of the nearest return addresses, so
 * it stands for a call path), and which time it is at that place.  In the
 * processes of a daemon the order of calls differs from run to run; their
 * paths do not.
 *
 * Roles: "main", the program itself; "child", what main forked; "check", what
 * a role forked; and for lockboxd -x NAME the NAME.  Any other program that is
 * executed is let go.
 */
#ifndef INJECT_H
#define INJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define INJECT_ALLOC (-1) /* the call number of allocations */
#define INJECT_FRAMES 3
#define INJECT_SITES 8192
#define INJECT_CRASHES 8

enum inject_role {
	INJECT_MAIN,
	INJECT_CHILD,
	INJECT_CHECK,
	INJECT_KEEPER,
	INJECT_FRONT,
	INJECT_COURIER,
	INJECT_ROLES,
};
extern const char *const inject_role_names[INJECT_ROLES];

/* What is done instead of the call: an errno, or one of these. */
enum { INJECT_SHORT = 5000 /* half of the bytes are done */ };

struct inject_point {
	enum inject_role role;
	int call; /* system call number or INJECT_ALLOC */
	uint64_t site;
	unsigned nth; /* from 1; 0: nothing fails, only count */
	bool always;  /* from the nth on it fails each time */
	int error;
};

struct inject_site {
	enum inject_role role;
	int call;
	uint64_t site;
	uint32_t frame[INJECT_FRAMES]; /* offsets in the program; 0: none */
	unsigned count;
};

/* Shared with the injector while it runs. */
struct inject_report {
	volatile bool reached;
	volatile bool over;		  /* the program has ended */
	volatile int status;		  /* as of wait() */
	volatile pid_t pid[INJECT_ROLES]; /* the last process of a role, 0 when it has ended */
	volatile uint64_t in_use[INJECT_ROLES]; /* where it counts its blocks */
	volatile unsigned crashes;
	char place[128]; /* where the last of them was, if known */
	struct {
		enum inject_role role;
		int signal, call; /* the last call that it made */
	} crash[INJECT_CRASHES];
	volatile unsigned sites;
	volatile bool overflow; /* more sites than there is room for */
	struct inject_site site[INJECT_SITES];
};

struct inject {
	uid_t uid; /* whom the program runs as; 0: as here */
	gid_t gid;
	pid_t pid; /* the injector's */
	struct inject_report *report;
};

/*
 * Starts argv with the given environment; what it writes goes to out_fd and
 * err_fd (-1: as here).  object: the end of the path of the mapped file whose
 * code names sites, NULL: the program itself.  0, or -1 with errno.
 */
int inject_start(struct inject *in, const struct inject_point *point, const char *object,
		 char *const argv[], char *const envp[], int out_fd, int err_fd);
/* True when the program and all it left has ended; never blocks. */
bool inject_over(struct inject *in);
/* Waits up to limit_ms for the end of all of it; then kills what is left.  False when it had to. */
bool inject_finish(struct inject *in, int limit_ms);
void inject_free(struct inject *in);

/*
 * Places (return addresses, "0xN,0xN") from which a library is called that does
 * not stand a lack of memory itself: what it then does is not the program's
 * fault.  True when the innermost of a place's addresses is in the list.
 */
bool inject_in_list(const char *list, uint32_t frame);

/* The errors that a call is made to fail with, first the usual one; returns how many. */
int inject_errors(int call, const int **errors);
const char *inject_call_name(int call);
const char *inject_error_name(int error);

#endif
