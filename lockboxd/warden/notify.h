/*
 * Telling the service manager how the daemon stands: sd_notify(3), the part of
 * it that is needed here.
 *
 * It is one datagram to the socket that the environment names, so it is done
 * here and no library is linked into a process that is root for it.  Without a
 * manager, every call does nothing.
 */
#ifndef LB_WARDEN_NOTIFY_H
#define LB_WARDEN_NOTIFY_H

#include <stdint.h>

#define LB_NOTIFY_MAX 1024

/*
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, before the environment
 * is cleared.  A path or an abstract name; anything else counts as none.
 */
void lb_notify_open(void);

/* How often the manager wants to hear WATCHDOG=1, in nanoseconds, at most; 0: not at all. */
int64_t lb_notify_watchdog_ns(void);

/*
 * Sends the assignments, one on a line ("READY=1\nSTATUS=..."), at most
 * LB_NOTIFY_MAX bytes.  Never blocks: 0 sent, or there is nobody to tell; -1
 * the manager has no room just now, and what matters is to be sent again.
 */
int lb_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
