/* SPDX-License-Identifier: MIT */
/* Programs that make initramfs images: a file and a row of the table in plan_initramfs.c each. */
#pragma once

#include "rewrite/family.h"
#include "rewrite/plan_boot_priv.h"

#define MAKER_INPUTS 10

struct initramfs_maker {
	const char *name; /* of the table in inspect_kernels.c */
	/* Configuration that names the source's devices, or looks at hardware that is the rescue's. NULL: none. */
	int (*edit)(struct planner *p);
	/* Appends the words of the command that makes image for one kernel, whatever hardware is there. */
	int (*command)(struct planner *p, const struct inspect_kernel *k, const char *image,
		       struct strlist *argv);
	/* Whether its images will assemble "lvm" or "raid". ret: what to do on the source, where not; static. */
	bool (*has_stack)(const struct planner *p, const char *stack, const char **ret_advice);
	const char *
		inputs[MAKER_INPUTS]; /* what an image is made from, besides the kernel's modules */
	const char *
		stack_word; /* what the kernel's command line needs for a root on a stack; NULL: nothing */
};

extern const struct initramfs_maker make_initramfs_tools, make_dracut, make_mkinitcpio,
	make_mkinitfs;

/* Of the clone's program; NULL: it is not known. */
const struct initramfs_maker *initramfs_maker_of(const struct inspection *t);

/* Drivers of this machine and of its root's file system, each once: virtio_blk, ext4. */
int initramfs_drivers(struct planner *p, struct strlist *ret) must_check;

/* A has_stack: whether the tree has the program lvm, or mdadm. */
bool initramfs_has_programs(const struct planner *p, const char *stack, const char **ret_advice);

int plan_initramfs(struct planner *p, const struct inspect_kernel *k) must_check;
