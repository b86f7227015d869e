/*
 * LMDB's own pages, examined without LMDB, which trusts them.
 *
 * Private to the store.  Reads memory only: allocates a byte per page, never
 * blocks, never goes outside the size bytes it is given.
 */
#ifndef LB_STORE_PAGES_H
#define LB_STORE_PAGES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Examines the whole file: both meta pages, every page of every tree, the
 * order of keys within their bounds, the counts each tree states, and that
 * each page is either in exactly one tree or in the list of free pages.
 * LB_ERR_DAMAGED, with why (cap bytes) saying what is wrong; LB_ERR_NOMEM.
 */
int lb_store_pages_check(const uint8_t *file, size_t size, char *why, size_t cap);

#endif
