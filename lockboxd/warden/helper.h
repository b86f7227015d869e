/*
 * Helpers: short-lived children of the warden for work that may block or that
 * is done with an account's own rights.  The warden goes on meanwhile; nothing
 * here ever waits.
 */
#ifndef LB_HELPER_H
#define LB_HELPER_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;

#define LB_HELPER_TEXT_MAX 1024
#define LB_HELPERS_MAX 32 /* that run at the same time; the rest waits in line */

/*
 * Runs in the child.  Writes what is to be known into text (cap bytes,
 * terminated) and returns 0 for success.  May block, may end the process.
 */
typedef int lb_helper_work(const void *job, char *text, size_t cap);
/*
 * Runs in the warden when the child is over, or when its time is: a child that
 * does not even die of SIGKILL is left to die when it can.  ok is false when it
 * failed, was killed or took too long; text is what it wrote, or says what
 * happened.
 */
typedef void lb_helper_done(void *arg, bool ok, const char *text);

/*
 * Has work(job) run in a child with standard descriptors only, at most
 * timeout_ms long once it has begun.  job (size bytes) is copied.  done is
 * called once, later, from the event loop.  urgent: ahead of those in line, and
 * not counted.  LB_ERR_NOMEM: then done is not called.
 */
int lb_helper_run(struct event_base *base, lb_helper_work *work, const void *job, size_t size,
		  unsigned timeout_ms, bool urgent, lb_helper_done *done, void *arg);

#endif
