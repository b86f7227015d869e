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
#include <stdint.h>
#include <syslog.h>

#define LB_LOG_LINE_MAX 4096
#define LB_LOG_WAITING_MAX (1u << 20)
#define LB_LOG_SOCKET "/dev/log"

/*
 * In the warden, before anything is logged.  foreground: copy to standard
 * error.  path: the socket of syslog, kept, not copied.
 */
void lb_log_open_warden(bool foreground, const char *path);
/* In a child, whose standard error is the socket to the warden. */
void lb_log_open_child(void);

/*
 * Logs one line at a syslog priority (LOG_INFO, …), facility authpriv.  The
 * line is escaped (lb_text_escape) and cut at LB_LOG_LINE_MAX.  Never blocks,
 * never fails; what cannot be sent waits, or is counted and told of later.
 * Leaves errno alone.
 */
void lb_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The warden passing on a child's datagram: "<N>text" or bare text.  loudest is
 * the highest priority (the lowest number) that this child may use.
 */
void lb_log_relay(const char *process, int loudest, const char *datagram, size_t len);

/*
 * To be called every second or two: sends what waits, and says what budgets
 * have held back.  Never blocks.  True when something still waits: then it is
 * to be called again in LB_LOG_HURRY_MS.
 */
#define LB_LOG_HURRY_MS 50
bool lb_log_tick(void);
/* At the end of a process: sends what waits, for at most wait_ms. */
void lb_log_flush(unsigned wait_ms);

/* Logs at LOG_CRIT and ends the process with status.  For start-up and broken invariants only. */
void lb_fatal(int status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/*
 * A budget of lines: true while this call may log.  At most burst at once and
 * per_s a second; how many were held back is told with the next that may go, or
 * by lb_log_tick().  A budget that was used lives as long as its process, and so
 * does what, the name of the source.
 */
struct lb_log_budget {
	unsigned per_s, burst;
	double tokens;
	int64_t last_ns;
	unsigned long held_back;
};
bool lb_log_may(struct lb_log_budget *budget, const char *what);
/* The same at a given time of the monotonic clock, for lb_log_may() and the tests. */
bool lb_log_may_at(struct lb_log_budget *budget, const char *what, int64_t now_ns);
/* Says what a budget has held back, if it may by now. */
void lb_log_settle_at(struct lb_log_budget *budget, const char *what, int64_t now_ns);

#endif
