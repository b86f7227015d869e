/*
 * An arena: many small pieces of memory with one owner and one end.
 *
 * A failed allocation is remembered, so that a run of them needs one check.
 */
#ifndef LB_POLICY_ARENA_H
#define LB_POLICY_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct lb_arena {
	struct lb_arena_piece *pieces;
	bool failed; /* some allocation failed */
};

/* Returns count * size zeroed bytes, aligned for any type, or NULL; 0 bytes are given as 1. */
void *lb_arena_get(struct lb_arena *arena, size_t count, size_t size);
/* Returns a NUL-terminated copy of len bytes of text, or NULL. */
char *lb_arena_copy(struct lb_arena *arena, const char *text, size_t len);
/* Frees everything. */
void lb_arena_clear(struct lb_arena *arena);

#endif
