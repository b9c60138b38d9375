# SPDX-License-Identifier: MIT
# make            build/rehost, static and stripped
# make image      build/rescue/cloud/{vmlinuz,initrd}, and the private loader beside them
# make images     build/rehost-rescue.{iso,raw,efi}, build/pxe and build/rescue/universal
# make check      everything below; check-unit, check-asan, check-tsan, check-fuzz, check-interop, check-vm, check-power, lint
# make check-matrix  a clone booted for every pair of release, network stack, target's stack and form of address
# make demo       a server migrated in QEMU onto another machine, booted and compared
# make bench      ratios against the peers, build/bench.json
# make install    DESTDIR and PREFIX are honoured

# V=1            shows the commands

VERSION := 0.1.0
Q := $(if $(V),,@)
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
PYTHON  ?= /usr/bin/python3
PYTEST  ?= $(PYTHON) -m pytest -p no:cacheprovider -q

# Variants live in directories of their own: release (build), asan (build/asan), tsan (build/tsan), fuzz (build/fuzz).
JOBS ?= $(shell nproc)
VARIANT ?= release
ifeq ($(VARIANT),release)
B := build
else
B := build/$(VARIANT)
endif

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef \
        -Wformat=2 -Wwrite-strings -Wunused-result -Wpointer-arith -Wimplicit-fallthrough
ifdef CI
WARN += -Werror
endif
CPPFLAGS += -Isrc -D_GNU_SOURCE -DREHOST_VERSION='"$(VERSION)"' -DLIBARCHIVE_STATIC -DLIBSSH_STATIC
CFLAGS_COMMON := -std=gnu11 $(WARN) -g -pthread -fno-strict-aliasing
ifeq ($(VARIANT),release)
CFLAGS ?= -O2
CFLAGS += $(CFLAGS_COMMON) -ffunction-sections -fdata-sections -fstack-protector-strong \
          -D_FORTIFY_SOURCE=2
else ifeq ($(VARIANT),asan)
CFLAGS := -O1 $(CFLAGS_COMMON) -fsanitize=address,undefined -fno-sanitize-recover=all \
          -fno-omit-frame-pointer
LDFLAGS_TEST := -fsanitize=address,undefined
else ifeq ($(VARIANT),tsan)
CFLAGS := -O1 $(CFLAGS_COMMON) -fsanitize=thread -fno-omit-frame-pointer
LDFLAGS_TEST := -fsanitize=thread
else ifeq ($(VARIANT),fuzz)
CC := clang
CFLAGS := -O1 $(CFLAGS_COMMON) -fsanitize=address,undefined,fuzzer-no-link
LDFLAGS_TEST := -fsanitize=address,undefined
endif

# Layers, lowest first. A module may use itself and what its row in scripts/check-includes allows.
MODULES := base image disk transfer rewrite ssh job send init enter serve cli
LAYERED := $(foreach m,$(MODULES),$(if $(wildcard src/$(m)/*.c),$(m)))
lib_of   = $(B)/lib/$(1).a
LIBS    := $(foreach m,$(LAYERED),$(call lib_of,$(m)))

# What a module's unit tests link: the module and those below it, so an upward call fails to link.
UNDER_base :=
UNDER_image := base
UNDER_disk := base
UNDER_transfer := base
UNDER_rewrite := base
UNDER_ssh := base
UNDER_job := disk transfer rewrite base
UNDER_send := transfer base
UNDER_init := base
UNDER_enter := init base
UNDER_serve := ssh job disk transfer rewrite base
UNDER_cli := serve send job enter init image ssh disk transfer rewrite base

STATIC_LIBS := -lssh -larchive -lblkid -lext2fs -lcom_err -ljansson -lcrypto -lacl -llzma -lzstd \
               -llz4 -lbz2 -lz -lnettle -luuid -lyaml
SHARED_LIBS := $(STATIC_LIBS)

all: $(B)/rehost build/rehost-push

# One file, for copying to a source.
build/rehost-push: scripts/rehost-push scripts/assemble-push $(wildcard scripts/push/*.sh)
	@mkdir -p $(@D)
	$(Q)scripts/assemble-push >$@
	@chmod 0755 $@

# ---- setup -------------------------------------------------------------------------------------
SETUP := build/.setup
$(SETUP): scripts/setup scripts/packages.list
	scripts/setup
	@mkdir -p build && touch $@

# ---- objects, archives, binary -------------------------------------------------------------------
define module_rules
SRC_$(1) := $$(wildcard src/$(1)/*.c)
OBJ_$(1) := $$(SRC_$(1):src/%.c=$(B)/obj/%.o)
$(call lib_of,$(1)): $$(OBJ_$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach m,$(LAYERED),$(eval $(call module_rules,$(m))))

$(B)/obj/%.o: src/%.c | $(SETUP)
	@mkdir -p $(@D)
	@echo "  CC   $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# All is made small but what touches every byte and entry of a transfer.
ifeq ($(VARIANT),release)
$(foreach m,base disk rewrite ssh job init serve cli,$(eval $(B)/obj/$(m)/%.o: CFLAGS += -Os))
endif

# libssh reads its socket through src/ssh/ahead.c. Found before the system's by -L.
LIBSSH := $(B)/lib/libssh.a
$(LIBSSH): | $(SETUP)
	@mkdir -p $(@D)
	objcopy --redefine-sym recv=rehost_ssh_recv --redefine-sym poll=rehost_ssh_poll \
		$$($(CC) -print-file-name=libssh.a) $@

# Parts of libraries that cannot be reached here and are large: our stand-ins are asked for first.
STAND_INS := -Wl,-u,ZSTDv05_createDCtx -Wl,-u,ext2fs_load_nls_table -Wl,-u,crypto_stand_ins

# --build-id=none: it would be made from debug information as well, which holds this folder's name.
# --no-warnings: glibc warns of look-ups through NSS, which ssh_start() keeps to files and DNS.
$(B)/rehost.debug: $(LIBS) $(LIBSSH) scripts/no-unwind.ld
	@echo "  LINK $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -static -L$(B)/lib -Wl,--gc-sections -Wl,--no-warnings \
		$(STAND_INS) -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,-T,scripts/no-unwind.ld -o $@ \
		-Wl,--start-group $(LIBS) $(STATIC_LIBS) -Wl,--end-group

$(B)/rehost: $(B)/rehost.debug
	strip -o $@ $<

-include $(shell find $(B)/obj $(B)/unit -name '*.d' 2>/dev/null)

# ---- unit tests ----------------------------------------------------------------------------------
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
module_of = $(word 2,$(subst _, ,$(notdir $(1))))

define unit_rules
$(B)/unit/$(notdir $(1:.c=)): $(1) $(foreach m,$(call module_of,$(1)) $(UNDER_$(call module_of,$(1))),$(if $(wildcard src/$(m)/*.c),$(call lib_of,$(m))))
	@mkdir -p $$(@D)
	@echo "  TEST $$@"
	$$(Q)$$(CC) $$(CPPFLAGS) -Itests/lib $$(CFLAGS) -MMD -MP $$(LDFLAGS_TEST) -o $$@ $(1) \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(SHARED_LIBS) -lcmocka
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_rules,$(t))))

unit-bins: $(UNIT_BIN)

# Programs that only tests use.
$(B)/tests/%: tests/lib/%.c $(call lib_of,transfer) $(call lib_of,base)
	@mkdir -p $(@D)
	@echo "  TEST $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS_TEST) -o $@ $< $(call lib_of,transfer) \
		$(call lib_of,base) $(SHARED_LIBS)
TEST_PROGRAMS := $(B)/tests/tar_driver

build/tests/%.so: tests/lib/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -o $@ $< -ldl

check-unit: | $(SETUP)
	$(MAKE) -j$(JOBS) unit-bins
	scripts/run-unit $(B)/unit

check-asan: | $(SETUP)
	$(MAKE) -j$(JOBS) VARIANT=asan unit-bins
	scripts/run-unit build/asan/unit

# The modules with threads.
check-tsan: | $(SETUP)
	$(MAKE) -j$(JOBS) VARIANT=tsan $(patsubst tests/unit/%.c,build/tsan/unit/%,$(wildcard tests/unit/test_transfer_*.c tests/unit/test_send_*.c))
	scripts/run-unit build/tsan/unit

# ---- fuzz: each target runs its corpus, and generated input for FUZZ_SECONDS -------------------------
FUZZ_SECONDS ?= 5
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/bin/%)
$(B)/bin/fuzz_%: tests/fuzz/fuzz_%.c $(LIBS)
	@mkdir -p $(@D)
	@echo "  FUZZ $@"
	$(Q)$(CC) $(CPPFLAGS) -Itests/lib $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS_TEST) -o $@ $< \
		-Wl,--start-group $(filter-out %/cli.a,$(LIBS)) -Wl,--end-group $(SHARED_LIBS)
fuzz-bins: $(FUZZ_BIN)

check-fuzz: | $(SETUP)
	$(MAKE) -j$(JOBS) VARIANT=fuzz fuzz-bins
	FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/run-fuzz build/fuzz/bin tests/fuzz/corpus

# ---- image -----------------------------------------------------------------------------------------
IMAGE := build/rescue/cloud/vmlinuz build/rescue/cloud/initrd
IMAGE_PARTS := $(shell find initramfs image -type f 2>/dev/null)
image: build/rescue/cloud/initrd
build/rescue/%/initrd: build/rehost build/rescue/rsync.cpio.xz $(IMAGE_PARTS) | $(SETUP)
	image/build $*

# Of its own, since both profiles have it and may be built at the same time.
build/rescue/rsync.cpio.xz: image/build-rsync | $(SETUP)
	image/build-rsync

# What media boot is the universal profile: bare metal as well.
IMAGES := build/rehost-rescue.iso
images: $(IMAGES)
$(IMAGES): build/rescue/universal/initrd
	image/build-images

# ---- tests with real peers and machines ------------------------------------------------------------
# Programs that interop tests start; they may use every module but cli.
$(B)/bin/%: tests/interop/%.c $(filter-out %/cli.a,$(LIBS)) $(LIBSSH)
	@mkdir -p $(@D)
	@echo "  PROG $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -static -L$(B)/lib -Wl,--gc-sections -o $@ $< \
		-Wl,--start-group $(filter-out %/libssh.a,$(filter %.a,$^)) $(STATIC_LIBS) \
		-Wl,--end-group 2>$@.log || (cat $@.log; false)
INTEROP_BIN := $(patsubst tests/interop/%.c,$(B)/bin/%,$(wildcard tests/interop/*.c))

check-interop: build/rehost image $(TEST_PROGRAMS) $(INTEROP_BIN) | $(SETUP)
	$(PYTEST) tests/interop

# QEMU's emulation may starve or garble a guest's CPU; the guest says so (tests/vm/lib/qemu.py). Such a test gets one more try.
STALLS := --reruns 1 --only-rerun EmulationStalled

check-vm: build/rehost image images $(B)/bin/loader_driver | $(SETUP)
	$(PYTEST) -n 2 --dist loadgroup $(STALLS) tests/vm

# Every row of tests/vm/test_matrix.py; check-vm boots two of them.
check-matrix: build/rehost | $(SETUP)
	REHOST_MATRIX=1 $(PYTEST) -n 2 --dist load $(STALLS) tests/vm/test_matrix.py

# Cuts the power of the migrations that check-vm recorded; without them it records them first.
check-power: build/rehost image $(B)/bin/loader_driver build/tests/keep_writes.so | $(SETUP)
	$(PYTEST) $(STALLS) tests/power

demo: build/rehost image | $(SETUP)
	$(PYTHON) tests/vm/demo.py

bench: build/rehost image | $(SETUP)
	$(PYTHON) tests/bench/bench.py

# ---- lint ------------------------------------------------------------------------------------------
MAN := docs/rehost.8 docs/rehost-inspect.8 docs/rehost-rewrite.8 docs/rehost-push.8
C_FILES := $(shell find src tests -name '*.[ch]' 2>/dev/null)
# The guided script is looked at as a whole.
SH_FILES := build/rehost-push $(shell grep -rlE '^\#!/bin/(ba)?sh' --exclude=rehost-push scripts image initramfs .ci tests 2>/dev/null)
lint: build/rehost-push | $(SETUP)
	scripts/check-includes
	@clang-format --dry-run --Werror $(C_FILES)
	@shellcheck $(SH_FILES)
	@mandoc -T lint -W warning $(MAN)
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -Isrc -j2 \
		--enable=warning,portability --suppress=missingIncludeSystem \
		-D__x86_64__ $(shell find src -name '*.c')

check: check-unit lint check-asan check-tsan check-fuzz check-interop check-vm check-power

# More machines than fit the time of every change.
check-long:
	REHOST_LONG=1 FUZZ_SECONDS=60 FUZZ_SEED=0 $(MAKE) check

# ---- install ---------------------------------------------------------------------------------------
install: build/rehost build/rehost-push
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/sbin build/rehost build/rehost-push
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man8 $(MAN)
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/rehost docs/inspect.schema.json
	[ ! -f build/rescue/cloud/initrd ] || \
		install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/rehost/rescue/cloud $(IMAGE)

clean:
	rm -rf build

.PHONY: all unit-bins fuzz-bins check-unit check-asan check-tsan check-fuzz image images check-interop check-vm check-matrix check-power demo \
	bench lint check check-long install clean
.DELETE_ON_ERROR:
