/*
 * What the service manager is told: when logins can be decided, what is being
 * done, how things stand.
 */
#include <stdio.h>
#include <string.h>

#include "warden/notify.h"
#include "warden/state.h"

#define EXTEND_S 30 /* what the manager is asked for while a start takes long */

/* What `systemctl status` shows. */
static void
describe(const struct lb_warden *w, char *text, size_t cap)
{
	if (w->keeper == NULL || !w->synced)
		snprintf(text, cap, "%s",
			 w->told_ready ? "the keeper is being started again: logins "
					 "are refused, accounts end on time"
				       : "starting");
	else if (w->publish_failed)
		snprintf(text, cap,
			 "the accounts cannot be published: none resolves (see the log)");
	else
		snprintf(text, cap, "%zu accounts; %s", w->accounts.count,
			 w->refused_policy
				 ? "the last policy was refused, the one before is in force"
				 : "policy in force");
}

void
lb_warden_tell_manager(struct lb_warden *w)
{
	char text[sizeof w->told];
	bool serves = w->synced && !w->publish_needed;

	if (w->stopping)
		return;
	describe(w, text, sizeof text);
	if (!w->told_ready && serves) {
		w->told_ready = lb_notify("READY=1\nSTATUS=%s", text) == 0;
		if (w->told_ready)
			memcpy(w->told, text, sizeof w->told);
	} else if (!w->told_ready) {
		lb_notify("EXTEND_TIMEOUT_USEC=%lld\nSTATUS=%s", (long long)EXTEND_S * 1000000,
			  text);
	} else if (strcmp(text, w->told) != 0 && lb_notify("STATUS=%s", text) == 0) {
		memcpy(w->told, text, sizeof w->told);
	}
}

void
lb_warden_tell_reloading(struct lb_warden *w)
{
	if (w->told_ready)
		lb_notify("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the policy",
			  (long long)(lb_warden_pulse_ns() / 1000));
}

void
lb_warden_tell_reloaded(struct lb_warden *w, bool refused)
{
	w->refused_policy = refused;
	if (!w->told_ready)
		return;
	/* Said again at the next beat if there was no room: a reload that never ends would be stopped. */
	w->told_ready = false;
	lb_warden_tell_manager(w);
}
