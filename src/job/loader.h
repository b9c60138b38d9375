/* SPDX-License-Identifier: MIT */
/*
 * The private loader: what the machine starts from between the first flip and release. It is neither the old system's
 * nor the clone's, reads S (one 512-byte GRUB environment block) and starts what S says. docs/architecture.md section
 * 11 has the layout. Backends: loader_bios.c (a GRUB core behind the old one, reached from sector 0) and
 * loader_uefi.c (our folder on the EFI system partition, an NVRAM entry of our own). A backend is one struct loader_ops
 * (job/loader_priv.h), named in loader_ops_of() of loader.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "job/record.h"
#include "job/target.h"

#define LOADER_DIR REHOST_DIR "/boot" /* on the file system that holds the target's /boot */
#define LOADER_S LOADER_DIR "/s"
#define LOADER_PAYLOAD_DIR "/rescue" /* in the rescue's RAM, from the appended loader archive */

enum loader_choice {
	LOADER_OLD,    /* the old system's own loader */
	LOADER_RESCUE, /* the planted rescue: "pinned" */
	LOADER_CLONE_ONCE, /* the loader writes "rescue" into S first, then starts the clone's loader: a trial */
	LOADER_CLONE, /* the clone's loader, until release */
};

#define LOADER_CHOICES 4

/* "old", "rescue", "clone-once", "clone": the value of the variable "rehost" in S. */
const char *loader_choice_name(enum loader_choice c);

/* UEFI: what the operator is asked before it is planted. */
enum loader_ask {
	LOADER_ASK_NOTHING,
	LOADER_ASK_REMOVABLE, /* no entry leads to the old system: ours takes the place of \EFI\BOOT\BOOTX64.EFI */
	LOADER_ASK_FORGETS, /* the same, but that place cannot be taken: it is an entry, which may be forgotten */
};

struct loader_verdict {
	enum loader_kind kind; /* LOADER_NONE: it cannot be planted here */
	enum loader_ask ask;
	bool once_works; /* the loader can write S: a trial ends by itself. Else it is sticky */
	char why[240];	 /* kind NONE or !once_works: why, for the plan; else empty */
	uint64_t needs_bytes; /* on the file system of LOADER_DIR */
};

/* What can be planted on this target, judged from what can be read. Writes nothing. */
int loader_assess(const struct target *t, struct loader_verdict *ret, struct err *e) must_check;

/* The file system that LOADER_DIR is on: that of /boot, else the root. Never NULL. */
const struct root *loader_fs(const struct target *t);

/*
 * Puts kernel, initramfs and loader images into LOADER_DIR, synced and read back: from LOADER_PAYLOAD_DIR with fd -1,
 * else from a stream of the loader archive (newc cpio, any compression), as 'receive loader' reads it. The payload in
 * RAM is deleted afterwards. Nothing starts from it yet. ERR_LOADER_MISSING: there is no payload.
 */
int loader_store(const struct target *t, int fd, struct err *e) must_check;
/* A complete payload lies in LOADER_DIR, or NONE can be planted and none is needed. */
bool loader_is_stored(const struct target *t);

/*
 * Plants it: configuration, S=old, old boot area (BIOS) or ESP entries and boot variables (UEFI) saved, all settled and
 * read back; then r (boot fields filled) is stored in J; then the one flip. Planted already: nothing to do.
 */
int loader_plant(const struct target *t, struct record *r, struct err *e) must_check;

/* S. Written in place, flushed, read back with O_DIRECT. fs as loader_fs() or, in a running system, its handle. */
int loader_select(const struct root *fs, enum loader_choice c, struct err *e) must_check;
/* ERR_LOADER_S when S is missing or does not hold exactly one of the four words. */
int loader_selected(const struct root *fs, enum loader_choice *ret, struct err *e) must_check;
/* loader_select() was called since this rescue started: S is no longer what the loader left. */
bool loader_was_selected(void);

/*
 * Release: the clone's own boot area or ESP files and boot entry for good, then the flip away from ours. S says clone
 * before and during it. Works in the rescue and in the running clone, where disk is found by r. Idempotent. notes: what
 * became of files of the old system's, for the report.
 */
int loader_finish(const struct root *fs, const struct record *r, struct strlist *notes,
		  struct err *e) must_check;

/* Undo of loader_plant() without a trace outside LOADER_DIR, the flip first. Idempotent. */
int loader_restore(const struct target *t, const struct record *r, struct err *e) must_check;

/* Planted where S cannot be forgotten by the firmware: in the place of \EFI\BOOT\BOOTX64.EFI. */
bool loader_is_removable(const struct target *t, const struct record *r);

/* Whether the firmware starts it first. False where that is known not to be so: it has forgotten our entry, or somebody changed the order. */
bool loader_is_first(const struct target *t, const struct record *r);
/* Puts it first again; S stays. Nothing to do on BIOS and where it is first. */
int loader_renew(const struct target *t, const struct record *r, struct err *e) must_check;
