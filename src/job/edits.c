/* SPDX-License-Identifier: MIT */
#include "job/edits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/hash.h"

#define OVERLAY_PREFIX "trusted.overlay."
/* Set by edits_begin(): an upper folder alone may also be the empty one that opening the target makes. */
#define BEGUN_PATH EDITS_DIR "/begun"
#define DEPTH_MAX 256 /* folders inside one another: far above what edits make */
#define XATTR_LIST_MAX 65536
#define XATTR_VALUE_MAX 65536

struct merge {
	long *budget;
	struct err *e;
};

/* One change is about to be made; tests stop here. */
static int spend(struct merge *m)
{
	if (m->budget && (*m->budget)-- <= 0)
		return err_set(m->e, ERR_EDITS, EINTR, "stopped by the test");
	return 0;
}

static int fail(struct merge *m, const char *what, const char *name)
{
	return err_set(m->e, ERR_EDITS, errno, "%s %s", what, name);
}

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* "/proc/self/fd/N/NAME" is the only way to the xattrs of links and devices. */
static void entry_path(char *buf, size_t size, int dir, const char *name)
{
	snprintf(buf, size, "/proc/self/fd/%d/%s", dir, name);
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(int dir, const char *name)
{
	char path[64 + NAME_MAX], value[4];

	entry_path(path, sizeof(path), dir, name);
	return lgetxattr(path, OVERLAY_PREFIX "opaque", value, sizeof(value)) == 1 &&
	       value[0] == 'y';
}

static void clear_flags(int dir, const char *name)
{
	int fd cleanup_fd = openat(dir, name,
				   O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	int flags;

	if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
	    flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) {
		flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

/* Names first, then changes: a folder must not be changed while it is read. */
static int list_names(struct merge *m, int dir, struct strlist *ret)
{
	struct root r = { .fd = dir };

	if (root_list(&r, "/", ret, m->e) < 0)
		return err_ctx(m->e, "merging the edits");
	return 0;
}

/* ---- extended attributes ---- */

typedef int (*xattr_fn)(struct merge *m, const char *path, const char *name, void *arg);

static int each_xattr(struct merge *m, const char *path, xattr_fn fn, void *arg)
{
	char *names cleanup_free = malloc(XATTR_LIST_MAX);
	const char *name;
	ssize_t len;

	if (!names)
		return err_set(m->e, ERR_NOMEM, 0, "reading attributes");
	len = llistxattr(path, names, XATTR_LIST_MAX);
	if (len < 0)
		return errno == ENOTSUP ? 0 : fail(m, "listing attributes of", path);
	for (name = names; name < names + len; name += strlen(name) + 1)
		if (fn(m, path, name, arg) < 0)
			return -1;
	return 0;
}

static int strip_one(struct merge *m, const char *path, const char *name, void *arg)
{
	(void)arg;
	if (!str_starts(name, OVERLAY_PREFIX))
		return 0;
	if (spend(m) < 0)
		return -1;
	if (lremovexattr(path, name) < 0 && errno != ENODATA)
		return fail(m, "cleaning attributes of", path);
	return 0;
}

static int strip_xattrs(struct merge *m, int dir, const char *name)
{
	char path[64 + NAME_MAX];

	entry_path(path, sizeof(path), dir, name);
	return each_xattr(m, path, strip_one, NULL);
}

static int copy_one(struct merge *m, const char *path, const char *name, void *arg)
{
	const char *to = arg;
	char *value cleanup_free = NULL;
	ssize_t n;

	if (str_starts(name, OVERLAY_PREFIX))
		return 0;
	value = malloc(XATTR_VALUE_MAX);
	if (!value)
		return err_set(m->e, ERR_NOMEM, 0, "copying attributes");
	n = lgetxattr(path, name, value, XATTR_VALUE_MAX);
	if (n < 0 || lsetxattr(to, name, value, (size_t)n, 0) < 0)
		return fail(m, "copying an attribute to", to);
	return 0;
}

static int drop_missing(struct merge *m, const char *path, const char *name, void *arg)
{
	const char *from = arg;

	if (str_starts(name, OVERLAY_PREFIX) || lgetxattr(from, name, NULL, 0) >= 0)
		return 0;
	if (errno == ENODATA && lremovexattr(path, name) < 0 && errno != ENODATA)
		return fail(m, "removing an attribute of", path);
	return 0;
}

/* Owner, mode and attributes of an open folder onto another one. Times are the caller's. */
static int copy_dir_meta(struct merge *m, int from, int to)
{
	char from_path[40], to_path[40];
	struct stat st;

	snprintf(from_path, sizeof(from_path), "/proc/self/fd/%d/.", from);
	snprintf(to_path, sizeof(to_path), "/proc/self/fd/%d/.", to);
	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to, st.st_mode & 07777) < 0)
		return fail(m, "setting owner and mode of", "a folder");
	if (each_xattr(m, to_path, drop_missing, from_path) < 0)
		return -1;
	return each_xattr(m, from_path, copy_one, to_path);
}

/* ---- the merge ---- */

static int merge_dir(struct merge *m, int tree, int upper, unsigned depth);

/* Removes whatever the stage holds at name. */
static int remove_below(struct merge *m, int tree, const char *name)
{
	struct root r = { .fd = tree };

	if (spend(m) < 0)
		return -1;
	if (root_remove_tree(&r, name, m->e) < 0)
		return err_ctx(m->e, "removing what the edits replace");
	return 0;
}

/* A folder that moves as a whole: no bookkeeping and no removals may be left in it. */
static int clean_subtree(struct merge *m, int parent, const char *name, unsigned depth)
{
	int fd cleanup_fd = open_dir(parent, name);
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (depth > DEPTH_MAX)
		return err_set(m->e, ERR_EDITS, ELOOP, "more than %d folders deep", DEPTH_MAX);
	if (fd < 0)
		return fail(m, "opening", name);
	if (list_names(m, fd, &names) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		struct stat st;

		if (fstatat(fd, names.items[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(m, "looking at", names.items[i]);
		if (S_ISDIR(st.st_mode)) {
			if (clean_subtree(m, fd, names.items[i], depth + 1) < 0)
				return -1;
		} else if (is_whiteout(&st)) {
			if (spend(m) < 0)
				return -1;
			if (unlinkat(fd, names.items[i], 0) < 0)
				return fail(m, "removing the mark", names.items[i]);
		} else if (strip_xattrs(m, fd, names.items[i]) < 0) {
			return -1;
		}
	}
	return strip_xattrs(m, parent, name);
}

static int move_entry(struct merge *m, int upper, int tree, const char *name)
{
	struct stat from, to;

	if (spend(m) < 0)
		return -1;
	/* rename(2) of one inode's two names succeeds and moves nothing. */
	if (fstatat(upper, name, &from, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(tree, name, &to, AT_SYMLINK_NOFOLLOW) == 0 && from.st_ino == to.st_ino &&
	    from.st_dev == to.st_dev)
		return unlinkat(upper, name, 0) < 0 ? fail(m, "removing the merged", name) : 0;
	if (renameat(upper, name, tree, name) == 0)
		return 0;
	if (errno == EPERM) { /* immutable or append-only in the stage, as it was on the source */
		clear_flags(tree, ".");
		clear_flags(tree, name);
		if (renameat(upper, name, tree, name) == 0)
			return 0;
	}
	return fail(m, "moving into the stage", name);
}

static int merge_into_dir(struct merge *m, int tree, int upper, const char *name, unsigned depth)
{
	int from cleanup_fd = open_dir(upper, name);
	int to cleanup_fd = open_dir(tree, name);
	struct timespec times[2];
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return fail(m, "opening", name);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (merge_dir(m, to, from, depth + 1) < 0)
		return err_ctx(m->e, "in %s", name);
	if (spend(m) < 0 || copy_dir_meta(m, from, to) < 0)
		return -1;
	if (futimens(to, times) < 0)
		return fail(m, "setting times of", name);
	if (spend(m) < 0)
		return -1;
	if (unlinkat(upper, name, AT_REMOVEDIR) < 0)
		return fail(m, "removing the merged folder", name);
	return 0;
}

static int merge_folder(struct merge *m, int tree, int upper, const char *name,
			const struct stat *below, unsigned depth)
{
	bool exists = below->st_ino != 0;

	if (exists && S_ISDIR(below->st_mode) && !is_opaque(upper, name))
		return merge_into_dir(m, tree, upper, name, depth);
	/* The mark "opaque" stays until the stage's folder is gone: a repetition decides the same. */
	if (exists && remove_below(m, tree, name) < 0)
		return -1;
	if (clean_subtree(m, upper, name, depth + 1) < 0)
		return -1;
	return move_entry(m, upper, tree, name);
}

static int merge_entry(struct merge *m, int tree, int upper, const char *name, unsigned depth)
{
	struct stat st, below = { 0 };

	if (fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(m, "looking at", name);
	if (fstatat(tree, name, &below, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return fail(m, "looking at the stage's", name);
		below.st_ino = 0;
	}
	if (is_whiteout(&st)) {
		if (below.st_ino && remove_below(m, tree, name) < 0)
			return -1;
		if (spend(m) < 0)
			return -1;
		return unlinkat(upper, name, 0) < 0 ? fail(m, "removing the mark", name) : 0;
	}
	if (S_ISDIR(st.st_mode))
		return merge_folder(m, tree, upper, name, &below, depth);
	if (below.st_ino && S_ISDIR(below.st_mode) && remove_below(m, tree, name) < 0)
		return -1;
	if (strip_xattrs(m, upper, name) < 0)
		return -1;
	return move_entry(m, upper, tree, name);
}

static int merge_dir(struct merge *m, int tree, int upper, unsigned depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (depth > DEPTH_MAX)
		return err_set(m->e, ERR_EDITS, ELOOP, "more than %d folders deep", DEPTH_MAX);
	if (list_names(m, upper, &names) < 0)
		return -1;
	for (i = 0; i < names.count; i++)
		if (merge_entry(m, tree, upper, names.items[i], depth) < 0)
			return -1;
	return 0;
}

int edits_merge_folders(const struct root *tree, const struct root *upper, long *budget,
			struct err *e)
{
	struct merge m = { .budget = budget, .e = e };
	int to cleanup_fd = open_dir(tree->fd, ".");
	int from cleanup_fd = open_dir(upper->fd, ".");
	struct timespec times[2];
	struct stat st;

	if (to < 0 || from < 0 || fstat(from, &st) < 0)
		return fail(&m, "opening", "the edits");
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (merge_dir(&m, to, from, 0) < 0)
		return -1;
	if (spend(&m) < 0 || copy_dir_meta(&m, from, to) < 0)
		return -1;
	if (futimens(to, times) < 0)
		return fail(&m, "setting times of", "the top folder");
	return 0;
}

static int sync_fs(const struct target_fs *fs, struct err *e)
{
	int fd cleanup_fd = open_dir(fs->root.fd, ".");

	if (fd < 0 || syncfs(fd) < 0)
		return err_set(e, ERR_EDITS, errno, "writing %s out", fs->mount);
	return 0;
}

int edits_merge(const struct target *t, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		const struct target_fs *fs = &t->fs[i];
		struct root tree cleanup_root = ROOT_INIT, upper cleanup_root = ROOT_INIT;

		if (!root_exists(&fs->root, BEGUN_PATH))
			continue; /* merged before, or never edited */
		if (root_open_below(&tree, &fs->root, TREE_DIR, e) < 0 ||
		    root_open_below(&upper, &fs->root, UPPER_DIR, e) < 0 ||
		    edits_merge_folders(&tree, &upper, NULL, e) < 0 || sync_fs(fs, e) < 0)
			return err_ctx(e, "merging the edits on %s", fs->mount);
		/*
		 * Only now: while the mark is there the merge may be unfinished. And before the rest: with the mark
		 * but without the upper folder, a repetition would merge the empty one that opening the target makes,
		 * owner, mode and attributes of its top included.
		 */
		if (root_remove(&fs->root, BEGUN_PATH, e) < 0 || sync_fs(fs, e) < 0 ||
		    root_remove_tree(&fs->root, EDITS_DIR, e) < 0 || sync_fs(fs, e) < 0)
			return err_ctx(e, "merging the edits on %s", fs->mount);
	}
	return 0;
}

/* ---- beginning and removing ---- */

static int begin_fs(const struct target_fs *fs, struct err *e)
{
	struct root tree cleanup_root = ROOT_INIT, upper cleanup_root = ROOT_INIT;
	struct root top cleanup_root = ROOT_INIT;
	struct merge m = { .e = e };
	int from cleanup_fd = -1, to cleanup_fd = -1;

	if (root_mkdirs(&fs->root, EDITS_DIR, 0700, e) < 0 ||
	    root_remove_tree(&fs->root, WORK_DIR, e) < 0 ||
	    root_open_below(&top, &fs->root, EDITS_DIR, e) < 0)
		return -1;
	if (root_exists(&top, "upper")) {
		if (root_remove_tree(&top, "old", e) < 0)
			return -1;
		if (renameat(top.fd, "upper", top.fd, "old") < 0)
			return err_set(e, ERR_EDITS, errno, "setting the old edits aside");
	}
	if (root_mkdirs(&fs->root, UPPER_DIR, 0755, e) < 0 ||
	    root_mkdirs(&fs->root, WORK_DIR, 0700, e) < 0 ||
	    root_open_below(&tree, &fs->root, TREE_DIR, e) < 0 ||
	    root_open_below(&upper, &fs->root, UPPER_DIR, e) < 0)
		return -1;
	from = open_dir(tree.fd, ".");
	to = open_dir(upper.fd, ".");
	if (from < 0 || to < 0)
		return err_set(e, ERR_EDITS, errno, "opening the edits");
	if (copy_dir_meta(&m, from, to) < 0)
		return -1;
	return root_replace(&fs->root, BEGUN_PATH, "", 0, NULL, e);
}

int edits_begin(const struct target *t, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++)
		if (begin_fs(&t->fs[i], e) < 0)
			return err_ctx(e, "making room for the edits on %s", t->fs[i].mount);
	return 0;
}

static int remove_everywhere(const struct target *t, const char *path, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++)
		if (root_remove_tree(&t->fs[i].root, path, e) < 0)
			return err_ctx(e, "removing edits on %s", t->fs[i].mount);
	return 0;
}

int edits_drop_old(const struct target *t, struct err *e)
{
	return remove_everywhere(t, EDITS_OLD_DIR, e);
}

int edits_remove(const struct target *t, struct err *e)
{
	return remove_everywhere(t, EDITS_DIR, e);
}

/* ---- fingerprint ---- */

static int hash_dir(struct sha256 *s, int dir, const char *path, unsigned depth, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct root r = { .fd = dir };
	size_t i;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_EDITS, ELOOP, "more than %d folders deep", DEPTH_MAX);
	if (root_list(&r, "/", &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		struct strbuf line cleanup_strbuf = STRBUF_INIT;
		int fd cleanup_fd = -1;
		struct stat st;

		if (fstatat(dir, names.items[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, ERR_EDITS, errno, "looking at %s", names.items[i]);
		strbuf_addf(&line, "%s/%s", path, names.items[i]);
		sha256_add(s, strbuf_str(&line), line.len + 1);
		if (S_ISDIR(st.st_mode)) {
			fd = open_dir(dir, names.items[i]);
			if (fd < 0)
				return err_set(e, ERR_EDITS, errno, "opening %s", names.items[i]);
			if (hash_dir(s, fd, strbuf_str(&line), depth + 1, e) < 0)
				return -1;
			st.st_size = 0; /* of a folder: depends on its history */
			st.st_mtim = (struct timespec){ 0 };
		}
		strbuf_done(&line);
		strbuf_addf(&line, "%o %u %u %lld %lld.%ld", st.st_mode, st.st_uid, st.st_gid,
			    (long long)st.st_size, (long long)st.st_mtim.tv_sec,
			    st.st_mtim.tv_nsec);
		sha256_add(s, strbuf_str(&line), line.len + 1);
	}
	return 0;
}

int edits_fingerprint(const struct target *t, char *ret, struct err *e)
{
	struct sha256 *s = sha256_new();
	uint8_t digest[SHA256_LEN];
	unsigned i;
	int rc = 0;

	if (!s)
		return err_set(e, ERR_NOMEM, 0, "hashing the edits");
	for (i = 0; i < t->fs_count && rc == 0; i++) {
		int fd cleanup_fd = root_openat(&t->fs[i].root, UPPER_DIR, O_RDONLY | O_DIRECTORY,
						0, NULL);

		sha256_add(s, t->fs[i].mount, strlen(t->fs[i].mount) + 1);
		if (fd >= 0)
			rc = hash_dir(s, fd, "", 0, e);
	}
	if (rc < 0) {
		sha256_free(s);
		return err_ctx(e, "hashing the edits");
	}
	sha256_finish(s, digest);
	hex_of(digest, sizeof(digest), ret);
	return 0;
}
