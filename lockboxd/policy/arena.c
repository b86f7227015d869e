/* The arena: see arena.h.  One malloc per piece, so that sanitizers see each one's bounds. */
#include "policy/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct lb_arena_piece {
	struct lb_arena_piece *next;
	max_align_t data[];
};

void *
lb_arena_get(struct lb_arena *arena, size_t count, size_t size)
{
	struct lb_arena_piece *piece = NULL;
	size_t bytes;

	if (!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX - sizeof *piece)
		piece = calloc(1, sizeof *piece + (bytes > 0 ? bytes : 1));
	if (piece == NULL) {
		arena->failed = true;
		return NULL;
	}
	piece->next = arena->pieces;
	arena->pieces = piece;
	return piece->data;
}

char *
lb_arena_copy(struct lb_arena *arena, const char *text, size_t len)
{
	char *copy = lb_arena_get(arena, len + 1, 1);

	if (copy != NULL && len > 0)
		memcpy(copy, text, len);
	return copy;
}

void
lb_arena_clear(struct lb_arena *arena)
{
	while (arena->pieces != NULL) {
		struct lb_arena_piece *next = arena->pieces->next;

		free(arena->pieces);
		arena->pieces = next;
	}
}
