/* Stages of a grant: see stage.h. */
#include "stage.h"

bool
lb_cli_waits(const struct lb_msg_grant *g)
{
	return g->state == LB_STATE_PENDING || g->state == LB_STATE_NOTIFIED;
}

bool
lb_cli_over(const struct lb_msg_grant *g)
{
	return !lb_cli_waits(g) && g->state != LB_STATE_APPROVED && g->state != LB_STATE_ACTIVE &&
	       g->state != LB_STATE_ENDING;
}
