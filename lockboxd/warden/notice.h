/*
 * Telling people at their accounts' terminals.
 */
#ifndef LB_WARDEN_NOTICE_H
#define LB_WARDEN_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LB_NOTICE_MAX 900

/* Writes what uid is to be told into text (cap bytes) and returns 1; 0: nothing. */
typedef int lb_notice_text(void *arg, uint32_t uid, char *text, size_t cap);
/* Called for each terminal that was reached. */
typedef void lb_notice_told(void *arg, uint32_t uid, const char *text);

/*
 * Walks the pseudo-terminals once and writes to each of an account what text()
 * gives for it, unless that is not plain (lb_text_plain).  told may be NULL.
 * Never blocks: a terminal that is not read gets nothing.
 */
void lb_notice(lb_notice_text *text, lb_notice_told *told, void *arg);

/* The same to one pseudo-terminal that uid owns.  True when it was reached. */
bool lb_notice_terminal(dev_t terminal, uint32_t uid, const char *text);

#endif
