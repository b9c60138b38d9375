/* SPDX-License-Identifier: MIT */
/* What is done after the last entry: removals, ACLs with names, inode flags, directory times. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "transfer/acl_priv.h"
#include "transfer/attrs_priv.h"
#include "transfer/dirs_priv.h"
#include "transfer/entry_priv.h"
#include "transfer/receive_priv.h"
#include "transfer/remove_priv.h"

/* An update that takes away more than one in ten entries is more likely a mistake on the source. */
#define GUARD_PERCENT 10u

void late_free(struct receiver *r)
{
	while (r->late) {
		struct late *next = r->late->next;

		strbuf_done(&r->late->acl);
		free(r->late);
		r->late = next;
	}
}

/* ---- ACLs and flags ---- */

static int late_acl(struct receiver *r, const struct late *late, const struct object *o,
		    const struct names *names, struct err *e)
{
	struct strbuf value cleanup_strbuf = STRBUF_INIT;
	const char *unknown = NULL;
	unsigned lost = acl_encode(&late->acl, names, &value, &unknown);

	if (value.failed)
		return err_set(e, ERR_NOMEM, 0, "%s", show(late->path).text);
	if (lost)
		pool_note(&r->pool, late->path,
			  "%u ACL entries for unknown names such as \"%.40s\", lost", lost,
			  show(unknown).text);
	return xattr_apply(r, o,
			   late->kind == LATE_ACL_ACCESS ? ACL_XATTR_ACCESS : ACL_XATTR_DEFAULT,
			   value.data, value.len, e);
}

static void late_flags(struct receiver *r, const struct late *late, int fd)
{
	int flags, want;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		want = (flags & ~late->flags_clear) | late->flags_set;
		if (want == flags || ioctl(fd, FS_IOC_SETFLAGS, &want) == 0)
			return;
	}
	pool_note(&r->pool, late->path, "inode flags were not accepted (%s), lost",
		  strerror(errno));
}

static int late_one(struct receiver *r, const struct late *late, const struct names *names,
		    struct err *e)
{
	const char *slash = strrchr(late->path, '/');
	char parent[PATH_LEN_MAX + 1];
	struct object o = { .fd = -1, .path = late->path };
	int dir cleanup_fd = -1, fd cleanup_fd = -1;
	struct stat st;

	memcpy(parent, late->path, slash ? (size_t)(slash - late->path) : 0);
	parent[slash ? slash - late->path : 0] = '\0';
	o.name = slash ? slash + 1 : *late->path ? late->path : ".";
	o.dirfd = dir = open_strict(r->dest->fd, parent, O_PATH | O_DIRECTORY);
	/* Something else may have taken its place later in the stream. */
	if (dir < 0 || fstatat(dir, o.name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode))
		return 0;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) { /* opening a device could do something */
		o.fd = fd = openat(dir, o.name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return write_error(e, errno, "opening", late->path);
	}
	if (late->kind != LATE_FLAGS)
		return late_acl(r, late, &o, names, e);
	if (fd < 0)
		pool_note(&r->pool, late->path, "inode flags of a device or FIFO, lost");
	else
		late_flags(r, late, fd);
	return 0;
}

static int late_round(struct receiver *r, bool flags, const struct names *names, struct err *e)
{
	const struct late *late;

	for (late = r->late; late; late = late->next)
		if ((late->kind == LATE_FLAGS) == flags && late_one(r, late, names, e) < 0)
			return -1;
	return 0;
}

int finish_acls(struct receiver *r, struct err *e)
{
	struct names names;
	int rc;

	if (!r->late)
		return 0;
	rc = names_load(&names, r->dest);
	if (rc < 0)
		err_set(e, ERR_NOMEM, 0, "reading users and groups");
	else
		rc = late_round(r, false, &names, e);
	names_done(&names);
	return rc;
}

int finish_flags(struct receiver *r, struct err *e)
{
	return late_round(r, true, NULL, e);
}

/* ---- directories ---- */

int finish_directories(struct receiver *r, struct err *e)
{
	uint64_t i = manifest_count(r->manifest);

	while (i--) {
		struct manifest_entry entry;
		struct timespec times[2] = { { 0, UTIME_OMIT } };
		int fd, rc, sys;

		manifest_at(r->manifest, i, &entry);
		if (entry.kind != 'd')
			continue;
		fd = open_strict(r->dest->fd, entry.path, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return write_error(e, errno, "opening the directory", entry.path);
		times[1].tv_sec = entry.mtime_sec;
		times[1].tv_nsec = entry.mtime_nsec;
		rc = futimens(fd, times);
		sys = errno;
		close(fd);
		if (rc < 0)
			return write_error(e, sys, "setting the times of", entry.path);
	}
	return 0;
}

/* ---- removals ---- */

static int compare_down(const void *a, const void *b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

/* Old entries the new stream did not bring; deepest first, because a child sorts behind its parent. */
static int find_removals(struct receiver *r, const char ***ret, uint64_t *ret_count, struct err *e)
{
	const struct manifest *old = r->options->old;
	uint64_t total = manifest_count(old), count = 0, i, n = 0;
	struct manifest_entry entry, now;
	const char **paths;

	for (i = 0; i < total; i++) {
		manifest_at(old, i, &entry);
		count += !manifest_get(r->manifest, entry.path, &now);
	}
	*ret = NULL;
	*ret_count = count;
	if (!count)
		return 0;
	if (count * 100 > total * GUARD_PERCENT && !r->options->allow_deletions)
		return err_set(e, ERR_TAR_DELETIONS, 0,
			       "%" PRIu64 " of %" PRIu64 " entries are not in the stream", count,
			       total);
	paths = malloc(count * sizeof(*paths));
	if (!paths)
		return err_set(e, ERR_NOMEM, 0, "%" PRIu64 " removals", count);
	for (i = 0; i < total; i++) {
		manifest_at(old, i, &entry);
		if (!manifest_get(r->manifest, entry.path, &now))
			paths[n++] = entry.path; /* lives in the old manifest */
	}
	qsort(paths, count, sizeof(*paths), compare_down);
	*ret = paths;
	return 0;
}

static int remove_old(struct receiver *r, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char parent[PATH_LEN_MAX + 1];
	int dir cleanup_fd = -1;
	struct stat st;

	if (strcmp(path, ".") == 0 || name_is_skipped(r->options, path))
		return 0;
	memcpy(parent, path, (size_t)(name - path));
	parent[name > path ? name - path - 1 : 0] = '\0';
	dir = open_strict(r->dest->fd, parent, O_PATH | O_DIRECTORY);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone with a directory that something else replaced */
	if (is_mount_point(dir, name)) {
		pool_note(&r->pool, path, "a file system is mounted here, it was kept");
		return 0;
	}
	if (unlink_hard(dir, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) == 0) {
		r->removed++;
		return 0;
	}
	if (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY) {
		pool_note(&r->pool, path, "it holds what no stream brought, it was kept");
		return 0;
	}
	return write_error(e, errno, "removing", path);
}

int finish_removals(struct receiver *r, struct err *e)
{
	const char **paths cleanup_free = NULL;
	uint64_t count, i;

	if (!r->options->update || !r->options->old)
		return 0;
	if (find_removals(r, &paths, &count, e) < 0)
		return -1;
	for (i = 0; i < count; i++)
		if (remove_old(r, paths[i], e) < 0)
			return -1;
	return 0;
}
