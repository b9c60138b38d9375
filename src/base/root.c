/* SPDX-License-Identifier: MIT */
#include "base/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "base/io.h"

#define REMOVE_DEPTH 200 /* levels, a descriptor each */

int root_open(struct root *ret, const char *path, struct err *e)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", path);
	ret->fd = fd;
	return 0;
}

int root_open_below(struct root *ret, const struct root *r, const char *path, struct err *e)
{
	int fd = root_openat(r, path, O_PATH | O_DIRECTORY, 0, e);

	if (fd < 0)
		return -1;
	ret->fd = fd;
	return 0;
}

void root_close(struct root *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

static int open_confined(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do {
		fd = (int)syscall(SYS_openat2, dirfd, *path ? path : "/", &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd;
}

static int fail(struct err *e, const char *path)
{
	int sys = errno;

	err_set(e, sys == EXDEV || sys == ELOOP ? ERR_PATH_ESCAPES : ERR_FILE, sys, "%s", path);
	errno = sys;
	return -1;
}

int root_openat(const struct root *r, const char *path, int flags, mode_t mode, struct err *e)
{
	int fd = open_confined(r->fd, path, flags, mode);

	return fd < 0 ? fail(e, path) : fd;
}

int root_mkdirs(const struct root *r, const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	const char *end = path;

	for (;;) {
		const char *name;
		int dir, rc, saved;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		if ((size_t)(end - path) >= sizeof(part)) {
			errno = ENAMETOOLONG;
			return fail(e, path);
		}
		memcpy(part, path, (size_t)(end - path));
		part[end - path] = '\0';
		if (!root_is_dir(r, part)) {
			dir = root_parent(r, part, false, &name, e);
			if (dir < 0)
				return -1;
			rc = mkdirat(dir, name, mode);
			saved = errno;
			close(dir);
			errno = saved;
			if (rc < 0 && errno != EEXIST)
				return fail(e, part);
		}
		if (!end[strspn(end, "/")])
			return 0;
	}
}

int root_parent(const struct root *r, const char *path, bool make_parents, const char **ret_name,
		struct err *e)
{
	const char *name = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t len;
	int fd;

	name = name ? name + 1 : path;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, ERR_PATH_ESCAPES, 0, "%s", path);
	len = (size_t)(name - path);
	if (len >= sizeof(parent)) {
		errno = ENAMETOOLONG;
		return fail(e, path);
	}
	memcpy(parent, path, len);
	parent[len] = '\0';
	if (make_parents && len > 1 && root_mkdirs(r, parent, 0755, e) < 0)
		return -1;
	fd = open_confined(r->fd, parent, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fail(e, parent);
	*ret_name = name;
	return fd;
}

int root_stat(const struct root *r, const char *path, struct stat *ret)
{
	int fd cleanup_fd = open_confined(r->fd, path, O_PATH, 0);

	return fd < 0 ? -1 : fstat(fd, ret);
}

int root_lstat(const struct root *r, const char *path, struct stat *ret)
{
	int fd cleanup_fd = open_confined(r->fd, path, O_PATH | O_NOFOLLOW, 0);

	return fd < 0 ? -1 : fstat(fd, ret);
}

bool root_exists(const struct root *r, const char *path)
{
	struct stat st;

	return root_stat(r, path, &st) == 0;
}

bool root_is_dir(const struct root *r, const char *path)
{
	struct stat st;

	return root_stat(r, path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool root_is_file(const struct root *r, const char *path)
{
	struct stat st;

	return root_stat(r, path, &st) == 0 && S_ISREG(st.st_mode);
}

int root_readlink(const struct root *r, const char *path, char *buf, size_t size)
{
	int fd cleanup_fd = open_confined(r->fd, path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISLNK(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	n = readlinkat(fd, "", buf, size - 1);
	if (n < 0)
		return -1;
	buf[n] = '\0';
	return 0;
}

int root_read(const struct root *r, const char *path, struct strbuf *ret, size_t limit,
	      struct err *e)
{
	/* O_NONBLOCK: a fifo in the place of the file must not stop us. */
	int fd cleanup_fd = root_openat(r, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return fail(e, path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FILE, EINVAL, "%s: not a regular file", path);
	if (fd_slurp(fd, ret, limit, e) < 0)
		return err_ctx(e, "reading %s", path);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int root_list(const struct root *r, const char *dir, struct strlist *ret, struct err *e)
{
	int fd = root_openat(r, dir, O_RDONLY | O_DIRECTORY, 0, e);
	DIR *d cleanup_dir = NULL;
	struct dirent *entry;
	size_t first = ret->count;

	if (fd < 0)
		return -1;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return fail(e, dir);
	}
	while ((entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (strlist_add(ret, entry->d_name) < 0)
			return err_set(e, ERR_NOMEM, 0, "listing %s", dir);
	}
	if (ret->count - first > 1)
		qsort(ret->items + first, ret->count - first, sizeof(*ret->items), compare_names);
	return 0;
}

/* Carries extended attributes (labels, ACLs, capabilities) from the old file to the new one. */
static void copy_xattrs(int from, int to)
{
	char names[4096], value[65536], proc[64];
	ssize_t len, n;
	const char *name;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", from);
	len = listxattr(proc, names, sizeof(names));
	for (name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		n = getxattr(proc, name, value, sizeof(value));
		if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0)
			continue; /* the file system may refuse a class; content matters more */
	}
}

static int write_new(int dir, const char *tmp, const char *name, const void *data, size_t len,
		     const struct root_meta *meta)
{
	struct stat st;
	struct root_meta want = { .uid = 0, .gid = 0, .mode = 0644 };
	int old cleanup_fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int fd cleanup_fd = -1;

	unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (meta) {
		want = *meta;
	} else if (old >= 0 && fstat(old, &st) == 0 && S_ISREG(st.st_mode)) {
		want = (struct root_meta){ st.st_uid, st.st_gid, st.st_mode & 07777 };
	} else if (geteuid() != 0) {
		want.uid = geteuid();
		want.gid = getegid();
	}
	if (write_all(fd, data, len) < 0 || fchown(fd, want.uid, want.gid) < 0 ||
	    fchmod(fd, want.mode) < 0)
		return -1;
	if (!meta && old >= 0 && fstat(old, &st) == 0 && S_ISREG(st.st_mode))
		copy_xattrs(old, fd);
	return fdatasync(fd);
}

int root_replace(const struct root *r, const char *path, const void *data, size_t len,
		 const struct root_meta *meta, struct err *e)
{
	char tmp[NAME_MAX + 1];
	const char *name;
	int dir cleanup_fd = root_parent(r, path, true, &name, e);
	int sync_fd cleanup_fd = -1;

	if (dir < 0)
		return -1;
	snprintf(tmp, sizeof(tmp), ".rehost-%.200s", name);
	if (write_new(dir, tmp, name, data, len, meta) < 0 || renameat(dir, tmp, dir, name) < 0) {
		fail(e, path);
		unlinkat(dir, tmp, 0);
		return -1;
	}
	sync_fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sync_fd < 0 || fsync(sync_fd) < 0)
		return fail(e, path);
	return 0;
}

int root_symlink(const struct root *r, const char *path, const char *text, struct err *e)
{
	char tmp[NAME_MAX + 1];
	const char *name;
	int dir cleanup_fd = root_parent(r, path, true, &name, e);

	if (dir < 0)
		return -1;
	snprintf(tmp, sizeof(tmp), ".rehost-%.200s", name);
	unlinkat(dir, tmp, 0);
	if (symlinkat(text, dir, tmp) < 0 || renameat(dir, tmp, dir, name) < 0) {
		fail(e, path);
		unlinkat(dir, tmp, 0);
		return -1;
	}
	return 0;
}

int root_remove(const struct root *r, const char *path, struct err *e)
{
	const char *name;
	int dir cleanup_fd = root_parent(r, path, false, &name, NULL);

	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(e, path);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return fail(e, path);
	return 0;
}

static void clear_flags(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) {
		flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

/*
 * A walk that removes. Each level holds a descriptor, and a stream may bring 2,000 levels: what lies deeper than
 * REMOVE_DEPTH is moved up into the top folder, which is read until nothing is in it.
 */
struct remover {
	dev_t dev;
	int top;
	unsigned depth, moved;
};

static int remove_entry(struct remover *r, int dir, const char *name);

static int move_up(struct remover *r, int dir, const char *name)
{
	char fresh[40];

	do {
		snprintf(fresh, sizeof(fresh), ".rehost-removed-%u", r->moved++);
		if (renameat2(dir, name, r->top, fresh, RENAME_NOREPLACE) == 0)
			return 0;
	} while (errno == EEXIST);
	return -1;
}

/* Empties an open directory. Takes fd. */
static int remove_contents(struct remover *r, int fd)
{
	DIR *d cleanup_dir = fdopendir(fd);
	struct dirent *entry;
	bool again;

	if (!d) {
		close(fd);
		return -1;
	}
	do { /* removing while reading may skip names on some file systems: repeat until empty */
		again = false;
		while ((entry = readdir(d))) {
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			if (remove_entry(r, dirfd(d), entry->d_name) < 0)
				return -1;
			again = true;
		}
		rewinddir(d);
	} while (again);
	return 0;
}

static int unlink_hard(int dir, const char *name, int flags)
{
	int fd;

	if (unlinkat(dir, name, flags) == 0 || errno == ENOENT)
		return 0;
	if (errno != EPERM)
		return -1;
	clear_flags(dir);
	fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		clear_flags(fd);
		close(fd);
	}
	return unlinkat(dir, name, flags);
}

static int remove_entry(struct remover *r, int dir, const char *name)
{
	struct stat st;
	int fd, rc;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISDIR(st.st_mode))
		return unlink_hard(dir, name, 0);
	if (st.st_dev != r->dev) {
		errno = EXDEV;
		return -1;
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	clear_flags(fd);
	if (r->depth == REMOVE_DEPTH) {
		clear_flags(dir);
		close(fd);
		return move_up(r, dir, name);
	}
	if (r->depth++ == 0)
		r->top = fd; /* open until its contents are gone */
	rc = remove_contents(r, fd);
	r->depth--;
	return rc < 0 ? -1 : unlink_hard(dir, name, AT_REMOVEDIR);
}

int root_remove_tree(const struct root *r, const char *path, struct err *e)
{
	const char *name;
	int dir cleanup_fd = root_parent(r, path, false, &name, NULL);
	struct remover remover = { .top = -1 };
	struct stat st;

	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(e, path);
	if (fstat(dir, &st) < 0)
		return fail(e, path);
	remover.dev = st.st_dev;
	if (remove_entry(&remover, dir, name) < 0)
		return fail(e, path);
	return 0;
}
