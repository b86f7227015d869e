/*
 * Puts snapshots in place and takes them away (common/SNAPSHOT-FORMAT, 1).
 *
 * The warden, as root, is the only caller, and nothing else ever opens a
 * snapshot for writing.  One caller at a time.  All calls do blocking file I/O
 * on a file system in memory.
 */
#ifndef LB_WARDEN_SNAPSHOT_FILE_H
#define LB_WARDEN_SNAPSHOT_FILE_H

#include <stddef.h>

/*
 * Makes buf the snapshot `name` in the directory dirfd: writes it whole to
 * ".<name>.new" there, renames that over, then marks the file it replaced as
 * superseded.  From the return on every lookup that begins sees buf.
 *
 * Returns LB_OK;
 *   LB_ERR_DAMAGED  buf is not a snapshot that readers accept: nothing changed
 *   LB_ERR_TOO_LONG name is too long: nothing changed
 *   LB_ERR_FULL     no room (ENOSPC, EDQUOT): nothing changed
 *   LB_ERR_SYSTEM   another call failed, errno says how; the old file may be in
 *                   place or the new one, and readers may take a second to see it
 * After any failure the caller must withdraw with lb_snapshot_remove(): what
 * stands in the old file is no longer what the host should believe.
 */
int lb_snapshot_publish(int dirfd, const char *name, const void *buf, size_t size);

/*
 * Unlinks the snapshot and marks it as superseded: no account resolves any
 * more.  LB_OK, also when there is none; LB_ERR_SYSTEM with errno.
 */
int lb_snapshot_remove(int dirfd, const char *name);

#endif
