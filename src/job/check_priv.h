/* SPDX-License-Identifier: MIT */
/* What the parts of the boot proof share. Each part looks, adds findings, and fails only when it cannot look. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "job/initrd_fit.h"
#include "job/target.h"
#include "rewrite/facts.h"

enum finding_severity { FINDING_NOTE, FINDING_WARNING, FINDING_BLOCKER };

struct check {
	const struct target *t;
	const struct rewrite_facts *facts;
	const struct root *view;   /* the clone */
	const struct root *source; /* the stage without edits, root file system only */
	struct strlist
		needles;  /* staging paths, and ids of the source that this machine does not have */
	json_t *findings; /* [{id, severity, text}] */
	unsigned blockers, warnings, notes;
};

/* id is stable and short: "grub-menu". */
void check_add(struct check *c, enum finding_severity severity, const char *id, const char *fmt,
	       ...) printf_like(4, 5);

int check_boot(struct check *c, struct err *e) must_check; /* menu, kernel, initramfs, loader */
/* Its last part on a UEFI target. */
int check_boot_efi(struct check *c, struct err *e) must_check;
int check_reader(struct check *c, struct err *e)
	must_check; /* what the disk would start now, as a loader reads it */
int check_fstab(struct check *c, struct err *e) must_check;   /* every line has its volume */
int check_network(struct check *c, struct err *e) must_check; /* reads back as the target's model */
int check_login(struct check *c,
		struct err *e) must_check; /* sshd will answer and let someone in */
int check_leftovers(struct check *c, struct err *e)
	must_check; /* staging paths, the source's ids, cards and addresses */
int check_machine(struct check *c, struct err *e) must_check; /* hostname, machine-id, free space */

/* Fills in the needles. */
int check_find_needles(struct check *c, struct err *e) must_check;

/* Blockers for the needles in a text that counts for the start. */
int check_text(struct check *c, const char *path, const char *text, size_t len,
	       struct err *e) must_check;

/* The index into t->fs of the file system with uuid; -1: none. */
int check_find_fs(const struct check *c, const char *uuid);
