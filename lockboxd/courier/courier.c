/*
 * Courier: see courier.h.  There is nothing to send yet: it holds its link,
 * in its sandbox, and refuses whatever comes.
 */
#include "courier/courier.h"

#include <event2/event.h>
#include <unistd.h>

#include "beat.h"
#include "err.h"
#include "link.h"
#include "log.h"
#include "privsep.h"

static struct event_base *base;

static int
on_message(void *arg, uint16_t type, const uint8_t *bytes, size_t len, int fd)
{
	(void)arg;
	(void)type;
	(void)bytes;
	(void)len;
	if (fd >= 0)
		close(fd);
	return LB_ERR_MALFORMED;
}

static void
on_lost(void *arg)
{
	(void)arg;
	event_base_loopbreak(base);
}

int
lb_courier_main(uid_t uid, gid_t gid, const char *root_dir)
{
	static const struct lb_link_calls calls = {on_message, on_lost, NULL};
	struct lb_link *keeper = NULL;

	lb_privsep_ignore_signals();
	lb_privsep_drop(uid, gid, root_dir);
	base = event_base_new();
	if (base != NULL)
		keeper = lb_link_new(base, LB_FD_LINK, &calls, NULL);
	if (keeper == NULL || lb_beat_start(base) != LB_OK)
		lb_fatal(1, "out of memory");
	lb_sandbox_confine_files(-1);
	lb_sandbox_enter(LB_PROC_COURIER);

	event_base_dispatch(base);
	lb_link_free(keeper);
	return 0;
}
