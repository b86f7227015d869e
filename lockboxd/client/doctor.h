/* `lockbox doctor`: is this host as Lockbox needs it, and what to do if not. */
#ifndef LB_CLIENT_DOCTOR_H
#define LB_CLIENT_DOCTOR_H

/*
 * The verb; argv[0] is its name.  Returns 0 when all is well, 1 with findings
 * (or when a reset was refused), 2 on misuse, 3 when a reset was wanted and the
 * daemon could not be reached.
 */
int lb_verb_doctor(int argc, char **argv);

#endif
