/* Descriptors passed along: see passed.h. */
#include "passed.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "log.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#define EVERY_US 5000

bool
lb_passed_refuse(int listener)
{
	const int no = 0;

	return setsockopt(listener, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no) == 0;
}

bool
lb_passed_none(int fd)
{
	int takes = 1;
	socklen_t len = sizeof takes;

	return getsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &takes, &len) == 0 && takes == 0;
}

static void
nothing(int sig)
{
	(void)sig;
}

void
lb_passed_guard(bool on)
{
	static bool is_on;
	struct sigaction act = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	struct itimerval every = {.it_interval.tv_usec = EVERY_US, .it_value.tv_usec = EVERY_US};

	if (on == is_on)
		return;
	if (!on)
		memset(&every, 0, sizeof every);
	if (sigaction(SIGALRM, &act, NULL) != 0 || setitimer(ITIMER_REAL, &every, NULL) != 0)
		lb_fatal(1, "no timer against sockets that linger: %m");
	is_on = on;
}
