/* SPDX-License-Identifier: MIT */
/*
 * The confined root handle: a directory under which every path is resolved, symbolic links
 * included (an absolute link points inside the root, openat2(2) RESOLVE_IN_ROOT). All access to
 * the files of a target, stage or clone goes through it, so a fixture folder, a stage and an
 * overlay look the same and a hostile link leads nowhere. Paths may begin with '/' or not.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"

struct root {
	int fd; /* -1 when not open */
};

#define ROOT_INIT ((struct root){ .fd = -1 })
#define cleanup_root __attribute__((cleanup(root_close)))

/* Opens the directory at a plain path (links in that path are followed: it is the operator's). */
int root_open(struct root *ret, const char *path, struct err *e) must_check;
/* Opens a directory below r as a root of its own. */
int root_open_below(struct root *ret, const struct root *r, const char *path,
		    struct err *e) must_check;
void root_close(struct root *r);

/*
 * openat2 within the root, O_CLOEXEC added. Returns a descriptor or -1 with e set (ERR_FILE and
 * errno, ERR_PATH_ESCAPES for EXDEV/ELOOP of the resolution). e may be NULL; errno is kept.
 */
int root_openat(const struct root *r, const char *path, int flags, mode_t mode, struct err *e);

/*
 * Opens the parent directory of path (O_PATH) and points *ret_name into path at its last
 * component. With make_parents missing directories are made, mode 0755. For "*at" calls on the
 * entry itself. An empty path, "/" or a last component of "." or ".." is ERR_PATH_ESCAPES.
 */
int root_parent(const struct root *r, const char *path, bool make_parents, const char **ret_name,
		struct err *e);

/* Follows links (inside the root); root_lstat does not follow the last one. -1 with errno. */
int root_stat(const struct root *r, const char *path, struct stat *ret);
int root_lstat(const struct root *r, const char *path, struct stat *ret);
bool root_exists(const struct root *r, const char *path);  /* follows links */
bool root_is_dir(const struct root *r, const char *path);  /* follows links */
bool root_is_file(const struct root *r, const char *path); /* follows links; a regular file */

/* Text of a symbolic link into buf, terminated; -1 with errno (EINVAL: not a link). */
int root_readlink(const struct root *r, const char *path, char *buf, size_t size);

/* Whole regular file; anything else, or more than limit bytes, is an error. */
int root_read(const struct root *r, const char *path, struct strbuf *ret, size_t limit,
	      struct err *e) must_check;

/* Names in a directory, sorted by byte value, without "." and "..". */
int root_list(const struct root *r, const char *dir, struct strlist *ret, struct err *e) must_check;

/* Owner and mode of a file to be written. */
struct root_meta {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* permission bits */
};

/*
 * Replaces or creates a regular file atomically: temporary file in the same folder, data synced,
 * rename, directory synced. meta NULL: an existing file keeps owner, mode and extended
 * attributes, a new one is root 0644. A symbolic link at path itself is replaced, not followed.
 * Parents are made.
 */
int root_replace(const struct root *r, const char *path, const void *data, size_t len,
		 const struct root_meta *meta, struct err *e) must_check;

/* Makes (or replaces whatever file or link is there by) a symbolic link. Parents are made. */
int root_symlink(const struct root *r, const char *path, const char *text,
		 struct err *e) must_check;

/* mkdir -p below the root. */
int root_mkdirs(const struct root *r, const char *path, mode_t mode, struct err *e) must_check;

/* Removes a file or link; absence is success. Directories are refused. */
int root_remove(const struct root *r, const char *path, struct err *e) must_check;

/*
 * Removes a tree without leaving the file system it is on (mount points inside stop it with
 * EXDEV). Immutable and append-only flags are cleared on the way. Absence is success.
 */
int root_remove_tree(const struct root *r, const char *path, struct err *e) must_check;
