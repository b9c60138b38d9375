/* SPDX-License-Identifier: MIT */
/*
 * The target: its root and the file systems that belong to it, found through its own fstab and mounted at
 * /run/rehost/fs/N. The only code that mounts them. job owns one migration; it may use disk, transfer
 * and rewrite and hands each what it needs as plain values.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/root.h"
#include "base/run.h"
#include "base/str.h"
#include "disk/scan.h"

#define RUN_DIR RUN_DIR_DEFAULT /* in words; code asks run_dir() */
#define REHOST_DIR ".rehost"	/* at the top of every file system of the target */
#define TREE_DIR REHOST_DIR "/tree"
#define UPPER_DIR REHOST_DIR "/edits/upper"
#define WORK_DIR REHOST_DIR "/edits/work"
#define VIEW_DIR target_view_dir()

#define TARGET_FS_MAX 32

struct target_fs {
	const struct volume *volume; /* borrowed from scan */
	char *mount;		     /* in the target's tree: "/", "/boot" */
	char *options;		     /* of the target's fstab */
	char at[96];		     /* RUN_DIR "/fs/N" */
	struct root root;	     /* open on at */
	bool is_writable;
	unsigned long long size_bytes, free_bytes, free_inodes, inodes; /* at opening */
};

/* A local file system that is part of the target's tree but left alone: it is not mounted, nothing goes onto it. */
struct target_other {
	const struct volume *volume;
	char *mount, *options;
};

struct target {
	struct disk_scan scan;
	struct target_fs fs[TARGET_FS_MAX]; /* [0] is the root; parents before children */
	unsigned fs_count;
	const struct volume *swaps[8];
	unsigned swap_count;
	unsigned boot_disk; /* index into scan.disks: the disk of / (of /boot when separate) */
	char token[16];
	bool is_uefi;	     /* this machine was started by UEFI */
	bool is_provisional; /* some journal is dirty and has not been replayed */
	bool is_partial; /* another machine's disk: what its fstab names and is not on it is a note */
	struct target_other others[8]; /* the EFI system partition, for instance */
	unsigned other_count;
	struct strlist notes; /* said in the plan: what was left out or guessed */
	int lock_fd;	      /* shared lock on the mounts, held until target_close() */
};

enum target_access { TARGET_LOOK, TARGET_WRITE };

/*
 * Scans, finds the one Linux root and mounts it with its other local file systems. LOOK never writes and
 * uses what is mounted already in either way. WRITE remounts read-write and makes /.rehost on each. Errors:
 * no disk, no root, two candidate roots (says which, and that `root=UUID` in the options chooses), encrypted or LVM or
 * RAID root, a file system of the target's fstab that is missing.
 */
int target_open(struct target *ret, enum target_access access, struct err *e) must_check;
/*
 * The same, then or not at all mounted: disks to look at may be restricted by disk=vda,vdb in the options, or, for
 * tests, by the environment: REHOST_DISKS=loop0,loop1, or REHOST_SCAN_LOOP=1 for all loop devices too.
 */

/*
 * The file system for which nothing can be written here, or NULL: the one with /boot when it is no plain partition, because a
 * boot loader has to find and write S there; any that is encrypted, because the clone would not know how to open it. WRITE
 * refuses these before anything is mounted for writing (ERR_LVM, ERR_RAID, ERR_ENCRYPTED).
 */
const struct target_fs *target_stacked_boot(const struct target *t);
/* For a volume with a stack: its error code, and its name in words. */
enum err_code target_stack_error(const struct volume *v);
const char *target_stack_words(const struct volume *v);

/*
 * The same for what t->scan holds already, another machine's disk or an image of one: for looking only, in the caller's own
 * mount namespace and with a run folder that nobody else uses. An EFI system partition is mounted too. On failure as
 * well the caller closes t.
 */
int target_open_partial(struct target *t, struct err *e) must_check;

/* Where views are assembled: run_dir()/view. Static storage. */
const char *target_view_dir(void);

/* Closes handles; leaves the mounts for the next command. */
void target_close(struct target *t);
/* Unmounts everything below RUN_DIR "/fs" and turns off what job/lowmem.h swaps on, for reboot. */
int target_unmount_all(struct err *e) must_check;
