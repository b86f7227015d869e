/*
 * Descriptors that strangers pass along with their bytes.
 *
 * A client can send an open file with what it writes.  Nobody here takes one,
 * but whoever reads the bytes, or closes the connection without reading them,
 * closes the file: and a TCP socket that lingers (SO_LINGER) makes that wait
 * for as long as the client likes.  So the listening sockets take none, where
 * the kernel can refuse them (SO_PASSRIGHTS, since Linux 6.16).  Elsewhere a
 * signal that comes every few milliseconds, as long as there is a connection
 * that could hold one, breaks such a wait off.
 */
#ifndef LB_PASSED_H
#define LB_PASSED_H

#include <stdbool.h>

/*
 * Has the kernel refuse descriptors sent to any connection of this listening
 * socket, which must not listen yet.  False where the kernel cannot.
 */
bool lb_passed_refuse(int listener);

/* True when no descriptor can have come with what is sent to the connection fd. */
bool lb_passed_none(int fd);

/*
 * Whether system calls that wait are broken off for now, each after 5 ms.
 * Those that lose nothing by it go on by themselves (SA_RESTART).
 */
void lb_passed_guard(bool on);

#endif
