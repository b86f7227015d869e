/* Tells the keeper of seals of this host that were broken: see common/seal.h. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "log.h"
#include "seal.h"
#include "warden/state.h"

#define SEALS_MAX 100 /* told at one start */

/* When the last one was broken; zero: none was. */
static struct timespec
broken_at(void)
{
	struct stat st;

	return lstat(LB_SEAL_DIR "/" LB_SEAL_BROKEN, &st) == 0 ? st.st_ctim : (struct timespec){0};
}

void
lb_warden_seals_anew(struct lb_warden *w)
{
	struct timespec now = broken_at();

	if (w->synced && (now.tv_sec != w->seal_seen.tv_sec || now.tv_nsec != w->seal_seen.tv_nsec))
		lb_warden_seals(w);
}

/* Each is told at every start of the keeper's, and when one is broken or ended; it knows those that it has recorded. */
void
lb_warden_seals(struct lb_warden *w)
{
	DIR *dir = opendir(LB_SEAL_DIR);
	struct dirent *entry;
	unsigned told = 0;

	w->seal_seen = broken_at();
	while (dir != NULL && told < SEALS_MAX && (entry = readdir(dir)) != NULL) {
		struct lb_ipc_outcome found = {.ok = 1};
		struct lb_seal seal;
		int err;

		if (strncmp(entry->d_name, LB_SEAL_BROKEN, strlen(LB_SEAL_BROKEN)) != 0)
			continue;
		err = lb_seal_read(LB_SEAL_DIR, entry->d_name, &seal);
		if (err != LB_OK || seal.broken[0] == '\0') {
			lb_log(LOG_ALERT, "%s/%.64s is no broken seal: %s", LB_SEAL_DIR,
			       entry->d_name, lb_err_text(err));
			continue;
		}
		if (strcmp(entry->d_name, LB_SEAL_BROKEN) == 0)
			found.uid = lb_seal_left(&seal);
		snprintf(found.event, sizeof found.event, "%s", seal.id);
		snprintf(found.text, sizeof found.text, "%.600s", seal.broken);
		if (lb_ipc_send(w->keeper, LB_IPC_SEAL, &found, -1) != LB_OK)
			lb_log(LOG_CRIT, "the keeper could not be told of a broken seal");
		told++;
	}
	if (dir != NULL)
		closedir(dir);
}
