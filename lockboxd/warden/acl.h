/*
 * Access entries: what a resource that is a path gives to one account, as a
 * POSIX ACL entry for its uid on that very file or directory and on nothing
 * below it.
 *
 * These run in helpers (helper.h) and may block.  The path is walked by
 * descriptor, with no symbolic link in it, and only through directories that
 * nobody but root can change; so whoever owns the file cannot have another one
 * put in its place.  A file with more than one name is given to nobody; whoever may
 * write it can make one, so it is taken away all the same.
 */
#ifndef LB_WARDEN_ACL_H
#define LB_WARDEN_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_ACL_PATH_MAX 128

/* Read: r-- on a file, r-x on a directory; write: rw-, on a file only. */
struct lb_acl {
	char path[LB_ACL_PATH_MAX + 1];
	bool write;
};

/*
 * Gives uid the entry, or sets the one that is there.  Nobody else gets more by
 * it: where the mask would have to let others do more, it is refused.  lock: a
 * file of root's, made if missing, that keeps two of these apart.  0, or -1 with
 * text (cap bytes) saying why.
 */
int lb_acl_give(const char *lock, uint32_t uid, const struct lb_acl *what, char *text, size_t cap);

/*
 * Takes the entry away.  1: it was there; 0: there was none, or the path is not
 * there; -1 with text saying why.
 */
int lb_acl_take(const char *lock, uint32_t uid, const struct lb_acl *what, char *text, size_t cap);

/* Entries of one account that a helper is to take away. */
struct lb_acl_job {
	char lock[256];
	uint32_t uid;
	size_t count;
	struct lb_acl acl[];
};
/* Of size bytes, to be freed; NULL: out of memory. */
struct lb_acl_job *lb_acl_job_new(const char *lock, uint32_t uid, const struct lb_acl *acl,
				  size_t count, size_t *size);
/* A lb_helper_work of such a job: text says of each what became of it. */
int lb_acl_take_all(const void *arg, char *text, size_t cap);

#endif
