/* Telling the service manager: see notify.h. */
#include "warden/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "name.h"

static struct sockaddr_un manager;
static socklen_t manager_len; /* 0: none */
static int64_t watchdog_ns;
static int notify_fd = -1;

static void
open_socket(const char *name)
{
	size_t len = name != NULL ? strlen(name) : 0;

	manager_len = 0;
	if (len < 2 || len >= sizeof manager.sun_path || (name[0] != '/' && name[0] != '@'))
		return;
	memset(&manager, 0, sizeof manager);
	manager.sun_family = AF_UNIX;
	memcpy(manager.sun_path, name, len);
	/* An abstract name begins with NUL and ends where its length says. */
	if (name[0] == '@')
		manager.sun_path[0] = '\0';
	if (notify_fd < 0)
		notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify_fd >= 0)
		manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Seconds enough for any interval: what is not a plain number counts as none. */
static int64_t
microseconds(const char *text)
{
	char *end;
	long long value;

	if (text == NULL || text[0] < '1' || text[0] > '9')
		return 0;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || value > INT64_MAX / 1000)
		return 0;
	return value;
}

void
lb_notify_open(void)
{
	const char *pid = getenv("WATCHDOG_PID");
	uint32_t meant;

	open_socket(getenv("NOTIFY_SOCKET"));
	watchdog_ns = microseconds(getenv("WATCHDOG_USEC")) * 1000;
	if (pid != NULL && (lb_id_parse(pid, &meant) != 0 || meant != (uint32_t)getpid()))
		watchdog_ns = 0; /* meant for another process */
}

int64_t
lb_notify_watchdog_ns(void)
{
	return manager_len > 0 ? watchdog_ns : 0;
}

int
lb_notify(const char *format, ...)
{
	char text[LB_NOTIFY_MAX];
	va_list ap;
	int len;

	if (manager_len == 0)
		return 0;
	va_start(ap, format);
	len = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof text)
		return 0;
	if (sendto(notify_fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&manager,
		   manager_len) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS ? -1 : 0;
}
