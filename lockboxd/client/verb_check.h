/*
 * `lockbox check`: reads a policy as the daemon would and says what is wrong.
 */
#ifndef LB_CLIENT_VERB_CHECK_H
#define LB_CLIENT_VERB_CHECK_H

/*
 * argv[0] is the verb.  Prints to standard output and error; returns the exit
 * status: 0 the policy is fine, 1 it is not, 2 usage.  Talks to no daemon.
 */
int lb_verb_check(int argc, char **argv);

#endif
