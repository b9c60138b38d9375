/* SPDX-License-Identifier: MIT */
/* Looking into the edits layer itself, beside the overlay that shows it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "job/edits.h"
#include "job/steps.h"

#define DEPTH_MAX 256
#define ENTRIES_MAX 100000 /* edits are hundreds; more means that a tool ran wild */

void layer_done(struct layer *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		free(l->entries[i].path);
	free(l->entries);
	*l = (struct layer){ 0 };
}

const struct layer_entry *layer_find(const struct layer *l, const char *path)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (strcmp(l->entries[i].path, path) == 0)
			return &l->entries[i];
	return NULL;
}

static int add(struct layer *l, const char *path, const struct stat *st, struct err *e)
{
	struct layer_entry *entry;

	if (l->count == ENTRIES_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d edits", ENTRIES_MAX);
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct layer_entry *grown = realloc(l->entries, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, ERR_NOMEM, 0, "listing the edits");
		l->entries = grown;
		l->cap = cap;
	}
	entry = &l->entries[l->count];
	entry->path = strdup(path);
	if (!entry->path)
		return err_set(e, ERR_NOMEM, 0, "listing the edits");
	entry->is_removal = S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
	snprintf(entry->stamp, sizeof(entry->stamp), "%llu %o %lld %lld.%09ld",
		 (unsigned long long)st->st_ino, st->st_mode, (long long)st->st_size,
		 (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
	l->count++;
	return 0;
}

static int read_dir(struct layer *l, int dir, struct strbuf *path, unsigned depth, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct root r = { .fd = dir };
	size_t i, len = path->len;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_LIMIT, ELOOP, "more than %d folders deep", DEPTH_MAX);
	if (root_list(&r, "/", &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		int fd cleanup_fd = -1;
		struct stat st;
		int rc;

		if (fstatat(dir, names.items[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, ERR_EDITS, errno, "looking at %s", names.items[i]);
		strbuf_addf(path, "/%s", names.items[i]);
		if (path->failed)
			return err_set(e, ERR_NOMEM, 0, "listing the edits");
		if (!S_ISDIR(st.st_mode)) {
			rc = add(l, path->data, &st, e);
		} else {
			fd = openat(dir, names.items[i],
				    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			rc = fd < 0 ? err_set(e, ERR_EDITS, errno, "opening %s", path->data)
				    : read_dir(l, fd, path, depth + 1, e);
		}
		if (rc < 0)
			return -1;
		path->len = len;
		path->data[len] = '\0';
	}
	return 0;
}

int layer_read(struct layer *ret, const struct target *t, struct err *e)
{
	struct layer l = { 0 };
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		struct strbuf path cleanup_strbuf = STRBUF_INIT;
		int fd cleanup_fd = root_openat(&t->fs[i].root, UPPER_DIR, O_RDONLY | O_DIRECTORY,
						0, e);

		strbuf_adds(&path, strcmp(t->fs[i].mount, "/") == 0 ? "" : t->fs[i].mount);
		if (fd < 0 || read_dir(&l, fd, &path, 0, e) < 0) {
			layer_done(&l);
			return err_ctx(e, "looking at the edits on %s", t->fs[i].mount);
		}
	}
	*ret = l;
	return 0;
}

/* ---- taking over from the layer before ---- */

/* The file system that holds path, and the path below its mount point. */
static const struct target_fs *fs_of(const struct target *t, const char *path,
				     const char **ret_below)
{
	const struct target_fs *best = &t->fs[0];
	size_t best_len = 0;
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		size_t len = strlen(t->fs[i].mount);

		if (len > 1 && len > best_len && strncmp(path, t->fs[i].mount, len) == 0 &&
		    path[len] == '/') {
			best = &t->fs[i];
			best_len = len;
		}
	}
	*ret_below = path + best_len;
	return best;
}

static int copy_data(int from, int to)
{
	static const size_t chunk_len = 1 << 18;
	char *chunk cleanup_free = malloc(chunk_len);
	ssize_t n;

	if (!chunk) {
		errno = ENOMEM;
		return -1;
	}
	while ((n = read_full(from, chunk, chunk_len)) > 0)
		if (write_all(to, chunk, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int copy_file(int old, const char *old_path, const struct root *view, const char *path,
		     const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int from cleanup_fd = openat(old, old_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const char *name;
	int dir cleanup_fd = root_parent(view, path, true, &name, e);
	int to cleanup_fd = -1;

	if (dir < 0)
		return -1;
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (from < 0 || to < 0 || copy_data(from, to) < 0 ||
	    fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0 ||
	    futimens(to, times) < 0)
		return err_set(e, ERR_EDITS, errno, "taking over %s", path);
	return 0;
}

int layer_take_old(const struct target *t, const struct root *view, const char *path,
		   bool *ret_found, struct err *e)
{
	const char *below;
	const struct target_fs *fs = fs_of(t, path, &below);
	struct root old cleanup_root = ROOT_INIT;
	const char *name;
	int dir cleanup_fd = -1;
	char text[PATH_MAX];
	struct stat st;

	*ret_found = false;
	if (!root_exists(&fs->root, EDITS_OLD_DIR))
		return 0;
	if (root_open_below(&old, &fs->root, EDITS_OLD_DIR, e) < 0)
		return -1;
	dir = root_parent(&old, below, false, &name, NULL);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	*ret_found = true;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
		return root_remove(view, path, e);
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);

		if (n < 0)
			return err_set(e, ERR_EDITS, errno, "taking over %s", path);
		text[n] = '\0';
		return root_symlink(view, path, text, e);
	}
	if (!S_ISREG(st.st_mode)) {
		*ret_found = false;
		return 0;
	}
	return copy_file(dir, name, view, path, &st, e);
}
