/* SPDX-License-Identifier: MIT */
/*
 * The stage's manifest: one line an entry, and an end line without which it is nothing. Format in
 * docs/architecture.md section 7. In memory it is compact: a million entries need about 100 MB at the most.
 */
#pragma once

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/root.h"

struct manifest; /* entries in the order added */

struct manifest_entry {
	char kind;     /* f d l c b p h */
	uint32_t mode; /* permission bits */
	uint32_t uid, gid;
	uint64_t size; /* of file data; 0 for others */
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	const char *path; /* relative, no leading "./", raw bytes; borrowed */
};

struct manifest *manifest_new(void);	/* NULL when out of memory */
void manifest_free(struct manifest *m); /* accepts NULL */

/*
 * Copies entry. A second entry of the same path replaces the first. More entries than 50 million or than a quarter of
 * the RAM holds (at least 64 MiB; about 60 bytes and the path each) are ERR_TAR_LIMIT. The tree's root has the path ".".
 */
int manifest_add(struct manifest *m, const struct manifest_entry *entry, struct err *e) must_check;
uint64_t manifest_count(const struct manifest *m);
/* NULL when absent. The result is valid until the next call of manifest_find or a change; one thread only. */
const struct manifest_entry *manifest_find(const struct manifest *m, const char *path);
/* Calls each(arg, entry) for all, in order; a non-zero return stops and is returned. */
int manifest_each(const struct manifest *m, int (*each)(void *arg, const struct manifest_entry *),
		  void *arg);

/* Atomic and durable (temporary file, fdatasync, rename, directory fsync). */
int manifest_store(const struct manifest *m, const struct root *r, const char *path,
		   struct err *e) must_check;
/* ERR_FILE with ENOENT when there is none; ERR_MANIFEST when it is damaged or has no end line. */
int manifest_load(struct manifest **ret, const struct root *r, const char *path,
		  struct err *e) must_check;
