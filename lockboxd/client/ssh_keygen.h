/*
 * Signing here, with a key of the caller's: ssh-keygen is run as the caller.
 * Only on the host itself; the gate never comes here.
 */
#ifndef LB_CLIENT_SSH_KEYGEN_H
#define LB_CLIENT_SSH_KEYGEN_H

/*
 * Runs /usr/bin/ssh-keygen -Y sign with this key on the statement.  NULL, and
 * *fd to read the signature from, which the caller closes, and then calls
 * lb_cli_ssh_keygen_end(); or a sentence that says what is wrong.
 */
const char *lb_cli_ssh_keygen(const char *key, const char *statement, int *fd);
/* Waits for it; 0 when it has signed. */
int lb_cli_ssh_keygen_end(void);

#endif
