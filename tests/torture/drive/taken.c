/*
 * taken NAME UID HOME: asks the warden's helper to make a home for an account,
 * as it does before it publishes one, and prints what came of it: "made", or
 * "refused".  Nothing is left behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "warden/home.h"

int
main(int argc, char **argv)
{
	struct lb_home_job job = {.fresh = true};
	char text[1024] = "";

	if (argc != 4)
		return 2;
	snprintf(job.name, sizeof job.name, "%s", argv[1]);
	job.uid = (uint32_t)strtoul(argv[2], NULL, 10);
	snprintf(job.home, sizeof job.home, "%s", argv[3]);
	if (lb_home_make(&job, text, sizeof text) == 0) {
		puts("made");
		rmdir(job.home);
		return 0;
	}
	puts("refused");
	return 1;
}
