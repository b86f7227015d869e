/*
 * LMDB's pages examined without LMDB: see store_pages.h.
 *
 * The structures below are the file format of LMDB 0.9 (data version 1) as its
 * mdb.c describes it: native byte order, page numbers as wide as size_t.
 * Everything is copied out of the file before it is looked at.
 */
#include "store_pages.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define LMDB_MAGIC 0xBEEFC0DEu
#define LMDB_VERSION 1u
#define METAS 2
#define PAGE_MIN 512u
#define PAGE_MAX 65536u
#define DEPTH_MAX 32
#define NO_PAGE SIZE_MAX

enum page_flags { PAGE_BRANCH = 0x01, PAGE_LEAF = 0x02, PAGE_OVERFLOW = 0x04, PAGE_META = 0x08 };
enum node_flags { NODE_BIG = 0x01, NODE_TREE = 0x02 };
/* Of the tree of free pages; LMDB keeps there, too, that the store is a file and not a directory. */
enum tree_flags { TREE_INTEGER_KEYS = 0x08, TREE_SINGLE_FILE = 0x4000 };

struct page_header {
	size_t number;
	uint16_t unused, flags;
	union {
		struct {
			uint16_t lower, upper; /* free space between nodes' offsets and nodes */
		};
		uint32_t pages; /* of a run of overflow pages */
	};
};
struct node_header {
	uint16_t low, high, flags, key_size;
};
struct tree {
	uint32_t unused;
	uint16_t flags, depth;
	size_t branch_pages, leaf_pages, overflow_pages, entries, root;
};
struct meta {
	uint32_t magic, version;
	size_t address, map_size;
	struct tree trees[2]; /* of free pages, whose first word is the page size; of databases */
	size_t last_page, txn;
};

struct slice {
	const uint8_t *at; /* NULL: no bound */
	size_t size;
};

struct walk {
	const uint8_t *file;
	size_t page_size, pages;
	uint8_t *seen; /* one byte per page */
	char *why;
	size_t cap;
	/* of the tree being walked */
	struct tree tree, found;
	bool integer_keys, is_free_list, is_main;
};

struct node {
	struct slice key, data;
	size_t child; /* in a branch page */
	uint16_t flags;
};

static int __attribute__((format(printf, 2, 3))) damaged(struct walk *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->why, w->cap, format, args);
	va_end(args);
	return LB_ERR_DAMAGED;
}

static const uint8_t *
page_at(const struct walk *w, size_t number)
{
	return w->file + number * w->page_size;
}

/* Each page may be claimed once. */
static int
claim(struct walk *w, size_t number, const char *what)
{
	if (number < METAS || number >= w->pages)
		return damaged(w, "%s points outside the file, to page %zu", what, number);
	if (w->seen[number])
		return damaged(w, "page %zu is used twice, now by %s", number, what);
	w->seen[number] = 1;
	return LB_OK;
}

static int
compare(const struct walk *w, struct slice a, struct slice b)
{
	size_t least = a.size < b.size ? a.size : b.size, x, y;
	int order;

	if (w->integer_keys && a.size == sizeof x && b.size == sizeof y) {
		memcpy(&x, a.at, sizeof x);
		memcpy(&y, b.at, sizeof y);
		return x < y ? -1 : x > y;
	}
	order = memcmp(a.at, b.at, least);
	return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

/* A run of overflow pages that must hold size bytes. */
static int
walk_overflow(struct walk *w, size_t number, size_t size, struct slice *data)
{
	size_t need = (sizeof(struct page_header) + size + w->page_size - 1) / w->page_size;
	struct page_header h;

	if (number < METAS || number >= w->pages || need > w->pages - number)
		return damaged(w, "a long value points outside the file, to page %zu", number);
	memcpy(&h, page_at(w, number), sizeof h);
	if (h.number != number || h.flags != PAGE_OVERFLOW || h.pages != need)
		return damaged(w, "page %zu is not the long value it should be", number);
	for (size_t i = 0; i < need; i++) {
		int err = claim(w, number + i, "a long value");

		if (err != LB_OK)
			return err;
	}
	w->found.overflow_pages += need;
	*data = (struct slice){page_at(w, number) + sizeof h, size};
	return LB_OK;
}

/* The bytes of node i of a page, all within the page. */
static int
read_node(struct walk *w, size_t number, const struct page_header *h, size_t i, struct node *node)
{
	const uint8_t *page = page_at(w, number);
	struct node_header n;
	size_t room, size;
	uint16_t offset;

	memcpy(&offset, page + sizeof *h + i * sizeof offset, sizeof offset);
	if (offset < h->upper || offset > w->page_size - sizeof n || offset % 2 != 0)
		return damaged(w, "page %zu: entry %zu lies outside it", number, i);
	memcpy(&n, page + offset, sizeof n);
	room = w->page_size - sizeof n - offset;
	size = (size_t)n.low | (size_t)n.high << 16;
	if (n.key_size > room)
		return damaged(w, "page %zu: key %zu lies outside it", number, i);
	node->key = (struct slice){page + offset + sizeof n, n.key_size};
	node->flags = n.flags;
	if (h->flags == PAGE_BRANCH) {
		node->child = size | (size_t)n.flags << 32;
		return LB_OK;
	}
	node->data = (struct slice){node->key.at + n.key_size, size};
	if ((n.flags & ~(NODE_BIG | NODE_TREE)) != 0 || n.flags == (NODE_BIG | NODE_TREE))
		return damaged(w, "page %zu: entry %zu is of an unknown kind", number, i);
	if (n.key_size + (n.flags & NODE_BIG ? sizeof node->child : size) > room)
		return damaged(w, "page %zu: value %zu lies outside it", number, i);
	return LB_OK;
}

/* The free pages of one transaction: a count and that many page numbers, falling. */
static int
walk_free_list(struct walk *w, struct slice data)
{
	size_t count, number, last = NO_PAGE;
	int err = LB_OK;

	if (data.size < sizeof count)
		return damaged(w, "a list of free pages is cut off");
	memcpy(&count, data.at, sizeof count);
	if (count > data.size / sizeof number - 1)
		return damaged(w, "a list of free pages is cut off");
	for (size_t i = 1; err == LB_OK && i <= count; i++) {
		memcpy(&number, data.at + i * sizeof number, sizeof number);
		if (number >= last)
			return damaged(w, "a list of free pages is out of order");
		err = claim(w, number, "the list of free pages");
		last = number;
	}
	return err;
}

static int walk_tree(struct walk *w, const struct tree *tree, bool is_free_list, bool is_main);

/* A database: its own tree, walked in between. */
static int
walk_database(struct walk *w, struct slice data)
{
	struct walk inner = *w;
	struct tree tree;

	if (!w->is_main || data.size != sizeof tree)
		return damaged(w, "a database stands where none may");
	memcpy(&tree, data.at, sizeof tree);
	if (tree.flags != 0)
		return damaged(w, "a database has flags %#x", (unsigned int)tree.flags);
	return walk_tree(&inner, &tree, false, false);
}

static int
walk_entry(struct walk *w, const struct node *node)
{
	struct slice data = node->data;
	size_t number;
	int err;

	w->found.entries++;
	if (w->is_main != ((node->flags & NODE_TREE) != 0))
		return damaged(w, "a database or a value stands where it may not");
	if (node->flags & NODE_BIG) {
		memcpy(&number, data.at, sizeof number);
		err = walk_overflow(w, number, data.size, &data);
		if (err != LB_OK)
			return err;
	}
	if (w->is_main)
		return walk_database(w, data);
	return w->is_free_list ? walk_free_list(w, data) : LB_OK;
}

static int
read_page(struct walk *w, size_t number, size_t depth, struct page_header *h, size_t *count)
{
	uint16_t flags = depth == w->tree.depth ? PAGE_LEAF : PAGE_BRANCH;
	int err = claim(w, number, "a tree");

	if (err != LB_OK)
		return err;
	memcpy(h, page_at(w, number), sizeof *h);
	if (h->number != number || h->flags != flags)
		return damaged(w, "page %zu is not the page it should be", number);
	if (h->lower < sizeof *h || h->lower > h->upper || h->upper > w->page_size ||
	    h->lower % 2 != 0)
		return damaged(w, "page %zu has bad bounds", number);
	*count = (h->lower - sizeof *h) / sizeof(uint16_t);
	if (*count < (flags == PAGE_BRANCH ? 2u : 1u))
		return damaged(w, "page %zu is empty", number);
	if (flags == PAGE_BRANCH)
		w->found.branch_pages++;
	else
		w->found.leaf_pages++;
	return LB_OK;
}

/* Keys rise strictly and stay within [low, high). */
static int
check_order(struct walk *w, size_t number, struct slice key, struct slice low, bool strict,
	    struct slice high)
{
	int order = low.at == NULL ? 1 : compare(w, key, low);

	if (order < 0 || (strict && order == 0))
		return damaged(w, "page %zu: keys are out of order", number);
	if (high.at != NULL && compare(w, key, high) >= 0)
		return damaged(w, "page %zu: a key belongs to another page", number);
	return LB_OK;
}

static int
walk_leaf(struct walk *w, size_t number, const struct page_header *h, size_t count,
	  struct slice low, struct slice high)
{
	struct node node;
	int err = LB_OK;

	for (size_t i = 0; err == LB_OK && i < count; i++) {
		err = read_node(w, number, h, i, &node);
		if (err == LB_OK)
			err = check_order(w, number, node.key, low, i > 0, high);
		if (err == LB_OK)
			err = walk_entry(w, &node);
		low = node.key;
	}
	return err;
}

static int
walk_page(struct walk *w, size_t number, size_t depth, struct slice low, struct slice high)
{
	struct page_header h;
	struct node node = {0}, next = {0};
	size_t count = 0;
	int err = read_page(w, number, depth, &h, &count);

	if (err != LB_OK)
		return err;
	if (h.flags == PAGE_LEAF)
		return walk_leaf(w, number, &h, count, low, high);
	err = read_node(w, number, &h, 0, &node); /* whose key is not used */
	for (size_t i = 0; err == LB_OK && i < count; i++) {
		next.key = high;
		if (i + 1 < count)
			err = read_node(w, number, &h, i + 1, &next);
		if (err == LB_OK && i + 1 < count)
			err = check_order(w, number, next.key, low, i > 0, high);
		if (err == LB_OK)
			err = walk_page(w, node.child, depth + 1, low, next.key);
		low = next.key;
		node = next;
	}
	return err;
}

static int
walk_tree(struct walk *w, const struct tree *tree, bool is_free_list, bool is_main)
{
	const struct slice unbound = {NULL, 0};
	int err;

	w->tree = *tree;
	w->is_free_list = is_free_list;
	w->is_main = is_main;
	w->integer_keys = is_free_list;
	memset(&w->found, 0, sizeof w->found);
	if (tree->depth > DEPTH_MAX || (tree->root == NO_PAGE) != (tree->depth == 0))
		return damaged(w, "a tree has a bad depth");
	if (tree->root != NO_PAGE) {
		err = walk_page(w, tree->root, 1, unbound, unbound);
		if (err != LB_OK)
			return err;
	}
	if (w->found.entries != tree->entries || w->found.leaf_pages != tree->leaf_pages ||
	    w->found.branch_pages != tree->branch_pages ||
	    w->found.overflow_pages != tree->overflow_pages)
		return damaged(w, "a tree is larger or smaller than it says");
	return LB_OK;
}

static int
read_meta(struct walk *w, size_t size, size_t number, struct meta *meta)
{
	struct page_header h;
	size_t at = number * w->page_size;

	if (size < at + sizeof h + sizeof *meta)
		return damaged(w, "the file is too short for a store");
	memcpy(&h, w->file + at, sizeof h);
	memcpy(meta, w->file + at + sizeof h, sizeof *meta);
	if (h.number != number || h.flags != PAGE_META || meta->magic != LMDB_MAGIC)
		return damaged(w, "meta page %zu is not one", number);
	if (meta->version != LMDB_VERSION)
		return damaged(w, "meta page %zu: LMDB data version %u", number, meta->version);
	if (meta->trees[0].flags != (TREE_INTEGER_KEYS | TREE_SINGLE_FILE) ||
	    meta->trees[1].flags != 0)
		return damaged(w, "meta page %zu has unknown flags", number);
	return LB_OK;
}

/* Both are looked at: when the newer one is spoilt, LMDB would quietly go back by a transaction. */
static int
pick_meta(struct walk *w, size_t size, struct meta *meta)
{
	struct meta both[METAS] = {0};
	int err = read_meta(w, size, 0, &both[0]);

	if (err != LB_OK)
		return err;
	w->page_size = both[0].trees[0].unused;
	if (w->page_size < PAGE_MIN || w->page_size > PAGE_MAX ||
	    (w->page_size & (w->page_size - 1)) != 0)
		return damaged(w, "meta page 0: page size %zu", w->page_size);
	err = read_meta(w, size, 1, &both[1]);
	if (err != LB_OK)
		return err;
	if (both[1].trees[0].unused != w->page_size)
		return damaged(w, "the meta pages disagree on the page size");
	*meta = both[both[1].txn > both[0].txn];
	if (both[0].txn % 2 != 0 ||
	    (both[1].txn != both[0].txn + 1 && both[0].txn != both[1].txn + 1))
		return damaged(w, "the meta pages are not of successive transactions");
	return LB_OK;
}

static int
check_trees(struct walk *w, const struct meta *meta)
{
	int err = walk_tree(w, &meta->trees[0], true, false);

	if (err == LB_OK)
		err = walk_tree(w, &meta->trees[1], false, true);
	for (size_t i = METAS; err == LB_OK && i < w->pages; i++)
		if (!w->seen[i])
			err = damaged(w, "page %zu is neither used nor free", i);
	return err;
}

int
lb_store_pages_check(const uint8_t *file, size_t size, char *why, size_t cap)
{
	struct walk w = {.file = file, .why = why, .cap = cap};
	struct meta meta = {0};
	int err;

	err = pick_meta(&w, size, &meta);
	if (err != LB_OK)
		return err;
	if (meta.last_page < METAS - 1 || meta.last_page >= size / w.page_size)
		return damaged(&w, "the file is cut off: it should have %zu pages and has %zu",
			       meta.last_page + 1, size / w.page_size);
	w.pages = meta.last_page + 1;
	w.seen = calloc(w.pages, 1);
	if (w.seen == NULL)
		return LB_ERR_NOMEM;
	err = check_trees(&w, &meta);
	free(w.seen);
	return err;
}
