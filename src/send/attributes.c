/* SPDX-License-Identifier: MIT */
/* What an entry has beside its stat: xattrs, inode flags, holes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "send/send_priv.h"

#define XATTR_MAX 65536 /* xattr(7): list and value */
#define EXTENTS_MAX 65536

/* Those that chattr(1) sets and that mean something on another machine. */
#define FLAGS_CARRIED \
	(FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | \
	 FS_NODUMP_FL | FS_NOATIME_FL | FS_NOTAIL_FL | FS_DIRSYNC_FL | FS_TOPDIR_FL | FS_NOCOW_FL)

/* ---- xattrs ---- */

struct source {
	int fd;		  /* -1: path */
	const char *path; /* not followed */
};

static ssize_t list(const struct source *s, char *buf, size_t size)
{
	return s->fd >= 0 ? flistxattr(s->fd, buf, size) : llistxattr(s->path, buf, size);
}

static ssize_t get(const struct source *s, const char *name, void *buf, size_t size)
{
	return s->fd >= 0 ? fgetxattr(s->fd, name, buf, size) : lgetxattr(s->path, name, buf, size);
}

static void read_xattrs(struct item *i, const struct source *s)
{
	static _Thread_local char names[XATTR_MAX], value[XATTR_MAX];
	ssize_t len = list(s, names, sizeof(names));

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t n = get(s, names + at, value, sizeof(value));

		if (n >= 0) /* gone meanwhile, or one that only its owner's programs may read */
			tar_member_xattr(&i->xattrs, names + at, value, (size_t)n);
	}
}

void read_attributes(struct item *i, int fd)
{
	int flags = 0;

	read_xattrs(i, &(struct source){ fd, NULL });
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0)
		i->flags = (unsigned)flags & FLAGS_CARRIED;
}

void read_attributes_at(struct item *i, int dirfd, const char *name)
{
	char path[300];

	if ((size_t)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name) < sizeof(path))
		read_xattrs(i, &(struct source){ -1, path });
}

/* ---- holes ---- */

static int add_extent(struct item *i, off_t from, off_t to)
{
	struct tar_extent *grown;

	if (i->nextents % 64 == 0) {
		grown = reallocarray(i->extents, i->nextents + 64, sizeof(*grown));
		if (!grown)
			return -1;
		i->extents = grown;
	}
	i->extents[i->nextents++] = (struct tar_extent){ (uint64_t)from, (uint64_t)(to - from) };
	return 0;
}

/* A file in more pieces than that, or one whose file system cannot tell, is sent whole. */
void read_extents(struct item *i, int fd)
{
	off_t size = i->st.st_size, at = 0;
	bool is_whole = true;

	while (at < size) {
		off_t from = lseek(fd, at, SEEK_DATA), to;

		if (from < 0 && errno == ENXIO) { /* a hole up to the end */
			is_whole = false;
			break;
		}
		to = from < 0 ? -1 : lseek(fd, from, SEEK_HOLE);
		if (to <= from || i->nextents == EXTENTS_MAX ||
		    add_extent(i, from, to < size ? to : size) < 0)
			goto whole;
		is_whole &= from == at;
		at = to;
	}
	/* all of it a hole: one empty stretch at the end says so */
	if (!is_whole && (i->nextents || add_extent(i, size, size) == 0))
		return;
whole:
	free(i->extents);
	i->extents = NULL;
	i->nextents = 0;
}
