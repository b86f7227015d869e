/*
 * Runs a fuzz target without a fuzzer: over files, and over changed copies of them.
 *
 *	fuzz_NAME [-n COUNT] [-o FILE] FILE-OR-DIRECTORY...
 *
 * Each input ends where a page begins that cannot be read, so that a byte read too far is seen
 * without a sanitizer too.  COUNT changed inputs (0 unless told) are made in the same way each time:
 * this is the short run of `make check`, not a search.  The input at which the program dies goes to
 * FILE (crash-input unless told).
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX ((size_t)1 << 18)
#define FILES_MAX 4096

static struct {
	uint8_t *bytes;
	size_t size;
} files[FILES_MAX];
static size_t count;
static uint8_t *room; /* INPUT_MAX bytes, then the page */
static const char *crash_file = "crash-input";
static size_t running; /* bytes of the present input */
static uint64_t seed = 0x9e3779b97f4a7c15u;

static size_t
roll(size_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return below > 0 ? (size_t)(seed % below) : 0;
}

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(2);
}

static void
load_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	if (count == FILES_MAX || (size_t)st.st_size > INPUT_MAX) {
		fprintf(stderr, "%s: too many files, or too big a one\n", path);
		exit(2);
	}
	files[count].size = (size_t)st.st_size;
	files[count].bytes = malloc(files[count].size + 1);
	if (files[count].bytes == NULL)
		die("malloc");
	while (used < files[count].size) {
		ssize_t n = read(fd, files[count].bytes + used, files[count].size - used);

		if (n <= 0)
			die(path);
		used += (size_t)n;
	}
	close(fd);
	count++;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
load(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n;

	if (stat(path, &st) != 0)
		die(path);
	if (!S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	n = scandir(path, &names, NULL, by_name);
	if (n < 0)
		die(path);
	for (int i = 0; i < n; i++) {
		char *file;

		if (names[i]->d_name[0] != '.') {
			if (asprintf(&file, "%s/%s", path, names[i]->d_name) < 0)
				die("asprintf");
			load_file(file);
			free(file);
		}
		free(names[i]);
	}
	free(names);
}

static void
run(const uint8_t *bytes, size_t size)
{
	uint8_t *at = room + INPUT_MAX - size;

	running = size;
	if (size > 0)
		memcpy(at, bytes, size);
	(void)LLVMFuzzerTestOneInput(at, size);
}

/* Changes bytes in place; returns the new size, at most INPUT_MAX. */
static size_t
change(uint8_t *bytes, size_t size)
{
	for (size_t times = 1 + roll(5); times > 0 && size > 0; times--) {
		size_t at = roll(size), n = 1 + roll(16), from;

		if (n > size - at)
			n = size - at;
		switch (roll(7)) {
		case 0:
			bytes[at] ^= (uint8_t)(1u << roll(8));
			break;
		case 1:
			bytes[at] = (uint8_t)roll(256);
			break;
		case 2: /* a number of 1 to 4 bytes at an end of its range */
			memset(bytes + at, roll(2) ? 0xff : 0, n > 4 ? 4 : n);
			break;
		case 3:
			memmove(bytes + at, bytes + at + n, size - at - n);
			size -= n;
			break;
		case 4:
			if (size + n > INPUT_MAX)
				break;
			memmove(bytes + at + n, bytes + at, size - at);
			size += n;
			break;
		case 5: /* a piece of another file */
			from = roll(count);
			if (n <= files[from].size)
				memcpy(bytes + at,
				       files[from].bytes + roll(files[from].size - n + 1), n);
			break;
		default:
			size = at;
			break;
		}
	}
	return size;
}

static void
on_crash(int signal)
{
	int fd = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0 && write(fd, room + INPUT_MAX - running, running) == (ssize_t)running)
		dprintf(2, "the input is in %s\n", crash_file);
	raise(signal);
}

static void
catch_crashes(void)
{
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
	static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &action, NULL);
}

int
main(int argc, char **argv)
{
	size_t changed = 0, page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *scratch = malloc(INPUT_MAX);
	int option;

	while ((option = getopt(argc, argv, "n:o:")) != -1) {
		if (option == 'n')
			changed = (size_t)strtoul(optarg, NULL, 10);
		else if (option == 'o')
			crash_file = optarg;
		else
			return 2;
	}
	room = mmap(NULL, INPUT_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (room == MAP_FAILED || scratch == NULL ||
	    mprotect(room + INPUT_MAX, page, PROT_NONE) != 0)
		die("memory");
	catch_crashes();
	for (int i = optind; i < argc; i++)
		load(argv[i]);
	if (count == 0) {
		fprintf(stderr, "no input: there is nothing to run\n");
		return 2;
	}
	for (size_t f = 0; f < count; f++)
		run(files[f].bytes, files[f].size);
	for (size_t n = 0; n < changed; n++) {
		size_t f = roll(count), size = files[f].size;

		memcpy(scratch, files[f].bytes, size);
		run(scratch, change(scratch, size));
	}
	printf("%zu files, %zu changed inputs\n", count, changed);
	for (size_t f = 0; f < count; f++)
		free(files[f].bytes);
	free(scratch);
	return 0;
}
