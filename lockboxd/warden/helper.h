/*
 * Helpers: short-lived children of the warden for work that may block or that
 * is done with an account's own rights.  The warden goes on meanwhile.
 */
#ifndef LB_HELPER_H
#define LB_HELPER_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;

#define LB_HELPER_TEXT_MAX 1024

/*
 * Runs in the child.  Writes what is to be known into text (cap bytes,
 * terminated) and returns 0 for success.  May block, may end the process.
 */
typedef int lb_helper_work(const void *job, char *text, size_t cap);
/*
 * Runs in the warden when the child is over.  ok is false when it failed, was
 * killed or took too long; text is what it wrote, or says what happened.
 */
typedef void lb_helper_done(void *arg, bool ok, const char *text);

/*
 * Forks and runs work(job) with standard descriptors only, at most timeout_ms
 * long.  done is called once, later, from the event loop.  LB_ERR_SYSTEM,
 * LB_ERR_NOMEM: then it is not.
 */
int lb_helper_run(struct event_base *base, lb_helper_work *work, const void *job,
		  unsigned timeout_ms, lb_helper_done *done, void *arg);

#endif
