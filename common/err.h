/*
 * Errors shared by every part of Lockbox.
 *
 * A function that can fail returns LB_OK (0) or one of the negative values
 * below, and leaves its out-parameters untouched on failure.  A caller that
 * meets a value it does not know treats it as a denial.
 */
#ifndef LB_ERR_H
#define LB_ERR_H

enum lb_err {
	LB_OK = 0,
	LB_ERR_NOMEM = -1,	 /* memory could not be allocated */
	LB_ERR_SYSTEM = -2,	 /* a system call failed; errno says which way */
	LB_ERR_MALFORMED = -3,	 /* input breaks the format */
	LB_ERR_TOO_LONG = -4,	 /* input or output exceeds its stated maximum */
	LB_ERR_NOT_FOUND = -5,	 /* no such thing */
	LB_ERR_TIMEOUT = -6,	 /* the deadline passed */
	LB_ERR_UNREACHABLE = -7, /* the daemon could not be reached */
	LB_ERR_REFUSED = -8,	 /* understood, and the answer is no */
	LB_ERR_FULL = -9,	 /* the store, the disk or the id range is full */
	LB_ERR_DAMAGED = -10,	 /* stored data fails its own checks */
	LB_ERR_VERSION = -11,	 /* a format version this build does not know */
	LB_ERR_EXISTS = -12,	 /* it is there already */
	LB_ERR_INTERNAL = -13,	 /* a broken invariant */
};

/*
 * Returns a short lower-case English phrase for err ("out of memory"), never
 * NULL; static storage.  Never blocks.
 */
const char *lb_err_text(int err);

#endif
