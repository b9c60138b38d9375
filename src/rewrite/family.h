/* SPDX-License-Identifier: MIT */
/*
 * What families of distributions call the same things: one row each. What makes an initramfs is another table
 * (plan_initramfs.h), because a family may use several programs, and a program serves several families.
 */
#pragma once

#include <stdbool.h>

#include "base/root.h"
#include "rewrite/inspect.h"

struct family {
	const char *name; /* inspection.family */
	/* How far it was tried, by ID of os-release: a machine was booted; trees were rewritten. All others: neither. */
	const char *booted, *rewritten;
	const char *initramfs_before, *initramfs_after; /* a new image: before VERSION after */
	bool is_named_by_image; /* the new image takes its name from the kernel's: vmlinuz-lts, initramfs-lts */
	/* For messages: packages. */
	const char *kernel, *grub_bios, *grub_efi, *grub_signed, *dracut;
};

/* NULL: not known, or none given. */
const struct family *family_find(const char *name);

enum family_proof { FAMILY_UNTRIED, FAMILY_REWRITTEN, FAMILY_BOOTED };
enum family_proof family_proof(const struct inspection *t);

/* GRUB as a tree has it: "grub-install" with /boot/grub, "grub2-install" with /boot/grub2. */
struct grub_names {
	const char *dir;
	char install[64], mkconfig[64]; /* paths; "": not there */
	const char *pc_dir, *efi_dir;	/* of modules for BIOS and UEFI in /usr; NULL: not there */
};
void family_find_grub(struct grub_names *ret, const struct root *root);

/*
 * The folder of GRUB that a loader started by BIOS uses: it holds what grub-install made. /boot/grub where both do, or none:
 * the planner refuses a clone that uses the other one then.
 */
const char *family_grub_dir(const struct root *root);

/* The path of a program in /usr/sbin, /sbin, /usr/bin or /bin; false: not there. */
bool family_find_program(const struct root *root, const char *name, char *buf, size_t size);

/* Where the image of a kernel lies, or will lie. */
void family_image_path(const struct family *f, const struct inspect_kernel *k, char *buf,
		       size_t size);
