/*
 * Looks for words in the memory of processes.
 *
 *	memory WORDS PID...
 *
 * WORDS is a file with a word on each line.  Every mapping of each process
 * that can be read is searched, but for the shadow bytes of AddressSanitizer,
 * terabytes that hold no memory's contents; what is found is printed as
 * "PID MAPPING WORD".
 * Status 0 when nothing was found, 1 when something was, 2 when a process
 * could not be looked at.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 64
#define WORD_SIZE 128
#define PIECE (1u << 20)
#define SHADOW_SIZE_MIN (1ull << 40)

static char words[WORDS_MAX][WORD_SIZE];
static size_t word_count;
static bool found;

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(2);
}

static void
read_words(const char *path)
{
	FILE *f = fopen(path, "r");

	if (f == NULL)
		die(path);
	while (word_count < WORDS_MAX && fgets(words[word_count], WORD_SIZE, f) != NULL) {
		char *word = words[word_count];

		word[strcspn(word, "\n")] = '\0';
		if (*word != '\0')
			word_count++;
	}
	fclose(f);
	if (word_count == 0)
		die("no words");
}

/* Pieces overlap by a word's length, so that none is missed between two. */
static void
search_mapping(int mem, uint64_t from, uint64_t to, const char *pid, const char *line)
{
	static char piece[PIECE];

	for (uint64_t at = from; at < to;) {
		size_t want = to - at < PIECE ? (size_t)(to - at) : PIECE;
		ssize_t got = pread(mem, piece, want, (off_t)at);

		if (got <= 0)
			return; /* such as [vvar] */
		for (size_t i = 0; i < word_count; i++) {
			if (memmem(piece, (size_t)got, words[i], strlen(words[i])) == NULL)
				continue;
			printf("%s %s %s\n", pid, words[i], line);
			found = true;
		}
		if ((uint64_t)got >= to - at)
			return;
		at += (uint64_t)got > WORD_SIZE ? (uint64_t)got - WORD_SIZE : (uint64_t)got;
	}
}

static void
search_process(const char *pid)
{
	char path[64], line[512];
	FILE *maps;
	int mem;

	snprintf(path, sizeof path, "/proc/%s/maps", pid);
	maps = fopen(path, "r");
	snprintf(path, sizeof path, "/proc/%s/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (maps == NULL || mem < 0)
		die(path);
	while (fgets(line, sizeof line, maps) != NULL) {
		unsigned long long from, to;
		char mode;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%llx-%llx %c", &from, &to, &mode) == 3 && mode == 'r' &&
		    to - from < SHADOW_SIZE_MIN)
			search_mapping(mem, from, to, pid, line);
	}
	fclose(maps);
	close(mem);
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: memory WORDS PID...\n");
		return 2;
	}
	read_words(argv[1]);
	for (int i = 2; i < argc; i++)
		search_process(argv[i]);
	return found ? 1 : 0;
}
