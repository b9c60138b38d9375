/* SPDX-License-Identifier: MIT */
/* What an initramfs of the clone holds, and whether it serves this machine. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"
#include "rewrite/facts.h"
#include "rewrite/plan.h"

struct initrd_content {
	struct strlist modules; /* names with '_' for '-', without ".ko*" */
	struct strlist conf_paths,
		conf_texts; /* its configuration: conf, fstab, cryptroot, mdadm, lvm */
	bool has_init;
	size_t entry_count;
};

/* Reads /boot/initrd.img-V or whatever path names. A damaged image is ERR_INITRD. */
int initrd_content_read(struct initrd_content *ret, const struct root *view, const char *path,
			struct err *e) must_check;
void initrd_content_done(struct initrd_content *c);

/* Modules built into the kernel of that version (modules.builtin), names as above. Absent file: none. */
int initrd_builtin_read(struct strlist *ret, const struct root *view, const char *version,
			struct err *e) must_check;

/* Modules below /lib/modules/V, read from modules.dep; the same form. */
int initrd_available_read(struct strlist *ret, const struct root *view, const char *version,
			  struct err *e) must_check;

/*
 * Drivers that are neither in the image nor built in, of those that facts names and the root file system's own. A
 * driver that this kernel does not have at all is missing too.
 */
int initrd_missing(struct strlist *ret, const struct initrd_content *c,
		   const struct strlist *builtin, const struct rewrite_facts *facts,
		   struct err *e) must_check;

/* Words in the image's configuration that look like UUIDs and belong to no file system of facts. */
int initrd_foreign_uuids(struct strlist *ret, const struct initrd_content *c,
			 const struct rewrite_facts *facts, struct err *e) must_check;

#define INITRAMFS_STEP \
	"initramfs " /* what the names of such steps begin with; the version follows */

/*
 * Takes steps out of the plan whose image, as received, serves this machine: it can be read, holds or does not need every
 * driver, names no foreign file system, and nothing it is made from was edited. Says so on out.
 */
int initrd_drop_steps(struct rewrite_plan *plan, const struct root *view,
		      const struct rewrite_facts *facts, FILE *out, struct err *e) must_check;
