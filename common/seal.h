/*
 * The seal of the host's emergency account (LB_SEALED_NAME): a file that stands
 * for one login without the daemon, and is broken before that login is let in.
 *
 * Directory LB_SEAL_DIR, root's, mode 0755:
 *
 *	seal      0600  whole: one login is possible
 *	broken    0644  it was used: the same file, with when and from where
 *	broken-*  0644  earlier ones, and those that were ended: no way in by them any more
 *
 * A file has exactly LB_SEAL_SIZE bytes: these lines, and what follows the word
 * `broken' filled up with blanks, so that breaking it takes no room on a disk
 * that is full.  It is shown at login, so any of those blanks may be the end of
 * a line, and none of its lines has more than 80 columns.
 *
 *	lockbox-seal 2 of the emergency account; shown at login once it is BROKEN
 *	id 0123456789abcdef01234567
 *	sealed 2026-11-22T10:00:00Z for login,sshd
 *	broken 2026-11-23T02:11:00Z boot 11111111-2222-... at 4711
 *	by login from tty1 -
 *	end
 *
 * Of one that was ended by setup the trace goes on: "ended 2026-11-23T03:00:00Z,
 * killed 4", which is how many processes of its sessions.
 *
 * libc only: the PAM module, the warden and `doctor' read it.  Nothing here logs.
 */
#ifndef LB_SEAL_H
#define LB_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_SEAL_DIR "/var/lib/lockbox-seal"
#define LB_SEAL_WHOLE "seal"
#define LB_SEAL_BROKEN "broken"
#define LB_SEAL_SIZE 512
#define LB_SEAL_ID 24
#define LB_SEAL_USE_S 14400u /* sudo goes on so long after it was broken, in that boot */

struct lb_seal {
	char id[LB_SEAL_ID + 1];
	char sealed[32];
	char services[200];	   /* joined by "," */
	char broken[LB_SEAL_SIZE]; /* what follows, as one line; "": it is whole */
	char boot_id[40];	   /* of the boot that it was broken in */
	uint64_t broken_at_s;	   /* on that boot's clock */
};

/*
 * Reads a file of the directory: LB_ERR_NOT_FOUND; LB_ERR_REFUSED: it, or the
 * directory, is not root's own alone, or is not a plain file; LB_ERR_MALFORMED;
 * LB_ERR_SYSTEM.  Never blocks on a FIFO.
 */
int lb_seal_read(const char *dir, const char *name, struct lb_seal *seal);

/* True when the service is one that it is for. */
bool lb_seal_serves(const struct lb_seal *seal, const char *service);

/*
 * Breaks the seal: LB_OK only when it was whole, was for this service, and that
 * it is broken is on the disk.  Otherwise as lb_seal_read(), or LB_ERR_SYSTEM
 * with errno.  Of several at once one succeeds.
 */
int lb_seal_break(const char *dir, const char *service, const char *tty, const char *rhost);

/*
 * For how many seconds this broken seal, which is LB_SEAL_BROKEN, lets sudo go on
 * yet; 0: not any more, or it was broken in another boot.
 */
uint32_t lb_seal_left(const struct lb_seal *seal);

/* True for LB_SEAL_USE_S after the seal was broken, in the boot that it was broken in. */
bool lb_seal_in_use(const char *dir, struct lb_seal *seal);

#endif
