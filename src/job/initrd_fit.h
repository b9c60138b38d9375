/* SPDX-License-Identifier: MIT */
/* What an initramfs of the clone holds, and whether it serves this machine. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"
#include "rewrite/facts.h"
#include "rewrite/initramfs.h"
#include "rewrite/plan.h"

/* Every entry of an image; content only of what decides (initramfs_wants) and of configuration. */
struct initrd_content {
	struct initramfs_file *files; /* path and data are owned; data is NUL-terminated */
	size_t count, cap;
	bool has_init;
};

/* Reads an image by its path in the view. A damaged one is ERR_INITRD. */
int initrd_content_read(struct initrd_content *ret, const struct root *view, const char *path,
			struct err *e) must_check;
void initrd_content_done(struct initrd_content *c);

/* Adds the names of the modules that a kernel has (built in, and below /lib/modules/V), '_' for '-'. */
int initrd_modules_of(struct strlist *ret, const struct root *view, const char *version,
		      struct err *e) must_check;

/*
 * The kernels of the clone besides one (NULL: none is left out) whose initramfs does not serve this machine, as "VERSION:
 * REASON". Only the newest kernel's image is made; the menu offers the others all the same.
 */
int initrd_list_unfit(struct strlist *ret, const struct root *view, const char *besides,
		      const struct rewrite_facts *facts, struct err *e) must_check;

#define INITRAMFS_STEP \
	"initramfs " /* what the names of such steps begin with; the version follows */

/*
 * Takes steps out of the plan whose image, as received, serves this machine (initramfs_fits). Says so on out.
 */
int initrd_drop_steps(struct rewrite_plan *plan, const struct root *view,
		      const struct rewrite_facts *facts, FILE *out, struct err *e) must_check;
