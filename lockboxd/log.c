/* Logging: see log.h. */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum way { WAY_PLAIN, WAY_WARDEN, WAY_CHILD };

static enum way way = WAY_PLAIN;
static bool to_stderr;
static int syslog_fd = -1;
static unsigned long lost;

void
lb_log_open_warden(bool foreground)
{
	way = WAY_WARDEN;
	to_stderr = foreground;
}

void
lb_log_open_child(void)
{
	way = WAY_CHILD;
}

static int
syslog_connect(void)
{
	const struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sun, sizeof sun) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* One RFC 3164 datagram, as syslog(3) would write it, but never waiting for the receiver. */
static bool
syslog_send(int priority, const char *line)
{
	char datagram[LB_LOG_LINE_MAX + 128], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int len;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &tm);
	len = snprintf(datagram, sizeof datagram, "<%d>%s lockboxd[%d]: %s",
		       LOG_AUTHPRIV | priority, stamp, (int)getpid(), line);
	if (len < 0)
		return false;
	if ((size_t)len >= sizeof datagram)
		len = (int)sizeof datagram - 1;
	for (int tries = 0; tries < 2; tries++) {
		if (syslog_fd < 0)
			syslog_fd = syslog_connect();
		if (syslog_fd < 0)
			return false;
		if (send(syslog_fd, datagram, (size_t)len, MSG_NOSIGNAL) >= 0)
			return true;
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		close(syslog_fd); /* the receiver was restarted: connect anew */
		syslog_fd = -1;
	}
	return false;
}

static void
emit(int priority, const char *process, const char *line)
{
	char whole[LB_LOG_LINE_MAX + 32];
	struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};

	snprintf(whole, sizeof whole, "%s%s%s", process, *process ? ": " : "", line);
	/* A pipe that nobody reads must not hold the warden up: then the line is syslog's alone. */
	if (to_stderr && poll(&err, 1, 0) == 1 && (err.revents & POLLOUT))
		dprintf(STDERR_FILENO, "lockboxd: %s\n", whole);
	if (lost > 0) {
		char note[64];

		snprintf(note, sizeof note, "%lu log lines could not be delivered", lost);
		if (syslog_send(LOG_WARNING, note))
			lost = 0;
	}
	if (!syslog_send(priority, whole))
		lost++;
}

static void
log_line(int priority, const char *text)
{
	char line[LB_LOG_LINE_MAX], datagram[LB_LOG_LINE_MAX + 8];
	int saved = errno, len;

	if (lb_text_plain(text))
		memcpy(line, text, strlen(text) + 1);
	else
		lb_text_escape(line, sizeof line, text);
	switch (way) {
	case WAY_WARDEN:
		emit(priority, "", line);
		break;
	case WAY_CHILD:
		len = snprintf(datagram, sizeof datagram, "<%d>%s", priority, line);
		if (send(STDERR_FILENO, datagram, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			lost++;
		break;
	case WAY_PLAIN:
		dprintf(STDERR_FILENO, "lockboxd: %s\n", line);
		break;
	}
	errno = saved;
}

/*
 * Lines are built from parts that are already escaped where they came from
 * outside; escaping the whole again would double backslashes.  So only bytes
 * that lb_text_plain() refuses make a line pass through the escape.
 */
static void
vlog(int priority, const char *format, va_list ap)
{
	char text[LB_LOG_LINE_MAX];

	vsnprintf(text, sizeof text, format, ap);
	log_line(priority, text);
}

void
lb_log(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(priority, format, ap);
	va_end(ap);
}

void
lb_fatal(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(LOG_CRIT, format, ap);
	va_end(ap);
	_exit(status);
}

void
lb_log_relay(const char *process, const char *datagram, size_t len)
{
	char text[LB_LOG_LINE_MAX], line[LB_LOG_LINE_MAX];
	int priority = LOG_WARNING;

	while (len > 0 && (datagram[len - 1] == '\n' || datagram[len - 1] == '\0'))
		len--;
	if (len >= 3 && datagram[0] == '<' && datagram[1] >= '0' && datagram[1] <= '7' &&
	    datagram[2] == '>') {
		priority = datagram[1] - '0';
		datagram += 3;
		len -= 3;
	}
	if (len >= sizeof text)
		len = sizeof text - 1;
	memcpy(text, datagram, len);
	text[len] = '\0';
	if (lb_text_plain(text))
		memcpy(line, text, len + 1);
	else
		lb_text_escape(line, sizeof line, text);
	emit(priority, process, line);
}

static double
monotonic_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool
lb_log_may(struct lb_log_budget *b, const char *what)
{
	double now = monotonic_s();

	if (b->last_s > 0)
		b->tokens += (now - b->last_s) * b->per_s;
	if (b->last_s <= 0 || b->tokens > b->burst)
		b->tokens = b->burst;
	b->last_s = now;
	if (b->tokens < 1) {
		b->held_back++;
		return false;
	}
	b->tokens -= 1;
	if (b->held_back > 0) {
		lb_log(LOG_WARNING, "%s: %lu lines held back", what, b->held_back);
		b->held_back = 0;
	}
	return true;
}
