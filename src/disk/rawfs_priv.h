/* SPDX-License-Identifier: MIT */
/* What a kind of file system must be able to do for disk/rawfs. */
#pragma once

#include "disk/rawfs.h"

/* A piece of a file in order: where it lies on the disk. */
struct rawfs_run {
	uint64_t at_bytes; /* on the disk; meaningless in a hole */
	uint64_t bytes;
	bool is_hole, is_unwritten; /* either: zeros */
};

struct rawfs_map {
	struct rawfs_run *runs;
	size_t count, cap;
	uint64_t mapped_bytes; /* sum of the runs */
};

struct rawfs_ops {
	int (*open)(struct rawfs *fs, struct err *e);
	void (*close)(struct rawfs *fs);
	int (*root)(struct rawfs *fs, struct rawfs_node *ret, struct err *e);
	/* ENOENT when the directory has no such name. name is not terminated. */
	int (*find)(struct rawfs *fs, const struct rawfs_node *dir, const char *name, size_t len,
		    struct rawfs_node *ret, struct err *e);
	/* Adds the runs of a file up to its size. Every run lies inside the partition: rawfs_map_add() sees to it. */
	int (*map)(struct rawfs *fs, const struct rawfs_node *n, struct rawfs_map *ret,
		   struct err *e);
	/* Text of a link; NULL: the kind has no links. */
	int (*readlink)(struct rawfs *fs, const struct rawfs_node *n, struct strbuf *ret,
			struct err *e);
	int (*list)(struct rawfs *fs, const struct rawfs_node *dir, struct strlist *ret,
		    struct err *e);
};

struct rawfs {
	const struct rawfs_ops *ops;
	enum rawfs_kind kind;
	const struct rawdisk *disk;
	uint64_t start_bytes, size_bytes;
	char uuid[40], label[40];
	bool needs_recovery;
	void *own; /* of the kind */
};

extern const struct rawfs_ops rawfs_ext_ops, rawfs_fat_ops;

#define RAWFS_RUNS_MAX 1000000u
#define RAWFS_NAMES_MAX 100000u

/* at: from the start of the partition. Joins what follows on. */
int rawfs_map_add(struct rawfs *fs, struct rawfs_map *m, struct rawfs_run run,
		  struct err *e) must_check;

/* FAT alone: a name of a directory, and where its entry (32 bytes, the short one) lies on the disk. */
int rawfs_fat_entry_at(struct rawfs *fs, const struct rawfs_node *dir, const char *name,
		       struct rawfs_node *ret, uint64_t *ret_at, struct err *e) must_check;
