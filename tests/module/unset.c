/* Hands the kernel sixteen bytes; with "1" the last was never set.  For replies.sh alone. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	char *bytes = malloc(16);
	size_t set = argc > 1 && strcmp(argv[1], "1") == 0 ? 15 : 16;
	ssize_t written;

	if (bytes == NULL)
		return 1;
	memset(bytes, '.', set);
	written = write(STDOUT_FILENO, bytes, 16);
	free(bytes);
	return written == 16 ? 0 : 1;
}
