/* Logging: see log.h. */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

enum way { WAY_PLAIN, WAY_WARDEN, WAY_CHILD };

/* A datagram that the receiver had no room for. */
struct waiting {
	STAILQ_ENTRY(waiting) next;
	size_t len;
	char bytes[];
};

#define LAST_WORDS_MS 500u
#define BUDGETS_TOLD 32 /* more have never held anything back at a time */

static enum way way = WAY_PLAIN;
static bool to_stderr;
static const char *syslog_path = LB_LOG_SOCKET;
static int syslog_fd = -1;
static STAILQ_HEAD(, waiting) queue = STAILQ_HEAD_INITIALIZER(queue);
static size_t queued;
static unsigned long lost;
static struct {
	struct lb_log_budget *budget;
	const char *what;
} holding[BUDGETS_TOLD];

void
lb_log_open_warden(bool foreground, const char *path)
{
	way = WAY_WARDEN;
	to_stderr = foreground;
	syslog_path = path;
}

void
lb_log_open_child(void)
{
	way = WAY_CHILD;
}

static int
syslog_connect(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", syslog_path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sun, sizeof sun) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool
syslog_send(const char *datagram, size_t len)
{
	for (int tries = 0; tries < 2; tries++) {
		if (syslog_fd < 0)
			syslog_fd = syslog_connect();
		if (syslog_fd < 0)
			return false;
		if (send(syslog_fd, datagram, len, MSG_NOSIGNAL) >= 0)
			return true;
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		close(syslog_fd); /* the receiver was restarted: connect anew */
		syslog_fd = -1;
	}
	return false;
}

static bool
transmit(const char *datagram, size_t len)
{
	if (way == WAY_WARDEN)
		return syslog_send(datagram, len);
	return send(STDERR_FILENO, datagram, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* Sends what waits, in order.  True when nothing does any more. */
static bool
send_waiting(void)
{
	struct waiting *w;

	while ((w = STAILQ_FIRST(&queue)) != NULL) {
		if (!transmit(w->bytes, w->len))
			return false;
		STAILQ_REMOVE_HEAD(&queue, next);
		queued -= w->len;
		free(w);
	}
	return true;
}

static void
keep(const char *datagram, size_t len)
{
	struct waiting *w = queued + len > LB_LOG_WAITING_MAX ? NULL : malloc(sizeof *w + len);

	if (w == NULL) {
		lost++;
		return;
	}
	w->len = len;
	memcpy(w->bytes, datagram, len);
	STAILQ_INSERT_TAIL(&queue, w, next);
	queued += len;
}

/* One RFC 3164 datagram, as syslog(3) would write it, or a child's "<N>text". */
static void
submit(int priority, const char *line)
{
	char datagram[LB_LOG_LINE_MAX + 128], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int len;

	if (way == WAY_CHILD) {
		len = snprintf(datagram, sizeof datagram, "<%d>%s", priority, line);
	} else {
		if (localtime_r(&now, &tm) == NULL ||
		    strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &tm) == 0)
			stamp[0] = '\0';
		len = snprintf(datagram, sizeof datagram, "<%d>%s lockboxd[%d]: %s",
			       LOG_AUTHPRIV | priority, stamp, (int)getpid(), line);
	}
	if (len < 0)
		return;
	if ((size_t)len >= sizeof datagram)
		len = (int)sizeof datagram - 1;
	if (!send_waiting() || !transmit(datagram, (size_t)len))
		keep(datagram, (size_t)len);
}

static void
tell_lost(void)
{
	char note[64];

	if (lost == 0 || !send_waiting())
		return;
	snprintf(note, sizeof note, "%lu log lines could not be delivered", lost);
	lost = 0;
	submit(LOG_WARNING, note);
}

#define TAG "lockboxd: "

static void
emit(int priority, const char *process, const char *line)
{
	char whole[sizeof TAG + 32 + LB_LOG_LINE_MAX];
	struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};
	size_t len;

	snprintf(whole, sizeof whole - 1, TAG "%s%s%s", process, *process ? ": " : "", line);
	len = strlen(whole);
	/* A pipe that nobody reads must not hold the warden up: then the line is syslog's alone. */
	if (to_stderr && poll(&err, 1, 0) == 1 && (err.revents & POLLOUT)) {
		whole[len] = '\n';
		(void)!write(STDERR_FILENO, whole, len + 1);
		whole[len] = '\0';
	}
	tell_lost();
	submit(priority, whole + sizeof TAG - 1);
}

static void
log_line(int priority, const char *text)
{
	char line[LB_LOG_LINE_MAX];
	int saved = errno;

	if (lb_text_plain(text))
		memcpy(line, text, strlen(text) + 1);
	else
		lb_text_escape(line, sizeof line, text);
	switch (way) {
	case WAY_WARDEN:
		emit(priority, "", line);
		break;
	case WAY_CHILD:
		tell_lost();
		submit(priority, line);
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
	lb_log_flush(LAST_WORDS_MS);
	_exit(status);
}

void
lb_log_relay(const char *process, int loudest, const char *datagram, size_t len)
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
	if (priority < loudest)
		priority = loudest;
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

void
lb_log_flush(unsigned wait_ms)
{
	struct pollfd p = {.fd = way == WAY_WARDEN ? syslog_fd : STDERR_FILENO, .events = POLLOUT};

	tell_lost();
	if (!send_waiting() && p.fd >= 0 && poll(&p, 1, (int)wait_ms) == 1)
		send_waiting();
}

static int64_t
monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
refill(struct lb_log_budget *b, int64_t now_ns)
{
	if (b->last_ns == 0)
		b->tokens = b->burst;
	else if (now_ns > b->last_ns)
		b->tokens += (double)(now_ns - b->last_ns) / 1e9 * b->per_s;
	if (b->tokens > b->burst)
		b->tokens = b->burst;
	b->last_ns = now_ns;
}

/* Whoever logs no more after a flood is to be heard of all the same: by the next tick. */
static void
hold_back(struct lb_log_budget *b, const char *what)
{
	if (b->held_back++ > 0)
		return;
	for (size_t i = 0; i < BUDGETS_TOLD; i++)
		if (holding[i].budget == NULL || holding[i].budget == b) {
			holding[i].budget = b;
			holding[i].what = what;
			return;
		}
}

static void
tell_held_back(struct lb_log_budget *b, const char *what)
{
	unsigned long count = b->held_back;

	if (count == 0)
		return;
	b->held_back = 0;
	lb_log(LOG_WARNING, "%s: %lu lines held back", what, count);
}

bool
lb_log_may_at(struct lb_log_budget *b, const char *what, int64_t now_ns)
{
	refill(b, now_ns);
	if (b->tokens < 1) {
		hold_back(b, what);
		return false;
	}
	b->tokens -= 1;
	tell_held_back(b, what);
	return true;
}

bool
lb_log_may(struct lb_log_budget *b, const char *what)
{
	return lb_log_may_at(b, what, monotonic_ns());
}

void
lb_log_settle_at(struct lb_log_budget *b, const char *what, int64_t now_ns)
{
	refill(b, now_ns);
	if (b->held_back == 0 || b->tokens < 1)
		return;
	b->tokens -= 1;
	tell_held_back(b, what);
}

bool
lb_log_tick(void)
{
	int64_t now_ns = monotonic_ns();

	tell_lost();
	send_waiting();
	for (size_t i = 0; i < BUDGETS_TOLD; i++) {
		struct lb_log_budget *b = holding[i].budget;

		if (b == NULL)
			continue;
		lb_log_settle_at(b, holding[i].what, now_ns);
		if (b->held_back == 0)
			holding[i].budget = NULL;
	}
	return !STAILQ_EMPTY(&queue);
}
