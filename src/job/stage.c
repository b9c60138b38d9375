/* SPDX-License-Identifier: MIT */
#include "job/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "job/edits.h"

#define RESERVE_PERCENT 5
#define DEPTH_MAX 1024

bool stage_is_complete(const struct target *t)
{
	return root_is_file(&t->fs[0].root, MANIFEST_PATH);
}

static int sync_folder(const struct root *r, const char *path, struct err *e)
{
	int fd cleanup_fd = root_openat(r, path, O_RDONLY | O_DIRECTORY, 0, e);

	if (fd < 0)
		return -1;
	return fsync(fd) < 0 ? err_set(e, ERR_STAGE_SYNC, errno, "%s", path) : 0;
}

int stage_open_again(const struct target *t, struct err *e)
{
	if (root_remove(&t->fs[0].root, MANIFEST_PATH, e) < 0)
		return err_ctx(e, "marking the stage as incomplete");
	return sync_folder(&t->fs[0].root, REHOST_DIR, e);
}

int stage_remove(const struct target *t, struct err *e)
{
	unsigned i;

	if (stage_open_again(t, e) < 0 || edits_remove(t, e) < 0)
		return -1;
	for (i = 0; i < t->fs_count; i++)
		if (root_remove_tree(&t->fs[i].root, TREE_DIR, e) < 0)
			return err_ctx(e, "removing the stage on %s", t->fs[i].mount);
	return 0;
}

int stage_make(const struct target *t, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++)
		if (root_mkdirs(&t->fs[i].root, TREE_DIR, 0755, e) < 0)
			return err_ctx(e, "making the stage on %s", t->fs[i].mount);
	return 0;
}

void stage_missing(const struct space_numbers *n, uint64_t *ret_bytes, uint64_t *ret_inodes)
{
	uint64_t keep_blocks = n->blocks / 100 * RESERVE_PERCENT;
	uint64_t keep_inodes = n->inodes / 100 * RESERVE_PERCENT;

	*ret_bytes = keep_blocks > n->free_blocks ? (keep_blocks - n->free_blocks) * n->block_bytes
						  : 0;
	/* 0 inodes: the file system makes them as needed (btrfs) */
	*ret_inodes = n->inodes && keep_inodes > n->free_inodes ? keep_inodes - n->free_inodes : 0;
}

static int check_fs(const struct target_fs *fs, uint64_t received, struct err *e)
{
	char missing_text[24], free_text[24], keep_text[24], got[24];
	struct space_numbers n;
	struct statvfs v;
	uint64_t bytes, inodes;

	if (fstatvfs(fs->root.fd, &v) < 0)
		return err_set(e, ERR_FILE, errno, "asking for the free space of %s", fs->mount);
	n = (struct space_numbers){ v.f_blocks, v.f_bavail, v.f_files, v.f_favail, v.f_frsize };
	stage_missing(&n, &bytes, &inodes);
	if (bytes)
		return err_set(
			e, ERR_STAGE_SPACE, ENOSPC,
			"%s: %s are free, %s (%d %%) stay free for the old system, so %s are "
			"missing after %s received; the stream goes on",
			fs->mount,
			format_bytes(free_text, sizeof(free_text), v.f_bavail * v.f_frsize),
			format_bytes(keep_text, sizeof(keep_text),
				     v.f_blocks / 100 * RESERVE_PERCENT * v.f_frsize),
			RESERVE_PERCENT, format_bytes(missing_text, sizeof(missing_text), bytes),
			format_bytes(got, sizeof(got), received));
	if (inodes)
		return err_set(
			e, ERR_STAGE_SPACE, ENOSPC,
			"%s: %llu inodes (files) are free, %d %% of %llu stay free for the old "
			"system, so %llu are missing",
			fs->mount, (unsigned long long)v.f_favail, RESERVE_PERCENT,
			(unsigned long long)v.f_files, (unsigned long long)inodes);
	return 0;
}

int stage_check_space(const struct target *t, uint64_t received, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++)
		if (check_fs(&t->fs[i], received, e) < 0)
			return -1;
	return 0;
}

int stage_check_room(const struct target *t, int fd, uint64_t bytes, struct err *e)
{
	char missing_text[24], free_text[24], file_text[24];
	const char *mount = "the disk";
	struct stat st, at;
	struct space_numbers n;
	uint64_t blocks, missing, inodes;
	struct statvfs v;
	unsigned i;

	if (fstatvfs(fd, &v) < 0 || fstat(fd, &st) < 0)
		return err_set(e, ERR_FILE, errno, "asking for the free space");
	blocks = bytes / v.f_frsize;
	n = (struct space_numbers){ v.f_blocks, v.f_bavail > blocks ? v.f_bavail - blocks : 0, 0, 0,
				    v.f_frsize };
	stage_missing(&n, &missing, &inodes);
	if (!missing)
		return 0;
	if (blocks > v.f_bavail)
		missing += (blocks - v.f_bavail) * v.f_frsize;
	for (i = 0; i < t->fs_count; i++)
		if (fstat(t->fs[i].root.fd, &at) == 0 && at.st_dev == st.st_dev)
			mount = t->fs[i].mount;
	return err_set(
		e, ERR_STAGE_SPACE, ENOSPC,
		"%s: %s are free, %d %% of it stay free for the old system, so %s are missing "
		"for a file of %s; the stream goes on",
		mount, format_bytes(free_text, sizeof(free_text), v.f_bavail * v.f_frsize),
		RESERVE_PERCENT, format_bytes(missing_text, sizeof(missing_text), missing),
		format_bytes(file_text, sizeof(file_text), bytes));
}

int stage_sync(const struct target *t, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		int fd cleanup_fd = root_openat(&t->fs[i].root, "/", O_RDONLY | O_DIRECTORY, 0, e);

		if (fd < 0)
			return -1;
		if (syncfs(fd) < 0)
			return err_set(e, ERR_STAGE_SYNC, errno, "%s", t->fs[i].mount);
	}
	return 0;
}

/* ---- a manifest from what is there ---- */

struct walk {
	struct manifest *manifest;
	const char *const *skip;
	struct strbuf path;
	struct err *e;
};

static char kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 'f';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	default:
		return '\0'; /* sockets are never in a stream */
	}
}

static bool is_skipped(const struct walk *w, const char *name)
{
	const char *const *s;

	for (s = w->skip; w->path.len == 0 && s && *s; s++)
		if (strcmp(*s, name) == 0)
			return true;
	return false;
}

static int walk_dir(struct walk *w, int dir, unsigned depth);

static int walk_entry(struct walk *w, int dir, const char *name, unsigned depth)
{
	struct manifest_entry m;
	size_t len = w->path.len;
	int fd cleanup_fd = -1;
	struct stat st;
	int rc = 0;

	if (is_skipped(w, name))
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(w->e, ERR_FILE, errno, "looking at %s in the stage", name);
	if (!kind_of(st.st_mode))
		return 0;
	if (len)
		strbuf_addc(&w->path, '/');
	strbuf_adds(&w->path, name);
	if (w->path.failed)
		return err_set(w->e, ERR_NOMEM, 0, "walking the stage");
	m = (struct manifest_entry){
		.kind = kind_of(st.st_mode),
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
		.mtime_sec = st.st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
		.path = w->path.data,
	};
	if (manifest_add(w->manifest, &m, w->e) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_set(w->e, ERR_FILE, errno, "%s in the stage", w->path.data);
		rc = walk_dir(w, fd, depth + 1);
	}
	w->path.len = len;
	w->path.data[len] = '\0';
	return rc;
}

static int walk_dir(struct walk *w, int dir, unsigned depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct root r = { .fd = dir };
	size_t i;

	if (depth > DEPTH_MAX)
		return err_set(w->e, ERR_LIMIT, ELOOP, "more than %d folders deep", DEPTH_MAX);
	if (root_list(&r, "/", &names, w->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++)
		if (walk_entry(w, dir, names.items[i], depth) < 0)
			return -1;
	return 0;
}

int stage_walk(struct manifest **ret, const struct root *view, const char *const *skip,
	       struct err *e)
{
	struct walk w = { .manifest = manifest_new(), .skip = skip, .e = e };
	int fd cleanup_fd = -1;
	int rc = -1;

	if (!w.manifest)
		return err_set(e, ERR_NOMEM, 0, "walking the stage");
	fd = root_openat(view, "/", O_RDONLY | O_DIRECTORY, 0, e);
	if (fd >= 0)
		rc = walk_dir(&w, fd, 0);
	strbuf_done(&w.path);
	if (rc < 0) {
		manifest_free(w.manifest);
		return err_ctx(e, "looking at what the stage holds");
	}
	*ret = w.manifest;
	return 0;
}
