/*
 * The allocator of torture builds: linked into a program, it takes the place of
 * the C library's, for the program and every library in it, and lets the
 * injector (part/inject.h) decide at each allocation whether it fails.
 *
 * An allocation is announced by a system call that every filter allows and that
 * takes no arguments: getpid(), with a magic number, the size and the place of
 * the number of blocks in use where arguments would stand.  Without the injector
 * it is answered by a pid, with it perhaps by an error.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "../part/magic.h"

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

static long in_use;

static int
refused(size_t size)
{
	long result = SYS_getpid;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(INJECT_MAGIC), "S"(size), "d"(&in_use)
			 : "rcx", "r11", "memory");
	if (result >= 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

static void *
given(void *block)
{
	if (block != NULL)
		__atomic_add_fetch(&in_use, 1, __ATOMIC_RELAXED);
	return block;
}

__attribute__((visibility("default"))) void *
malloc(size_t size)
{
	return refused(size) ? NULL : given(__libc_malloc(size));
}

__attribute__((visibility("default"))) void *
calloc(size_t count, size_t size)
{
	return refused(count * size) ? NULL : given(__libc_calloc(count, size));
}

__attribute__((visibility("default"))) void *
realloc(void *old, size_t size)
{
	void *block;

	if (refused(size))
		return NULL;
	block = __libc_realloc(old, size);
	return old == NULL ? given(block) : block;
}

__attribute__((visibility("default"))) void
free(void *block)
{
	int saved = errno;

	if (block != NULL)
		__atomic_sub_fetch(&in_use, 1, __ATOMIC_RELAXED);
	__libc_free(block);
	errno = saved;
}

__attribute__((visibility("default"))) long inject_blocks_in_use(void);
__attribute__((visibility("default"))) long
inject_blocks_in_use(void)
{
	return __atomic_load_n(&in_use, __ATOMIC_RELAXED);
}
