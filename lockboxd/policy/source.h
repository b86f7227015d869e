/*
 * The source of a policy: the bytes of its files, and the facts about the host
 * that they are checked against.
 *
 * The warden (root) reads files and facts once and ships them, packed, to the
 * keeper; both parse the same bytes and so decide on the same policy.  Facts
 * are the users and groups of /etc/passwd and /etc/group and nothing else: a
 * network directory must neither stall the daemon nor decide who is who.  And
 * the rules of those time zones that the files name, from /usr/share/zoneinfo.
 *
 * A source is built, then read; nothing in it changes after that.
 *
 * Packed form, version 2 (integers little-endian):
 *
 *	offset	size	what
 *	0	4	"LBPS"
 *	4	4	version, 2
 *	8	4	files (0..LB_SOURCE_FILES_MAX)
 *	12	4	users (0..LB_SOURCE_FACTS_MAX)
 *	16	4	groups (0..LB_SOURCE_FACTS_MAX)
 *	20	4	zones (0..LB_SOURCE_ZONES_MAX)
 *	24	...	each file:  1 byte 1 when host settings may stand in it, else 0;
 *			2 bytes n (1..LB_SOURCE_NAME_MAX); 4 bytes m
 *			(0..LB_SOURCE_FILE_MAX); n bytes name; m bytes text
 *	...	...	each user, then each group: 4 bytes id (below 2^32-1);
 *			1 byte n (1..32); n bytes name; names ascending, none twice
 *	...	...	each zone: 1 byte n, 1 byte m (each 1..64); n bytes name;
 *			m bytes rule (zone.h); none twice
 *
 * Nothing follows.  File names are plain text; texts may hold any byte (the
 * parser refuses what it does not like).  The sum of all m is at most
 * LB_SOURCE_TOTAL_MAX.  Another version number is refused (LB_ERR_VERSION).
 */
#ifndef LB_POLICY_SOURCE_H
#define LB_POLICY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/report.h"

#define LB_SOURCE_FILE_MAX (1u << 20)  /* bytes in one file */
#define LB_SOURCE_TOTAL_MAX (8u << 20) /* bytes in all files */
#define LB_SOURCE_FILES_MAX 256u       /* files */
#define LB_SOURCE_NAME_MAX 1024u       /* bytes of a file's name, without the NUL */
#define LB_SOURCE_FACTS_MAX 200000u    /* users, and as many groups */
#define LB_SOURCE_ZONES_MAX 64u	       /* time zones that files name */
#define LB_ZONE_NAME_MAX 64u	       /* bytes of a zone's name, and of its rule */
#define LB_SOURCE_PACK_MAX (64u << 20) /* bytes of a packed source */
#define LB_POLICY_DIGEST_SIZE 32       /* bytes: BLAKE2b-256 */

#define LB_HOST_FILE_NAME "lockbox.conf" /* a file of this name may hold host settings */

/* Files that others than root could change are warned about, not refused: for checking a draft. */
#define LB_SOURCE_ANY_OWNER 1u

struct lb_policy_source;

/* Returns an empty source, or NULL when out of memory; lb_policy_source_free() ends it. */
struct lb_policy_source *lb_policy_source_new(void);
void lb_policy_source_free(struct lb_policy_source *source);

/*
 * Reads what a daemon runs on: host_file, every *.conf in dir (but no dot
 * files) in byte order, and the facts from /etc.  On success *source is the
 * caller's.  LB_ERR_REFUSED when something was reported as an error (a file
 * that is missing, no regular file, not root's, writable by others, too big,
 * oddly named); LB_ERR_NOMEM.  Reads local files; a FIFO or device is refused
 * without being waited for.
 */
int lb_policy_source_read(const char *host_file, const char *dir, struct lb_report *report,
			  struct lb_policy_source **source);

/*
 * The same in pieces.  Each returns as above.  add_file: a file whose last
 * name is LB_HOST_FILE_NAME may hold host settings; it sorts where it is
 * added.  flags: LB_SOURCE_ANY_OWNER or 0.
 */
int lb_policy_source_add_file(struct lb_policy_source *source, const char *path, unsigned flags,
			      struct lb_report *report);
int lb_policy_source_add_dir(struct lb_policy_source *source, const char *dir, unsigned flags,
			     struct lb_report *report);
int lb_policy_source_add_facts(struct lb_policy_source *source, const char *passwd_file,
			       const char *group_file, struct lb_report *report);

/*
 * Adds a file from memory; name and text are copied.  LB_ERR_TOO_LONG over a
 * limit, LB_ERR_MALFORMED when name is not plain text, LB_ERR_NOMEM.
 */
int lb_policy_source_add_text(struct lb_policy_source *source, const char *name, const char *text,
			      size_t len, bool host);

/*
 * Add a fact; a name that is there already keeps its first id, as in the
 * files, and a name that no policy may write is left out.  LB_ERR_TOO_LONG,
 * LB_ERR_NOMEM.
 */
int lb_policy_source_add_user(struct lb_policy_source *source, const char *name, uint32_t uid);
int lb_policy_source_add_group(struct lb_policy_source *source, const char *name, uint32_t gid);

/*
 * Adds the rule of a time zone; one that is there already stays.  LB_ERR_TOO_LONG;
 * LB_ERR_MALFORMED for a name or a rule that is none.
 */
int lb_policy_source_add_zone(struct lb_policy_source *source, const char *name, const char *rule);
/* The rule of a zone, or NULL. */
const char *lb_policy_source_zone(const struct lb_policy_source *source, const char *name);

/* Look facts up: true and *id when there is such a name. */
bool lb_policy_source_user(const struct lb_policy_source *source, const char *name, uint32_t *id);
bool lb_policy_source_group(const struct lb_policy_source *source, const char *name, uint32_t *id);

/*
 * Has the reader of this source look at this host's files as well, and warn of
 * what a policy names that is not there.  Not packed: for whoever checks a policy.
 */
void lb_policy_source_look(struct lb_policy_source *source);
/* True of a source that looks when no file is at path.  May block on a slow disk. */
bool lb_policy_source_missing(const struct lb_policy_source *source, const char *path);

/* The files, in order; name and text stay valid as long as the source.  text ends in a NUL. */
struct lb_policy_file {
	const char *name;
	const char *text;
	size_t len; /* without the NUL */
	bool host;
};
size_t lb_policy_source_files(const struct lb_policy_source *source);
struct lb_policy_file lb_policy_source_file(const struct lb_policy_source *source, size_t i);

/*
 * Packs source, whose facts are put in order first; *buf (malloc) is the
 * caller's.  LB_ERR_NOMEM, LB_ERR_TOO_LONG.
 */
int lb_policy_source_pack(struct lb_policy_source *source, uint8_t **buf, size_t *len);

/*
 * Unpacks what lb_policy_source_pack() made; buf may be anything and is not
 * kept.  LB_ERR_MALFORMED, LB_ERR_VERSION, LB_ERR_TOO_LONG, LB_ERR_NOMEM.
 */
int lb_policy_source_unpack(const uint8_t *buf, size_t len, struct lb_policy_source **source);

/*
 * BLAKE2b-256 over, for each file in order: 2 bytes length and bytes of the
 * last component of its name, 4 bytes length and bytes of its text, lengths
 * little-endian.  Facts do not enter.
 */
void lb_policy_source_digest(const struct lb_policy_source *source,
			     uint8_t digest[LB_POLICY_DIGEST_SIZE]);

#endif
