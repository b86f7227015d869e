/*
 * What the harnesses share.  A harness includes the real source file, gives its functions any
 * input within the bounds it states, and says with ASSERT what must hold.  Beside that cbmc checks
 * each access, overflow and loop bound by itself.  COVER says what must be possible: an assumption
 * that excludes too much would otherwise prove everything.
 */
#ifndef LB_PROVE_H
#define LB_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

void __CPROVER_assume(__CPROVER_bool condition);
void __CPROVER_assert(__CPROVER_bool condition, const char *what);
void __CPROVER_cover(__CPROVER_bool condition);
__CPROVER_bool __CPROVER_same_object(const void *a, const void *b);

#define ASSUME(condition) __CPROVER_assume(condition)
#define ASSERT(condition) __CPROVER_assert((condition), #condition)
/* In a run of its own (tests/prove/run): there, a point that can be reached is one that fails. */
#ifdef PROVE_COVER
#define COVER(condition) __CPROVER_cover(condition)
#else
#define COVER(condition) (void)0
#endif

/* cbmc gives each of these any value, anew at each call. */
bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
int64_t nondet_i64(void);
size_t nondet_size(void);

/* cbmc has no bodies of its own for these. */
void *
memchr(const void *s, int c, size_t n)
{
	const unsigned char *p = s;

	for (size_t i = 0; i < n; i++)
		if (p[i] == (unsigned char)c)
			return (void *)(uintptr_t)(p + i);
	return NULL;
}

size_t
strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0')
		n++;
	return n;
}

void
explicit_bzero(void *s, size_t n)
{
	unsigned char *p = s;

	for (size_t i = 0; i < n; i++)
		p[i] = 0;
}

#endif
