/*
 * Heartbeats: how the warden knows that a child's event loop still turns.
 *
 * A child that hangs answers nobody, and its end would be noticed by nobody.
 * So each says every LB_BEAT_S that it is there, on the socket that its log
 * lines take, which needs no link and no other process.  The warden replaces
 * one that has been silent for too long (warden/pulse.c).
 */
#ifndef LB_BEAT_H
#define LB_BEAT_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;

#define LB_BEAT_S 2

/*
 * In a child, before its loop: beats from the loop's first turn on, and has the
 * log send what waits.  LB_ERR_NOMEM.  Never blocks.
 */
int lb_beat_start(struct event_base *base);

/* In the warden: true when a datagram from a child's standard error is a beat, not a line. */
bool lb_beat_is(const char *datagram, size_t len);

#endif
