/*
 * sweep: runs a program once for each of its system calls and allocations, which
 * then fails (part/inject.h), and compares what it says with what it says when
 * nothing fails.
 *
 *	sweep WORDS... -- PROGRAM ARGUMENT...
 *
 *	calls | allocations	what fails
 *	object=SUFFIX		places are told by the code of this shared object
 *	each=N most=N		at most N times at one place (1000); N points in all, spread evenly
 *	same			with status 0 the output must be as without the fault
 *	fewer			each line of output must be one that comes without the fault, but
 *				for numbers
 *	never=REGEX		no line may match
 *	library=0xN,0xN		calls of functions of a library that faults without memory: counted
 *				apart
 *	digits			numbers do not count when output is compared
 *	user=NAME env=NAME=VALUE	whom the program runs as, and what it finds there
 *
 *	grows			the program does its work ROUNDS times: with an allocation that
 *				fails in every round it must hold no more in the end
 *
 * Lines "fds N" and "blocks N" of the program are what it holds in the end: more
 * descriptors than without the fault, or blocks in the number of rounds, are a
 * leak.  Counts: fail-open (it says what it must not),
 * crashes, leaks, stuck (not over after 10 s).
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "part/inject.h"

#define OUT_MAX 65536
#define LIMIT_MS 10000
#define ROUNDS 50

static char many_rounds[] = "ROUNDS=50";

static struct {
	bool allocations, same, fewer, digits, grows;
	const char *object, *library;
	unsigned each, most;
	regex_t never;
	bool has_never;
	char *env[8];
	size_t nenv;
	char **argv;
} o = {.each = 1000};

static struct inject in;
static char due[OUT_MAX], got[OUT_MAX];
static int out_fd, due_status;
static unsigned failopen, crashes, leaks, stuck, library, done, reached;

static void __attribute__((noreturn)) misuse(const char *what)
{
	fprintf(stderr, "sweep: %s\n", what);
	exit(2);
}

static void
tell(const char *what, const struct inject_site *s, unsigned nth, int error)
{
	printf("FOUND %s: %s %s nth=%u at", what, inject_call_name(s->call),
	       inject_error_name(error), nth);
	for (int i = 0; i < INJECT_FRAMES; i++)
		if (s->frame[i] != 0)
			printf(" 0x%x", s->frame[i] - 1);
	printf(" (%s", o.argv[0]);
	for (int i = 1; o.argv[i] != NULL; i++)
		printf(" %s", o.argv[i]);
	printf(")\n%s", got);
}

/* Runs the program; its output is in text.  Its status, or -1 when it did not end. */
static int
run(const struct inject_point *point, char *text)
{
	static char *none[] = {NULL};
	ssize_t n;
	bool ended;

	if (ftruncate(out_fd, 0) != 0 || lseek(out_fd, 0, SEEK_SET) != 0 ||
	    inject_start(&in, point, o.object, o.argv, o.nenv > 0 ? o.env : none, out_fd, -1) != 0)
		misuse("cannot start");
	ended = inject_finish(&in, LIMIT_MS);
	n = pread(out_fd, text, OUT_MAX - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	for (char *p = text; o.digits && *p != '\0'; p++)
		if (isdigit((unsigned char)*p))
			*p = '0';
	return ended ? in.report->status : -1;
}

/* The number in the line "NAME N"; 0 without one. */
static long
number(const char *text, const char *name)
{
	const char *at = text;

	while (at != NULL && *at != '\0') {
		if (strncmp(at, name, strlen(name)) == 0)
			return atol(at + strlen(name));
		at = strchr(at, '\n');
		at += at != NULL;
	}
	return 0;
}

static bool
is_due(const char *line)
{
	const char *at = due;
	size_t n = strlen(line);

	if (strncmp(line, "fds ", 4) == 0 || strncmp(line, "blocks ", 7) == 0)
		return true;
	while (at != NULL && *at != '\0') {
		if (strncmp(at, line, n) == 0 && (at[n] == '\n' || at[n] == '\0'))
			return true;
		at = strchr(at, '\n');
		at += at != NULL;
	}
	return false;
}

static bool
lines_wrong(void)
{
	static char copy[OUT_MAX];
	char *save = NULL;

	snprintf(copy, sizeof copy, "%s", got);
	for (char *l = strtok_r(copy, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save))
		if ((o.fewer && !is_due(l)) ||
		    (o.has_never && regexec(&o.never, l, 0, NULL, 0) == 0))
			return true;
	return false;
}

static void
fail_one(const struct inject_site *s, unsigned nth, int error)
{
	const struct inject_point point = {INJECT_MAIN, s->call, s->site, nth, false, error};
	struct inject_site site = *s;
	int status = run(&point, got);

	site.role = point.role;
	done++;
	reached += in.report->reached;
	if (status == -1) {
		stuck++;
		tell("stuck", &site, nth, error);
	} else if (in.report->crashes > 0 && s->call == INJECT_ALLOC &&
		   inject_in_list(o.library, s->frame[0])) {
		library++;
	} else if (in.report->crashes > 0) {
		crashes++;
		printf("at %s: ", in.report->place);
		tell("crashes", &site, nth, error);
	} else if ((o.same && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
		    strcmp(got, due) != 0) ||
		   lines_wrong()) {
		failopen++;
		tell("fail-open", &site, nth, error);
	} else if (number(got, "fds ") > number(due, "fds ")) {
		leaks++;
		tell("leaks", &site, nth, error);
	}
}

/* One place fails in each of many rounds: what each of them lost adds up. */
static void
fail_always(const struct inject_site *s)
{
	const struct inject_point point = {INJECT_MAIN, s->call, s->site, 1, true, ENOMEM};
	int status;

	o.env[o.nenv++] = many_rounds;
	status = run(&point, got);
	o.env[--o.nenv] = NULL;
	if (status == -1 || in.report->crashes > 0)
		return; /* the one fault has shown that */
	done++;
	reached += in.report->reached;
	if (number(got, "blocks ") > number(due, "blocks ") + ROUNDS / 2 ||
	    number(got, "fds ") > number(due, "fds ") + ROUNDS / 2) {
		leaks++;
		tell("leaks in each round", s, 1, ENOMEM);
	}
}

static void
read_words(int argc, char **argv)
{
	const struct passwd *pw;
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "allocations") == 0)
			o.allocations = true;
		else if (strcmp(argv[i], "same") == 0)
			o.same = true;
		else if (strcmp(argv[i], "fewer") == 0)
			o.fewer = true;
		else if (strcmp(argv[i], "grows") == 0)
			o.grows = true;
		else if (strcmp(argv[i], "digits") == 0)
			o.digits = true;
		else if (strncmp(argv[i], "library=", 8) == 0)
			o.library = argv[i] + 8;
		else if (strncmp(argv[i], "object=", 7) == 0)
			o.object = argv[i] + 7;
		else if (strncmp(argv[i], "user=", 5) == 0 &&
			 (pw = getpwnam(argv[i] + 5)) != NULL) {
			in.uid = pw->pw_uid;
			in.gid = pw->pw_gid;
		} else if (strncmp(argv[i], "env=", 4) == 0 && o.nenv < 7)
			o.env[o.nenv++] = argv[i] + 4;
		else if (strncmp(argv[i], "never=", 6) == 0)
			o.has_never = regcomp(&o.never, argv[i] + 6, REG_EXTENDED | REG_NOSUB) == 0;
		else if (sscanf(argv[i], "each=%u", &o.each) != 1 &&
			 sscanf(argv[i], "most=%u", &o.most) != 1 && strcmp(argv[i], "calls") != 0)
			misuse(argv[i]);
	}
	if (i + 1 >= argc)
		misuse("usage: sweep WORDS... -- PROGRAM ARGUMENT...");
	o.argv = argv + i + 1;
}

int
main(int argc, char **argv)
{
	static const struct inject_point none = {.nth = 0};
	static struct inject_site sites[INJECT_SITES];
	unsigned count, total = 0, at = 0;
	const int *errors;

	read_words(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	out_fd = memfd_create("output", MFD_CLOEXEC);
	/* The first run may find the host cold. */
	run(&none, due);
	due_status = run(&none, due);
	if (due_status == -1 || in.report->crashes > 0 || in.report->overflow ||
	    (o.has_never && lines_wrong()))
		misuse("it is not as it should be without a fault");
	count = in.report->sites;
	memcpy(sites, in.report->site, count * sizeof sites[0]);
	for (unsigned i = 0; i < count; i++)
		if ((sites[i].call == INJECT_ALLOC) == o.allocations &&
		    sites[i].role == INJECT_MAIN)
			total += (sites[i].count < o.each ? sites[i].count : o.each) +
				 (unsigned)inject_errors(sites[i].call, &errors) - 1;
	for (unsigned i = 0; i < count; i++) {
		const struct inject_site *s = &sites[i];
		int n = inject_errors(s->call, &errors);

		if ((s->call == INJECT_ALLOC) != o.allocations || s->role != INJECT_MAIN)
			continue;
		for (int e = 0; e < n; e++)
			for (unsigned nth = 1; nth <= (e == 0 ? s->count : 1) && nth <= o.each;
			     nth++)
				if (++at, o.most == 0 || done < (uint64_t)o.most * at / total + 1)
					fail_one(s, nth, errors[e]);
	}
	for (unsigned i = 0; o.grows && o.allocations && i < count; i++)
		if (sites[i].call == INJECT_ALLOC && (o.most == 0 || i % (count / o.most + 1) == 0))
			fail_always(&sites[i]);
	printf("RESULT done=%u reached=%u places=%u fail-open=%u crashes=%u leaks=%u stuck=%u "
	       "library=%u\n",
	       done, reached, count, failopen, crashes, leaks, stuck, library);
	return 0;
}
