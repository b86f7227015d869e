/*
 * Structures described by tables, and their byte form.
 *
 * A table of `struct lb_field` names each member of a structure with its kind,
 * so that one encoder and one decoder serve every message on every socket and
 * every record in the store.  The byte form is the members in table order,
 * each as wire.h writes it, with nothing between them.
 */
#ifndef LB_FIELDS_H
#define LB_FIELDS_H

#include <stddef.h>
#include <stdint.h>

enum lb_field_kind {
	LB_FIELD_U8,
	LB_FIELD_U16,
	LB_FIELD_U32,
	LB_FIELD_U64,
	LB_FIELD_TEXT,
	LB_FIELD_BYTES
};

struct lb_field {
	enum lb_field_kind kind;
	size_t offset; /* of the member in its structure */
	size_t max;    /* TEXT: longest text, the member being char[max + 1]; BYTES: exact size */
	const char *name;
};

struct lb_layout {
	const char *name;
	size_t size; /* of the structure */
	const struct lb_field *fields;
	size_t count;
};

/* Table rows: the member decides the kind's size, so a mismatch does not compile. */
/* clang-format off */
#define LB_U8(s, m)  {LB_FIELD_U8, offsetof(s, m) + 0 * sizeof(char[sizeof(((s *)0)->m) == 1 ? 1 : -1]), 0, #m}
#define LB_U16(s, m) {LB_FIELD_U16, offsetof(s, m) + 0 * sizeof(char[sizeof(((s *)0)->m) == 2 ? 1 : -1]), 0, #m}
#define LB_U32(s, m) {LB_FIELD_U32, offsetof(s, m) + 0 * sizeof(char[sizeof(((s *)0)->m) == 4 ? 1 : -1]), 0, #m}
#define LB_U64(s, m) {LB_FIELD_U64, offsetof(s, m) + 0 * sizeof(char[sizeof(((s *)0)->m) == 8 ? 1 : -1]), 0, #m}
#define LB_TEXT(s, m)  {LB_FIELD_TEXT, offsetof(s, m), sizeof(((s *)0)->m) - 1, #m}
#define LB_BYTES(s, m) {LB_FIELD_BYTES, offsetof(s, m), sizeof(((s *)0)->m), #m}
#define LB_LAYOUT(text, type, table) {text, sizeof(type), table, sizeof(table) / sizeof((table)[0])}
/* clang-format on */

/*
 * Encodes the structure at from into buf.  *len is the bytes written.
 * LB_ERR_TOO_LONG when a text is longer than its maximum or cap is too small.
 */
int lb_fields_encode(const struct lb_layout *layout, const void *from, void *buf, size_t cap,
		     size_t *len);

/*
 * Decodes exactly len bytes into the structure at to, which holds
 * layout->size bytes and is cleared first, padding included.  On failure
 * (LB_ERR_MALFORMED, LB_ERR_TOO_LONG) it is left all zero.
 */
int lb_fields_decode(const struct lb_layout *layout, const void *bytes, size_t len, void *to);

#endif
