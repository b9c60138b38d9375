/* SPDX-License-Identifier: MIT */
#include "transfer/dirs_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#include "transfer/receive_priv.h"

int open_strict(int root_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do {
		fd = (int)syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd;
}

void dir_put(struct dir *d)
{
	if (!d || atomic_fetch_sub(&d->refs, 1) != 1)
		return;
	close(d->fd);
	free(d);
}

static struct dir **slot_of(struct receiver *r, uint64_t hash)
{
	return &r->dirs[hash % DIR_SLOTS];
}

struct dir *dir_keep(struct receiver *r, const char *path, uint64_t hash, int fd)
{
	struct dir **slot = slot_of(r, hash), *d = malloc(sizeof(*d) + strlen(path) + 1);

	if (!d) {
		close(fd);
		return NULL;
	}
	d->fd = fd;
	d->hash = hash;
	strcpy(d->path, path);
	atomic_init(&d->refs, 2); /* the slot's and the caller's */
	dir_put(*slot);
	*slot = d;
	return d;
}

/* A directory the stream has no entry for (yet), made here or found, belongs to the tree as it is. */
static int list_implied(struct receiver *r, int fd, const char *path, struct err *e)
{
	struct manifest_entry entry;
	struct stat st;

	if (manifest_get(r->manifest, path, &entry))
		return 0;
	if (fstat(fd, &st) < 0)
		return write_error(e, errno, "looking at", path);
	entry = (struct manifest_entry){
		.kind = 'd',
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.mtime_sec = st.st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
		.path = path,
	};
	return manifest_add(r->manifest, &entry, e);
}

static int not_a_directory(struct err *e, const char *path)
{
	return err_set(e, ERR_TAR_LINK, ENOTDIR,
		       "%s is a link or no directory, and the archive writes below it",
		       show(path).text);
}

/* Opens name in parent, making it when wanted. A descriptor or -1 with the error. */
static int open_child(struct receiver *r, struct dir *parent, const char *name, const char *path,
		      bool make, struct err *e)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent->fd, name, flags);

	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(parent->fd, name, 0755) < 0)
			return write_error(e, errno, "making the directory", path);
		fd = openat(parent->fd, name, flags);
	}
	if (fd >= 0 && make && list_implied(r, fd, path, e) < 0) {
		close(fd);
		return -1;
	}
	if (fd >= 0)
		return fd;
	if (errno == ELOOP || errno == ENOTDIR)
		return not_a_directory(e, path);
	return write_error(e, errno, "opening the directory", path);
}

struct dir *dir_get_parent(struct receiver *r, const char *path, bool make, const char **ret_name,
			   struct err *e)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_LEN_MAX + 1];
	size_t len = slash ? (size_t)(slash - path) : 0;

	memcpy(parent, path, len);
	parent[len] = '\0';
	*ret_name = slash ? slash + 1 : path;
	return dir_get(r, parent, make, e);
}

/* Longest part of path whose directory is cached, with a reference; *ret_len bytes of it. NULL: none. */
static struct dir *cached_prefix(struct receiver *r, char *path, size_t *ret_len)
{
	size_t len = strlen(path);

	for (;;) {
		char saved = path[len];
		uint64_t hash;
		struct dir *d;

		path[len] = '\0';
		hash = path_hash(path);
		d = *slot_of(r, hash);
		if (d && d->hash == hash && strcmp(d->path, path) == 0) {
			path[len] = saved;
			atomic_fetch_add(&d->refs, 1);
			*ret_len = len;
			return d;
		}
		path[len] = saved;
		if (!len)
			return NULL;
		while (len && path[--len] != '/')
			;
	}
}

/* The root, when nothing is cached. */
static struct dir *get_root(struct receiver *r, struct err *e)
{
	int fd = fcntl(r->dest->fd, F_DUPFD_CLOEXEC, 0);
	struct dir *d = fd < 0 ? NULL : dir_keep(r, "", path_hash(""), fd);

	if (!d)
		err_set(e, ERR_NOMEM, fd < 0 ? errno : ENOMEM, "opening the tree");
	return d;
}

struct dir *dir_get(struct receiver *r, const char *path, bool make, struct err *e)
{
	char part[PATH_LEN_MAX + 1];
	size_t len = 0;
	struct dir *d;

	strcpy(part, path); /* paths are at most PATH_LEN_MAX long */
	d = cached_prefix(r, part, &len);
	if (!d)
		d = get_root(r, e);
	while (d && path[len]) {
		size_t start = len + (path[len] == '/');
		struct dir *child = NULL;
		int fd;

		len = start + strcspn(path + start, "/");
		part[len] = '\0';
		pool_wait_path(&r->pool, path_hash(part));
		fd = open_child(r, d, part + start, part, make, e);
		if (fd >= 0) {
			child = dir_keep(r, part, path_hash(part), fd);
			if (!child)
				err_set(e, ERR_NOMEM, 0, "%s", show(part).text);
		}
		part[len] = path[len];
		dir_put(d);
		d = child;
	}
	return d;
}

void dirs_forget(struct receiver *r, const char *path)
{
	size_t len = path ? strlen(path) : 0, i;

	for (i = 0; i < DIR_SLOTS; i++) {
		struct dir *d = r->dirs[i];

		if (!d || (path && (strncmp(d->path, path, len) != 0 ||
				    (d->path[len] && d->path[len] != '/'))))
			continue;
		dir_put(d);
		r->dirs[i] = NULL;
	}
}
