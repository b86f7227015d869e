/*
 * Logging for the four processes.
 *
 * The warden owns the way out: a datagram socket to syslog that never blocks
 * (a stopped syslog must not hold up an eviction), and standard error when in
 * the foreground.  Its children write one datagram per line to their standard
 * error, which is a socket to the warden, so they need no file and no name
 * service, and whatever a library prints there is caught as well.
 */
#ifndef LB_LOG_H
#define LB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#define LB_LOG_LINE_MAX 4096

/* In the warden, before anything is logged.  foreground: copy to standard error. */
void lb_log_open_warden(bool foreground);
/* In a child, whose standard error is the socket to the warden. */
void lb_log_open_child(void);

/*
 * Logs one line at a syslog priority (LOG_INFO, …), facility authpriv.  The
 * line is escaped (lb_text_escape) and cut at LB_LOG_LINE_MAX.  Never blocks,
 * never fails; what cannot be sent is counted and told of later.  Leaves
 * errno alone.
 */
void lb_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The warden passing on a child's datagram: "<N>text" or bare text. */
void lb_log_relay(const char *process, const char *datagram, size_t len);

/* Logs at LOG_CRIT and ends the process with status.  For start-up and broken invariants only. */
void lb_fatal(int status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/*
 * A budget of lines: true while this call may log.  At most burst at once and
 * per_s a second; lines held back are reported with the next that may go.
 */
struct lb_log_budget {
	unsigned per_s, burst;
	double tokens;
	double last_s;
	unsigned long held_back;
};
bool lb_log_may(struct lb_log_budget *budget, const char *what);

#endif
