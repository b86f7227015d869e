/*
 * What `lockbox doctor` looks at on the host itself, without the daemon.  Each
 * check only reads, tells what it found, and what to do when it is not well.
 */
#ifndef LB_CLIENT_DOCTOR_CHECKS_H
#define LB_CLIENT_DOCTOR_CHECKS_H

/* A note is worth knowing and changes nothing; the others are findings. */
enum lb_health { LB_HEALTH_OK, LB_HEALTH_NOTE, LB_HEALTH_WARNING, LB_HEALTH_BAD };

#define LB_DOCTOR_TEXT 512

/* Called once for each thing found; text and next are one line each, next "" when there is nothing to do. */
typedef void lb_doctor_found(void *arg, const char *check, enum lb_health health, const char *text,
			     const char *next);

/* All of them, in order.  Runs packaging's `setup status --gate`; may block for a few seconds. */
void lb_doctor_checks(lb_doctor_found *found, void *arg);

/* pam.conf and the ways in without the daemon alone: what `setup` asks. */
void lb_doctor_way_in(lb_doctor_found *found, void *arg);

#endif
