/*
 * Which PAM services the gate does not stand in.  That pam_lockbox is in a
 * service's account stack is all that is looked for here; whether something
 * else goes round it there, packaging's `setup status' says.
 */
#ifndef LB_CLIENT_PAM_SERVICES_H
#define LB_CLIENT_PAM_SERVICES_H

#include <stdbool.h>
#include <stddef.h>

struct lb_pam_conf;

/* True when the service's account stack, with all it includes, has the gate.  Of dirs the first counts. */
bool lb_pam_service_gated(const char *const dirs[2], const char *service);

/*
 * Writes the names of all services without it, joined by ", ", but for those
 * that pam.conf takes for no logins (system, root-caller).  "": none.
 */
void lb_pam_services_open(const char *const dirs[2], const struct lb_pam_conf *conf, char *list,
			  size_t size);

#endif
