/* What the warden's own files share; nothing outside the folder includes it. */
#ifndef LB_WARDEN_STATE_H
#define LB_WARDEN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "link.h"
#include "policy/policy.h"
#include "privsep.h"
#include "warden/account.h"
#include "warden/evict.h"
#include "warden/warden.h"

struct event;
struct event_base;

/* A policy on its way in: parsed, its sudoers fragment being checked. */
struct lb_reload {
	struct lb_policy *policy;
	uint8_t *packed;
	size_t packed_len;
	char *sudoers;
	size_t sudoers_len;
};

/* Accounts whose homes one helper makes or looks at. */
#define LB_WARDEN_MAKING_MAX 32u
struct lb_warden_making {
	size_t count;
	uint32_t uid[LB_WARDEN_MAKING_MAX];
};

struct lb_warden {
	const struct lb_warden_options *options;
	struct event_base *base;
	struct event *signals, *retry_publish;
	int run_fd;	    /* the run directory */
	char acl_lock[256]; /* a file in it, of acl.h */
	int public_fd, pam_fd;
	struct {
		struct lb_child child; /* pid 0: not running */
		struct event *exit, *log, *restart;
		unsigned backoff_ms;
		int64_t started_ns;
		int64_t beat_ns; /* when it was heard of last, on the monotonic clock */
		bool beaten;	 /* since it was started */
		uint64_t start;	 /* number of this start, by which the keeper names it */
	} proc[LB_PROC_COUNT];
	uint64_t starts;
	const struct lb_link_calls *keeper_calls;
	struct lb_link *keeper;
	bool keeper_ready;
	bool listed; /* some keeper has named all accounts since this warden began */
	bool synced; /* this keeper has named all accounts, and answers logins */
	bool stopping;
	int status; /* of the whole, at the end */
	struct lb_policy *policy;
	uint8_t *packed; /* its source, for the keeper */
	size_t packed_len;
	struct lb_reload *reload; /* NULL: none under way */
	bool reload_again;
	struct lb_accounts accounts;
	struct lb_evictor *evictor;
	struct lb_alarm *alarm;
	bool publish_needed, publish_failed;
	bool urgent; /* something is to end: the next settling is not to wait */
	struct event *settle;
	int64_t settled_ns, settle_wait_ns; /* when it was done last; how long the next may wait */
	struct lb_warden_making making;	    /* gathered while the keeper's list comes in */
	struct event *tick, *hurry;
	struct timespec
		seal_seen;   /* when the broken seal that the keeper was told of last changed */
	int64_t tick_ns;     /* when the last one was */
	bool told_ready;     /* the service manager was told READY */
	bool refused_policy; /* at the last reload */
	char told[128];	     /* the status it was told last */
};

/* children.c: starting, watching, restarting. */
void lb_warden_start(struct lb_warden *w, enum lb_proc proc);
/* seal.c: tells the keeper of each broken seal that there is.  Reads the disk. */
void lb_warden_seals(struct lb_warden *w);
/* The same, if one was broken since, as it may be while the daemon only does not answer, or ended. */
void lb_warden_seals_anew(struct lb_warden *w);
void lb_warden_kill(struct lb_warden *w, enum lb_proc proc);
bool lb_warden_any_running(const struct lb_warden *w);
/* Hands the policy in force to the keeper. */
void lb_warden_send_policy(struct lb_warden *w);
/* Lets the children end in good order, then leaves the event loop. */
void lb_warden_stop(struct lb_warden *w, int status);

/* pulse.c: who hangs is replaced. */
int lb_warden_pulse_start(struct lb_warden *w);
/* How long a child may be silent; beaten: after its first beat. */
int64_t lb_warden_silence_ns(enum lb_proc proc, bool beaten);

/* heard.c: a child was heard of; a child begins, and has time until it must be. */
int64_t lb_warden_pulse_ns(void); /* nanoseconds; suspend does not count */
void lb_warden_beat(struct lb_warden *w, enum lb_proc proc);
void lb_warden_beat_from_now(struct lb_warden *w, enum lb_proc proc);

/* manager.c: says READY the first time that logins can be decided, and the status when it has changed. */
void lb_warden_tell_manager(struct lb_warden *w);
void lb_warden_tell_reloading(struct lb_warden *w);
void lb_warden_tell_reloaded(struct lb_warden *w, bool refused);

/* reload.c: reading the policy and putting it into force. */
int lb_warden_check(const struct lb_warden_options *options); /* reads only; logs what it finds */
int lb_warden_begin_reload(struct lb_warden *w);
void lb_reload_free(struct lb_reload *r);

/* serve.c: what the keeper asks for, and what the clock says. */
extern const struct lb_link_calls lb_warden_keeper_calls;
int lb_warden_serve_start(struct lb_warden *w);
/* Ends the accounts whose role is not in policy as it was when they were published. */
void lb_warden_end_changed(struct lb_warden *w, const struct lb_policy *policy);
/* Publishes and begins what is due; called after each batch of changes. */
void lb_warden_settle(struct lb_warden *w);

#endif
