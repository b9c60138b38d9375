/* SPDX-License-Identifier: MIT */
/* What the parts of one tar_receive() share. */
#pragma once

#include "transfer/manifest_priv.h"
#include "transfer/pool_priv.h"
#include "transfer/tar.h"

#define PATH_LEN_MAX 4095u
#define NAME_LEN_MAX 255u
#define XATTR_VALUE_MAX 65536u
#define LATE_MEMORY_MAX ((size_t)64 << 20) /* what waits for the end of the stream */
#define DIR_SLOTS 128

/* Something applied after the last entry. */
enum late_kind { LATE_ACL_ACCESS, LATE_ACL_DEFAULT, LATE_FLAGS };
struct late {
	struct late *next;
	enum late_kind kind;
	struct strbuf acl; /* acl_priv.h items */
	int flags_set, flags_clear;
	char path[];
};

struct receiver {
	const struct root *dest;
	const struct tar_options *options;
	struct tar_progress *progress; /* never NULL */
	struct pool pool;
	struct manifest *manifest; /* the reader's alone */
	struct dir *dirs[DIR_SLOTS];
	struct late *late, **late_end;
	size_t late_memory;
	bool saw_xattrs;
	uint64_t entries, file_bytes, removed;
	pthread_mutex_t inodes_lock;
	struct inode_set { /* inodes with several names that this stream already gave content */
		struct inode {
			dev_t dev;
			ino_t ino; /* 0: free */
		} * items;
		size_t count, cap; /* cap: a power of two */
	} inodes;
};

/* Sets ERR_TAR_SPACE, ERR_TAR_NAME or ERR_TAR_WRITE by errno. Returns -1. */
int write_error(struct err *e, int sys, const char *doing, const char *path);
/* Escapes path into a static-size buffer for messages. */
struct shown {
	char text[200];
};
struct shown show(const char *path);

/* write.c: a worker does one job. */
void write_job(void *receiver, struct job *job);

/* finish.c: after the last entry, all workers idle, in this order. */
int finish_removals(struct receiver *r, struct err *e) must_check;
int finish_acls(struct receiver *r, struct err *e) must_check;
int finish_directories(struct receiver *r, struct err *e) must_check;
int finish_flags(struct receiver *r, struct err *e) must_check;
void late_free(struct receiver *r);
