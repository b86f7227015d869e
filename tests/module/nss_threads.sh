#!/bin/bash
# world: bare
# A hundred snapshots a second under threads and forks: no crash, no false and no stale answer.
# Once as built, once more under ThreadSanitizer.
. "$(dirname "${BASH_SOURCE[0]}")/nss_lib.sh"
check "threads, forks and rotation" timeout 60 "$BUILD/tests/nss_stress" $RUN "${SECONDS_EACH:-4}" 8

sanitized=$RUN/nss_stress
build_sanitized() {
	# shellcheck disable=SC2154 # bare worlds are given repo
	(cd "$repo" && ${CC:-cc} -D_GNU_SOURCE -g -O1 -std=gnu17 -fsanitize=thread -iquote common -iquote lockboxd \
		-o $sanitized tests/module/nss_stress.c common/snapshot.c common/name.c common/text.c common/err.c -lpthread)
}
# ThreadSanitizer's memory layout is fixed: where the kernel's randomisation gets in its way it needs to be off.
run_sanitized() {
	local out
	out=$(TSAN_OPTIONS=die_after_fork=0:exitcode=66 timeout 90 setarch -R $sanitized $RUN "${SECONDS_EACH:-4}" 4 2>&1)
	local status=$?
	tail -n 40 <<<"$out"
	[ $status -eq 0 ] && ! grep -q 'WARNING: ThreadSanitizer' <<<"$out"
}
check "the sources build with ThreadSanitizer" build_sanitized
check "the same under ThreadSanitizer" run_sanitized
verdict
