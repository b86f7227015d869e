/*
 * A process that is never where it is looked for: it forks and exits without
 * end, so that its pid is dead before a walk of /proc gets to it, and its
 * child's is not in the list yet.
 */
#include <unistd.h>

int
main(void)
{
	for (;;)
		if (fork() > 0)
			_exit(0);
}
