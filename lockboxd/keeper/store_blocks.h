/*
 * The journal's bytes: records cut into blocks of one disk sector each, every
 * one with a check of its own.  See STORE-FORMAT.
 *
 * A disk that loses power writes each sector wholly or not at all, so a block
 * whose check fails was not left by a loss of power: it is damage.  A record
 * some of whose blocks are not there was being written then, and nobody was
 * told that it is stored.
 *
 * Private to the store.  Nothing here knows LMDB or blocks on anything.
 */
#ifndef LB_STORE_BLOCKS_H
#define LB_STORE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define LB_BLOCK_SIZE 512u
#define LB_BLOCK_ROOM 480u /* of a block, for the record */
/* A record begins with a page, so that none is written to again that holds another. */
#define LB_BLOCK_PAGE 4096u
#define LB_PAGE_ROOM ((size_t)(LB_BLOCK_PAGE / LB_BLOCK_SIZE) * LB_BLOCK_ROOM)

/* Bytes that grow; all zero when empty.  Ends with free(bytes). */
struct lb_bytes {
	uint8_t *bytes;
	size_t size, room;
};

/* Room for more bytes after those there, or NULL without memory; the size is not changed. */
uint8_t *lb_bytes_reserve(struct lb_bytes *b, size_t more);

/* How many pages a record of size bytes takes. */
size_t lb_blocks_pages(size_t size);

/* Blocks that hold nothing, for `pages` pages from `page` on; out has room for them. */
void lb_blocks_blank(size_t page, size_t pages, uint8_t *out);

/*
 * Cuts the record, which is not empty, into blocks that belong at page `page`
 * of the journal; out is replaced by them.  LB_ERR_NOMEM.
 */
int lb_blocks_cut(const struct lb_bytes *record, uint64_t epoch, size_t page, struct lb_bytes *out);

/*
 * Looks at every block of the journal: LB_ERR_DAMAGED when one is spoilt,
 * stands elsewhere than it was written to or is of an epoch to come.
 */
int lb_blocks_check(const uint8_t *journal, size_t pages, uint64_t epoch);

/*
 * Reads the record of this epoch that begins with page *page into record and
 * sets *page to the one after it.  LB_ERR_NOT_FOUND where there is none, or
 * one that was not written wholly; LB_ERR_DAMAGED when a block is spoilt, or
 * when there is none and a later page begins one all the same; LB_ERR_NOMEM.
 */
int lb_blocks_read(const uint8_t *journal, size_t pages, uint64_t epoch, size_t *page,
		   struct lb_bytes *record);

/* The page after the last that holds a block of this epoch, or 0. */
size_t lb_blocks_end(const uint8_t *journal, size_t pages, uint64_t epoch);

#endif
