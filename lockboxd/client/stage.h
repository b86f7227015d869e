/*
 * How far a grant has come, as the client sees it.
 */
#ifndef LB_CLI_STAGE_H
#define LB_CLI_STAGE_H

#include <stdbool.h>

#include "proto.h"

/* True while somebody's approval is waited for. */
bool lb_cli_waits(const struct lb_msg_grant *g);
/* True once nothing more becomes of it. */
bool lb_cli_over(const struct lb_msg_grant *g);

#endif
