/*
 * Reading the policy and putting it into force, at start and at SIGHUP.
 *
 * Nothing changes until everything has passed: files read, parsed, sudoers
 * fragment accepted by visudo.  A policy that fails leaves the old one in
 * force and says so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "policy/sudoers.h"
#include "warden/helper.h"
#include "warden/publish.h"
#include "warden/state.h"

#define VISUDO_TIMEOUT_MS 10000u
#define LAST_LINES_MS 500u

static void
log_finding(void *arg, const struct lb_report_item *item)
{
	char text[LB_REPORT_MESSAGE_MAX + 256];

	(void)arg;
	lb_report_text(text, sizeof text, item);
	lb_log(item->severity == LB_SEVERITY_ERROR ? LOG_ERR : LOG_WARNING, "policy: %s", text);
}

void
lb_reload_free(struct lb_reload *r)
{
	if (r == NULL)
		return;
	lb_policy_free(r->policy);
	free(r->packed);
	free(r->sudoers);
	free(r);
}

/* Reads, parses and renders; NULL when anything was found wrong, which is in the log. */
static struct lb_reload *
prepare(const struct lb_warden_options *o)
{
	struct lb_report report = {.found = log_finding};
	struct lb_policy_source *source = NULL;
	struct lb_reload *r = calloc(1, sizeof *r);
	int err;

	if (r == NULL)
		return NULL;
	err = lb_policy_source_read(o->host_file, o->policy_dir, &report, &source);
	if (err == LB_OK)
		err = lb_policy_parse(source, &report, &r->policy);
	if (err == LB_OK)
		err = lb_policy_source_pack(source, &r->packed, &r->packed_len);
	if (err == LB_OK)
		err = lb_sudoers_render(r->policy, &r->sudoers, &r->sudoers_len);
	lb_policy_source_free(source);
	if (err == LB_OK)
		return r;
	if (report.errors == 0)
		lb_log(LOG_ERR, "policy: %s", lb_err_text(err));
	lb_reload_free(r);
	return NULL;
}

int
lb_warden_check(const struct lb_warden_options *options)
{
	struct lb_reload *r = prepare(options);

	if (r != NULL) {
		lb_reload_free(r);
		return LB_OK;
	}
	/*
	 * Whoever reloads through the service manager does not see standard error: what is wrong goes
	 * to syslog as well.  A policy that is in order says nothing there: it is read once more, by
	 * the daemon that takes it.
	 */
	lb_log_open_warden(false, LB_LOG_SOCKET);
	lb_reload_free(prepare(options));
	lb_log(LOG_ERR, "policy refused: nothing was changed");
	lb_log_flush(LAST_LINES_MS);
	return LB_ERR_REFUSED;
}

/* nscd keeps an answer long after the account that it is about has ended. */
static void
look_for_nscd(void)
{
	if (access("/run/nscd/socket", F_OK) == 0 || access("/var/run/nscd/socket", F_OK) == 0)
		lb_log(LOG_WARNING,
		       "nscd is running here and keeps answers about accounts and groups that "
		       "have ended: stop it, or turn its passwd and group caches off in "
		       "/etc/nscd.conf");
}

/* Puts a policy that passed everything into force. */
static int
take_over(struct lb_warden *w, struct lb_reload *r)
{
	/* What was approved under the old commands must not come to run the new ones. */
	lb_warden_end_changed(w, r->policy);
	if (lb_sudoers_install(w->options->sudoers_file) != LB_OK) {
		lb_log(LOG_ERR, "policy: the sudoers fragment cannot be put in place: %m");
		return LB_ERR_SYSTEM;
	}
	lb_policy_free(w->policy);
	free(w->packed);
	w->policy = r->policy;
	w->packed = r->packed;
	w->packed_len = r->packed_len;
	r->policy = NULL;
	r->packed = NULL;
	lb_log(LOG_NOTICE, "policy in force: %zu identities, %zu teams, %zu roles",
	       lb_policy_identities(w->policy), lb_policy_teams(w->policy),
	       lb_policy_roles(w->policy));
	look_for_nscd();
	return LB_OK;
}

static void
finish(void *arg, bool ok, const char *text)
{
	struct lb_warden *w = arg;
	struct lb_reload *r = w->reload;
	bool first = w->policy == NULL;

	w->reload = NULL;
	if (!ok)
		lb_log(LOG_ERR, "policy: the sudoers fragment was not accepted: %s", text);
	ok = ok && take_over(w, r) == LB_OK;
	lb_reload_free(r);
	if (ok && first)
		lb_warden_start(w, LB_PROC_KEEPER);
	else if (ok && w->keeper != NULL)
		lb_warden_send_policy(w);
	else if (!ok && first)
		lb_warden_stop(w, LB_EXIT_SETUP);
	else if (!ok)
		lb_log(LOG_ERR, "the old policy stays in force");
	lb_warden_tell_reloaded(w, !ok);
	/* Whoever asked meanwhile may have changed the files since they were read. */
	if (w->reload_again) {
		w->reload_again = false;
		lb_warden_begin_reload(w);
	}
}

int
lb_warden_begin_reload(struct lb_warden *w)
{
	struct lb_sudoers_job job;

	if (w->reload != NULL) {
		w->reload_again = true;
		return LB_OK;
	}
	lb_warden_tell_reloading(w);
	w->reload = prepare(w->options);
	if (w->reload == NULL) {
		lb_warden_tell_reloaded(w, true);
		lb_log(LOG_ERR, "policy refused%s",
		       w->policy != NULL ? ": the old policy stays in force"
					 : "; run lockbox check");
		return LB_ERR_REFUSED;
	}
	job = (struct lb_sudoers_job){w->options->sudoers_file, w->reload->sudoers,
				      w->reload->sudoers_len};
	if (lb_helper_run(w->base, lb_sudoers_stage, &job, sizeof job, VISUDO_TIMEOUT_MS, false,
			  finish, w) == LB_OK)
		return LB_OK;
	lb_reload_free(w->reload);
	w->reload = NULL;
	lb_log(LOG_ERR, "out of memory: the policy was not read anew");
	lb_warden_tell_reloaded(w, true);
	return LB_ERR_NOMEM;
}
