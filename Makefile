# Lockbox: build, test, install.  `make help` lists the targets.

CC ?= cc
PREFIX ?= /usr
LIBEXECDIR ?= $(PREFIX)/libexec/lockbox
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/lockbox
MULTIARCH ?= $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR ?= $(PREFIX)/lib/$(MULTIARCH)
# PAM modules live where libpam looks for them.
PAMDIR ?= /lib/$(MULTIARCH)/security
DESTDIR ?=
# SANITIZE=1: programs with AddressSanitizer and UBSan, the two modules, which other people's
# programs load, with UBSan that traps and needs no runtime library.  See tests/sanitize/.
SANITIZE ?= 0
# COVERAGE=1: counts which lines and branches run; `make coverage` builds so.
COVERAGE ?= 0
ifeq ($(SANITIZE),1)
BUILD ?= build/sanitize
else ifeq ($(COVERAGE),1)
BUILD ?= build/coverage
else
BUILD ?= build
endif
V ?= 0

ifeq ($(V),0)
Q = @
say = @printf '  %-5s %s\n' $(1) $(2)
else
Q =
say = @:
endif

ifeq ($(SANITIZE),1)
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
TRAPS = -fsanitize=undefined -fsanitize-undefined-trap-on-error -O1
export SANITIZE
else ifeq ($(COVERAGE),1)
COUNTERS = --coverage -fprofile-update=atomic -O0 -fno-inline
# See tests/coverage/runtime.c.
UNFILTERED = -Wl,--wrap=lb_sandbox_enter,--wrap=lb_sandbox_confine_files
$(BUILD)/obj/tests/coverage/runtime.o: CPPFLAGS += -DLB_COUNTERS='"$(abspath $(BUILD))"'
else
CPPFLAGS += -D_FORTIFY_SOURCE=2
endif
CPPFLAGS += -D_GNU_SOURCE -DLB_LIBEXECDIR='"$(LIBEXECDIR)"' -DLB_DATADIR='"$(DATADIR)"'
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu17 -fPIC -fvisibility=hidden -fstack-protector-strong -fstack-clash-protection \
	-ffunction-sections -fcf-protection -fno-strict-aliasing -fno-delete-null-pointer-checks \
	-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wformat=2 -Wvla -Werror=implicit -MMD -MP
LDFLAGS += -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed,--gc-sections
EXE_LDFLAGS = -pie
ifeq ($(SANITIZE),1)
MODULE_CFLAGS := $(CFLAGS) $(TRAPS)
CFLAGS += $(SANITIZERS)
else
MODULE_CFLAGS := $(CFLAGS)
CFLAGS += $(COUNTERS)
ifeq ($(COVERAGE),1)
LDFLAGS += -Wl,--wrap=__gcov_exit
endif
endif
MODULE_LDFLAGS = -shared -Wl,-z,defs,-z,nodelete

DAEMON_LIBS = -levent -lconfuse -ljansson -llmdb -lsodium -lseccomp -lacl
CLIENT_LIBS = -lconfuse -ljansson -lsodium

COMMON_SRC := $(wildcard common/*.c)
NSS_SRC := $(wildcard nss_lockbox/*.c)
PAM_SRC := $(wildcard pam_lockbox/*.c)
POLICY_SRC := $(wildcard lockboxd/policy/*.c)
# Every process of the host loads this module: no start files (it has nothing to start), few segments.
NSS_LDFLAGS ?= -nostartfiles -Wl,-z,noseparate-code
# One file with a main() per program; everything else of the client is shared by them.
CLIENT_MAINS := lockboxd/client/lockbox.c lockboxd/client/lockbox-gate.c lockboxd/client/lockbox-keys.c
CLIENT_SRC := $(filter-out $(CLIENT_MAINS),$(wildcard lockboxd/client/*.c))
DAEMON_SRC := $(filter-out lockboxd/main.c,$(wildcard lockboxd/*.c lockboxd/warden/*.c \
	lockboxd/keeper/*.c lockboxd/front/*.c lockboxd/courier/*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
COMMON_OBJ := $(call obj,$(COMMON_SRC))
# The modules' own objects, where they are built otherwise than the programs'.
module_obj = $(obj)
ifeq ($(SANITIZE),1)
COMMON_OBJ += $(call obj,tests/sanitize/runtime.c)
module_obj = $(patsubst %.c,$(BUILD)/module/%.o,$(1))
else ifeq ($(COVERAGE),1)
COMMON_OBJ += $(call obj,tests/coverage/runtime.c)
module_obj = $(patsubst %.c,$(BUILD)/module/%.o,$(1))
endif
POLICY_OBJ := $(call obj,$(POLICY_SRC))
DAEMON_OBJ := $(call obj,$(DAEMON_SRC))
CLIENT_OBJ := $(call obj,$(CLIENT_SRC))

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
# Small programs the module tests, end-to-end tests and benchmarks run; each is one file.
DAEMON_BENCH_SRC := $(wildcard tests/bench/daemon_*.c)
HELPER_SRC := $(filter-out $(DAEMON_BENCH_SRC),$(wildcard tests/module/*.c tests/e2e/*.c tests/bench/*.c))
HELPER_BIN := $(foreach s,$(HELPER_SRC),$(BUILD)/tests/$(notdir $(s:.c=)))
# Programs with the daemon's own objects in them, run by the module tests as root.
DAEMON_TEST_BIN := $(patsubst tests/daemon/%.c,$(BUILD)/tests/%,$(wildcard tests/daemon/*.c))
# The same for the benchmarks.
DAEMON_BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/tests/%,$(DAEMON_BENCH_SRC))
HELPER_BIN += $(DAEMON_TEST_BIN) $(DAEMON_BENCH_BIN)
# Programs of the torture tests, with the daemon's objects and those of tests/torture/part/ in them.
TORTURE_BIN := $(patsubst tests/torture/%.c,$(BUILD)/tests/%,$(wildcard tests/torture/*.c))
TORTURE_OBJ := $(call obj,$(wildcard tests/torture/part/*.c))
HELPER_BIN += $(TORTURE_BIN)
# A wall clock for the world of a test (e2e/clock): preloaded there into every program.
HELPER_BIN += $(BUILD)/tests/wall.so $(BUILD)/tests/sk_soft.so

PROGRAMS := $(BUILD)/lockboxd $(BUILD)/lockbox $(BUILD)/lockbox-gate $(BUILD)/lockbox-keys
MODULES := $(BUILD)/pam_lockbox.so $(BUILD)/libnss_lockbox.so.2

.PHONY: torture
.PHONY: lint tidy
# Programs whose allocations can be made to fail: an allocator of the tests is linked in.
TORTURE_PROGRAMS := $(patsubst $(BUILD)/%,$(BUILD)/torture/%,$(PROGRAMS))
# And a process for the modules to be loaded into, which shows the allocator to them.
HELPER_BIN += $(TORTURE_PROGRAMS) $(BUILD)/torture/drive $(BUILD)/torture/taken
ALLOC_OBJ := $(call obj,tests/torture/alloc/alloc.c)

.PHONY: all help deps check unit helpers demo bench defences install uninstall format clean
all: $(PROGRAMS) $(MODULES)

help:
	@echo "all      build everything into $(BUILD)/"
	@echo "demo     (root) the main job, narrated, in namespaces of its own; KEEP=1 leaves a shell"
	@echo "check    unit tests; as root also module and end-to-end tests, the demo among them"
	@echo "bench    (root) lookups, decisions, state changes and ends against their peers, as ratios"
	@echo "booted   (root) the main job and own accounts on a whole Debian 12 that is booted with systemd"
	@echo "torture  (root) each allocation and system call failed in turn, processes killed, power lost"
	@echo "defences (root) take each defence out in turn and see its test fail; ONLY=\"37 41-cap\""
	@echo "deps     (root) install the Debian packages that building and testing need"
	@echo "fuzz     FUZZ_SECONDS=$(FUZZ_SECONDS) of libFuzzer for each target of tests/fuzz; AFL=1 for AFL++, ONLY=NAME"
	@echo "prove    prove with cbmc what tests/prove says; ONLY=NAME for one harness"
	@echo "install  install under DESTDIR; then run $(DATADIR)/setup enable"
	@echo "format   clang-format every source file"
	@echo "coverage lines and branches that the tests run, per file; fails below the floors"
	@echo "lint     clang-tidy, cppcheck, shellcheck, codespell, mandoc and the layout; what changed"

# pam.conf is read by the module's own reader in the commands, too; in a library, since tests compile
# it into themselves.
PAM_CONF := $(BUILD)/pam_conf.a
$(PAM_CONF): $(call obj,pam_lockbox/conf.c)
	$(Q)rm -f $@ && ar rcs $@ $^
$(CLIENT_OBJ): CPPFLAGS += -iquote pam_lockbox

# Building needs the libraries; as root on Debian they are installed when missing.
deps:
	$(Q)packaging/deps

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -iquote common -iquote lockboxd -c -o $@ $<

$(BUILD)/module/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(MODULE_CFLAGS) -iquote common -c -o $@ $<

$(BUILD)/lockboxd: $(call obj,lockboxd/main.c) $(DAEMON_OBJ) $(POLICY_OBJ) $(COMMON_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXE_LDFLAGS) $(UNFILTERED) -o $@ $^ $(DAEMON_LIBS)

$(BUILD)/lockbox $(BUILD)/lockbox-gate $(BUILD)/lockbox-keys: $(BUILD)/%: \
		$(BUILD)/obj/lockboxd/client/%.o $(CLIENT_OBJ) $(POLICY_OBJ) $(COMMON_OBJ) $(PAM_CONF)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXE_LDFLAGS) -o $@ $^ $(CLIENT_LIBS)

$(BUILD)/libnss_lockbox.so.2: $(call module_obj,$(NSS_SRC)) nss_lockbox/nss_lockbox.map \
		$(call module_obj,common/snapshot.c common/name.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(MODULE_CFLAGS) $(LDFLAGS) $(MODULE_LDFLAGS) $(NSS_LDFLAGS) -Wl,-soname,libnss_lockbox.so.2 \
		-Wl,--version-script=nss_lockbox/nss_lockbox.map -o $@ $(filter %.o,$^)

$(BUILD)/pam_lockbox.so: $(call module_obj,$(PAM_SRC)) pam_lockbox/pam_lockbox.map \
		$(call module_obj,$(COMMON_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(MODULE_CFLAGS) $(LDFLAGS) $(MODULE_LDFLAGS) \
		-Wl,--version-script=pam_lockbox/pam_lockbox.map -o $@ $(filter %.o,$^) -lpam

$(BUILD)/tests/test_%: tests/unit/test_%.c $(DAEMON_OBJ) $(CLIENT_OBJ) $(POLICY_OBJ) $(COMMON_OBJ) $(PAM_CONF) \
		$(call obj,$(wildcard tests/support/*.c))
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -iquote common -iquote lockboxd -iquote tests/support -MF $@.d $(LDFLAGS) -o $@ \
		$< $(filter %.o,$^) $(PAM_CONF) -lcmocka $(DAEMON_LIBS)

# Its calls fail one after the other.
$(BUILD)/tests/test_store_blocks: LDFLAGS += -Wl,--wrap=realloc
$(BUILD)/tests/test_keeper_faults: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=mdb_get,--wrap=mdb_put \
	-Wl,--wrap=mdb_del,--wrap=mdb_cursor_open,--wrap=mdb_cursor_get,--wrap=mdb_txn_begin,--wrap=lb_store_next_serial \
	-Wl,--wrap=mdb_env_create,--wrap=mdb_env_open,--wrap=mdb_env_set_mapsize,--wrap=mdb_env_set_maxdbs,--wrap=mdb_dbi_open,--wrap=mdb_env_stat,--wrap=mdb_env_info

define helper
$$(BUILD)/tests/$(notdir $(1:.c=)): $(1) $$(COMMON_OBJ)
	$$(call say,TEST,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS) $$(CFLAGS) -iquote common -iquote lockboxd -MF $$@.d $$(LDFLAGS) -o $$@ $$< $$(filter %.o,$$^) \
		-lpthread -ldl -lpam
endef
$(foreach s,$(HELPER_SRC),$(eval $(call helper,$(s))))

$(DAEMON_TEST_BIN): $(BUILD)/tests/%: tests/daemon/%.c $(DAEMON_OBJ) $(POLICY_OBJ) $(COMMON_OBJ)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -iquote common -iquote lockboxd -MF $@.d $(LDFLAGS) -o $@ \
		$< $(filter %.o,$^) -lcmocka $(DAEMON_LIBS)

$(DAEMON_BENCH_BIN): $(BUILD)/tests/%: tests/bench/%.c $(DAEMON_OBJ) $(POLICY_OBJ) $(COMMON_OBJ)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -iquote common -iquote lockboxd -MF $@.d $(LDFLAGS) -o $@ \
		$< $(filter %.o,$^) $(DAEMON_LIBS)

$(TORTURE_BIN): $(BUILD)/tests/%: tests/torture/%.c $(TORTURE_OBJ) $(DAEMON_OBJ) $(POLICY_OBJ) $(COMMON_OBJ)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -iquote common -iquote lockboxd -MF $@.d $(LDFLAGS) -o $@ \
		$< $(filter %.o,$^) $(DAEMON_LIBS) -lpthread -ldl -lpam -lcmocka

# Fuzz targets: each with whatever drives it.  FUZZ_MAIN and FUZZ_FLAGS are of the engine; plain, the
# corpus is replayed (in `make check`).  tests/fuzz/run builds them anew with a fuzzing compiler.
FUZZ_MAIN ?= tests/fuzz/replay.c
FUZZ_FLAGS ?=
FUZZ_SECONDS ?= 60
FUZZ_SRC := $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz_%,$(FUZZ_SRC))
# As a library: a target that has a function of its own gets that one.
FUZZ_LIB := $(BUILD)/tests/fuzz.a
$(FUZZ_LIB): $(DAEMON_OBJ) $(CLIENT_OBJ) $(POLICY_OBJ) $(COMMON_OBJ) $(call obj,$(PAM_SRC) $(NSS_SRC))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FUZZ_BIN): $(BUILD)/tests/fuzz_%: tests/fuzz/%.c $(FUZZ_MAIN) $(wildcard tests/fuzz/*.h) $(FUZZ_LIB)
	$(call say,FUZZ,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(FUZZ_FLAGS) -iquote common -iquote lockboxd -iquote lockboxd/client \
		-iquote pam_lockbox -iquote nss_lockbox -MF $@.d $(LDFLAGS) -o $@ $< $(FUZZ_MAIN) $(FUZZ_LIB) $(DAEMON_LIBS)

# Makes the corpus's first files; to be run by hand when a format changes (its head says how).
$(BUILD)/tests/seed_corpus: tests/fuzz/seed/seed_corpus.c $(FUZZ_LIB)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -iquote common -iquote lockboxd -MF $@.d $(LDFLAGS) -o $@ $< $(FUZZ_LIB) $(DAEMON_LIBS)

# Prints the keeper's state machine for the model of tests/spin.
HELPER_BIN += $(BUILD)/tests/spin_table
$(BUILD)/tests/spin_table: tests/spin/table.c $(DAEMON_OBJ) $(POLICY_OBJ) $(COMMON_OBJ)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -iquote common -iquote lockboxd -MF $@.d $(LDFLAGS) -o $@ $(filter-out %/main.o,$^) $(DAEMON_LIBS)

# Like a module: other programs load it, which are none of a sanitizer build.
$(BUILD)/tests/wall.so: tests/clock/wall.c
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(MODULE_CFLAGS) -MF $@.d $(LDFLAGS) -shared -o $@ $< -ldl

$(BUILD)/tests/sk_soft.so: tests/hardware/sk_soft.c
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(MODULE_CFLAGS) -MF $@.d $(LDFLAGS) -shared -o $@ $< -lsodium

unit: $(UNIT_BIN)
helpers: $(HELPER_BIN) $(FUZZ_BIN)

# `make check` on a fresh machine: first the packages, then a second make that finds them.
check: deps
	$(Q)$(MAKE) --no-print-directory all unit helpers
	$(Q)tests/run "$(BUILD)"

# Takes each defence that has a patch out of a copy of the tree, and sees its test fail.
defences: deps
	$(Q)$(MAKE) --no-print-directory all unit helpers
	$(Q)tests/defences/run $(ONLY)

demo: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD="$(BUILD)" tests/support/world tests/e2e/demo.sh

bench:
	$(Q)packaging/deps bench
	$(Q)$(MAKE) --no-print-directory all helpers
	$(Q)BUILD="$(BUILD)" tests/bench/bench

$(BUILD)/torture/lockboxd: $(ALLOC_OBJ) $(call obj,lockboxd/main.c) $(DAEMON_OBJ) $(POLICY_OBJ) $(COMMON_OBJ)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXE_LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

$(BUILD)/torture/lockbox $(BUILD)/torture/lockbox-gate $(BUILD)/torture/lockbox-keys: $(BUILD)/torture/%: \
		$(BUILD)/obj/lockboxd/client/%.o $(ALLOC_OBJ) $(CLIENT_OBJ) $(POLICY_OBJ) $(COMMON_OBJ) $(PAM_CONF)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXE_LDFLAGS) -o $@ $^ $(CLIENT_LIBS)

comma = ,
# Without the objects that have tests/coverage/runtime.c among them.
$(BUILD)/torture/drive: LDFLAGS := $(filter-out -Wl$(comma)--wrap=__gcov_exit,$(LDFLAGS))
$(BUILD)/torture/drive: $(call obj,tests/torture/drive/drive.c) $(ALLOC_OBJ)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXE_LDFLAGS) -rdynamic -o $@ $^ -lpam -ldl

# A whole host, booted: the first run takes Debian's packages from the network.
.PHONY: booted
booted:
	$(Q)packaging/deps booted
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/booted/run "$(BUILD)"
	$(Q)tests/booted/run "$(BUILD)" tests/booted/own.sh

$(BUILD)/torture/taken: $(call obj,tests/torture/drive/taken.c) $(ALLOC_OBJ) $(DAEMON_OBJ) $(POLICY_OBJ) $(COMMON_OBJ)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(EXE_LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

torture: deps
	$(Q)$(MAKE) --no-print-directory all $(HELPER_BIN) $(BUILD)/tests/test_store_pages
	$(Q)tests/torture/run "$(BUILD)"

.PHONY: fuzz fuzz-targets
fuzz-targets: $(FUZZ_BIN)
# FUZZ_SECONDS for each target; AFL=1 with AFL++; ONLY=NAME for one target.
fuzz:
	$(Q)packaging/deps fuzz
	$(Q)FUZZ_SECONDS="$(FUZZ_SECONDS)" ONLY="$(ONLY)" AFL="$(AFL)" tests/fuzz/run "$(BUILD)"

# Proofs by cbmc, which is put into a tree of its own; ONLY=NAME for one harness.
.PHONY: prove
prove:
	$(Q)ONLY="$(ONLY)" tests/prove/run "$(BUILD)"

install: all
	$(Q)BUILD="$(BUILD)" DESTDIR="$(DESTDIR)" BINDIR="$(BINDIR)" SBINDIR="$(SBINDIR)" \
		LIBEXECDIR="$(LIBEXECDIR)" LIBDIR="$(LIBDIR)" PAMDIR="$(PAMDIR)" MANDIR="$(MANDIR)" \
		DATADIR="$(DATADIR)" packaging/install

uninstall:
	$(Q)BUILD="$(BUILD)" DESTDIR="$(DESTDIR)" BINDIR="$(BINDIR)" SBINDIR="$(SBINDIR)" \
		LIBEXECDIR="$(LIBEXECDIR)" LIBDIR="$(LIBDIR)" PAMDIR="$(PAMDIR)" MANDIR="$(MANDIR)" \
		DATADIR="$(DATADIR)" packaging/install --remove

# Each file's findings are kept until it, a header it includes or the settings change.  Those of
# tests/prove are in cbmc's C, which clang does not know.
TIDY_SRC := $(COMMON_SRC) $(NSS_SRC) $(PAM_SRC) $(POLICY_SRC) $(CLIENT_SRC) $(CLIENT_MAINS) \
	$(DAEMON_SRC) lockboxd/main.c $(filter-out tests/prove/%,$(wildcard tests/*/*.c))
TIDY_FLAGS = -std=gnu17 -D_GNU_SOURCE -DLB_LIBEXECDIR='""' -DLB_DATADIR='""' -DLB_COUNTERS='""' -iquote common -iquote lockboxd -iquote tests/support \
	-iquote lockboxd/client -iquote pam_lockbox -iquote nss_lockbox
$(BUILD)/lint/%.tidy: %.c .clang-tidy nss_lockbox/.clang-tidy tests/.clang-tidy
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(TIDY_FLAGS) -Wall -Wextra 2>$@.log || { cat $@.log >&2; exit 1; }
	$(Q)$(CC) $(TIDY_FLAGS) -MM -MP -MT $@ -MF $(@:.tidy=.d) $< && touch $@

$(patsubst %.c,$(BUILD)/lint/%.tidy,$(filter tests/fuzz/%,$(TIDY_SRC))): tests/fuzz/.clang-tidy

tidy: $(patsubst %.c,$(BUILD)/lint/%.tidy,$(TIDY_SRC))

lint:
	$(Q)packaging/deps lint
	$(Q)tests/lint/run
	$(Q)$(MAKE) --no-print-directory -j "$$(nproc)" --keep-going tidy

# What the tests run of each file; fails below the floors of tests/coverage/run.
.PHONY: coverage
coverage:
	$(Q)packaging/deps coverage
	$(Q)$(MAKE) --no-print-directory COVERAGE=1 all unit helpers
	$(Q)tests/coverage/run build/coverage

format:
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	$(Q)rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj $(BUILD)/tests -type f -name '*.d' 2>/dev/null)
