/*
 * Telling the person at an account's terminals.
 */
#ifndef LB_WARDEN_NOTICE_H
#define LB_WARDEN_NOTICE_H

#include <stdint.h>

/*
 * Writes one line to every pseudo-terminal that belongs to uid.  text is plain
 * (lb_text_plain) or it is not written.  Never blocks: a terminal that is not
 * read gets nothing.  Returns how many were reached.
 */
unsigned lb_notice(uint32_t uid, const char *text);

#endif
