/* SPDX-License-Identifier: MIT */
/*
 * File systems read the way a boot loader reads them: without the kernel, without mounting, and without the journal.
 * What a file system has written only to its journal is not there for GRUB, so it is not there here. ext2/3/4 through
 * libext2fs, FAT (the EFI system partition) by a small reader; further kinds are rows of struct rawfs_ops in
 * rawfs_priv.h (find a name, map a file to places on the disk, list a directory): links, reading and limits are shared.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "disk/rawdisk.h"

enum rawfs_kind { RAWFS_EXT, RAWFS_FAT };

struct rawfs; /* one open file system */

/* One file, directory or link of it. */
struct rawfs_node {
	uint64_t ino;  /* FAT: the first cluster */
	uint32_t mode; /* as st_mode; FAT: directory or regular file, 0755 */
	uint64_t size_bytes;
};

/* What a loader would stumble over without noticing. */
struct rawfs_extent {
	uint64_t hole_bytes;	  /* never mapped: read as zeros */
	uint64_t unwritten_bytes; /* reserved and never written: read as zeros */
};

/*
 * Opens the file system on a partition. d is borrowed until rawfs_close(). ERR_RAWFS: none that is known, damaged, or
 * with features that GRUB cannot read.
 */
int rawfs_open(struct rawfs **ret, const struct rawdisk *d, const struct raw_part *p,
	       struct err *e) must_check;
void rawfs_close(struct rawfs *fs); /* accepts NULL */

enum rawfs_kind rawfs_kind(const struct rawfs *fs);
const char *rawfs_uuid(const struct rawfs *fs);	 /* as blkid prints it: "A1B2-C3D4" for FAT */
const char *rawfs_label(const struct rawfs *fs); /* "": none */
/* There are changes in the journal that only a mount will bring in place. */
bool rawfs_needs_recovery(const struct rawfs *fs);

/*
 * The node at a path. Links are resolved inside the file system, at most eight (GRUB's limit); the last one only with
 * follow. Not there: ERR_FILE with ENOENT, ENOTDIR or ELOOP. FAT: letter case does not count.
 */
int rawfs_lookup(struct rawfs *fs, const char *path, bool follow, struct rawfs_node *ret,
		 struct err *e) must_check;
bool rawfs_is_file(struct rawfs *fs, const char *path); /* regular and not empty */
bool rawfs_is_dir(struct rawfs *fs, const char *path);

/* A whole regular file of at most limit bytes; holes are zeros. */
int rawfs_read(struct rawfs *fs, const char *path, struct strbuf *ret, size_t limit,
	       struct err *e) must_check;
/* Up to len bytes from its beginning. *ret_len: how many the file has there. */
int rawfs_read_head(struct rawfs *fs, const char *path, void *buf, size_t len, size_t *ret_len,
		    struct err *e) must_check;

/*
 * Proves without reading its content that a regular file can be read completely: every block is mapped inside the file
 * system, or is a hole. ret and node may be NULL.
 */
int rawfs_map_file(struct rawfs *fs, const char *path, struct rawfs_node *node,
		   struct rawfs_extent *ret, struct err *e) must_check;

/* Names of a directory, sorted, without "." and "..". More than 100,000 is ERR_LIMIT. */
int rawfs_list(struct rawfs *fs, const char *path, struct strlist *ret, struct err *e) must_check;
