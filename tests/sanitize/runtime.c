/*
 * Linked into every program of the sanitizer build, and into nothing else: what
 * AddressSanitizer's runtime library is told, and where it would be in the way.
 *
 * No product code knows of that build.  The daemon's root, filters and ids are
 * dropped in it as always; the runtime library makes of mlockall() nothing, and
 * the allocator has no settings, so that mallopt() is said to have worked here.
 * Memory locks are asserted in the ordinary build.
 */
#include <malloc.h>

/*
 * Leaks are looked for in the unit tests, whose runner turns that on: the
 * search traces the process from another one, which the programs forbid.
 * Children of the daemon see no file any more: addresses are not made names.
 * Worlds preload a clock of their own (tests/clock/wall.c), before the runtime library.
 */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

__attribute__((visibility("default"))) const char *
__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1:"
	       "check_initialization_order=1:abort_on_error=0:exitcode=99:allocator_may_return_"
	       "null=1:"
	       "handle_abort=0:symbolize=0:verify_asan_link_order=0";
}

__attribute__((visibility("default"))) const char *
__ubsan_default_options(void)
{
	return "print_stacktrace=1:halt_on_error=1";
}

/* Made once and for as long as the keeper lives: there is nothing that frees them. */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void)
{
	return "leak:lb_direct_new\nleak:lb_peers_listen\n";
}

__attribute__((visibility("default"))) int
mallopt(int param, int value)
{
	(void)param;
	(void)value;
	return 1;
}
