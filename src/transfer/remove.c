/* SPDX-License-Identifier: MIT */
#include "transfer/remove_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "transfer/dirs_priv.h"

bool flags_unlock(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)))
		return false;
	flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

bool is_mount_point(int dirfd, const char *name)
{
	struct statx sx;

	return statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) == 0 &&
	       sx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

int unlink_hard(int dirfd, const char *name, int flags)
{
	struct stat st;
	int fd;

	if (unlinkat(dirfd, name, flags) == 0)
		return 0;
	if (errno != EPERM || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		flags_unlock(fd);
		close(fd);
	}
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) { /* opening a device could do something */
		fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0) {
			flags_unlock(fd);
			close(fd);
		}
	}
	return unlinkat(dirfd, name, flags);
}

/* Unlinks what is no directory up to the first subdirectory, whose name it leaves, or "". 1: a mount point. */
static int empty_files(int fd, char *ret_subdir, size_t size)
{
	DIR *d cleanup_dir = fdopendir(fd);
	struct dirent *entry;

	*ret_subdir = '\0';
	if (!d) {
		close(fd);
		return -1;
	}
	while ((entry = readdir(d))) {
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (is_mount_point(dirfd(d), entry->d_name))
			return 1;
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -1;
		if (!S_ISDIR(st.st_mode)) {
			if (unlink_hard(dirfd(d), entry->d_name, 0) < 0)
				return -1;
		} else if (strlen(entry->d_name) >= size) {
			errno = ENAMETOOLONG;
			return -1;
		} else {
			/* Not read to the end: with many subdirectories that would be done for each of them. */
			strcpy(ret_subdir, entry->d_name);
			return 0;
		}
	}
	return 0;
}

/*
 * Walks down with a path instead of a stack of descriptors, so that a deep tree does not use them up. Each
 * directory is read again after one of its children went; the files are gone by then.
 */
static int remove_tree(int dirfd, const char *top)
{
	char path[PATH_MAX];
	size_t top_len = strlen(top);

	if (top_len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(path, top);
	for (;;) {
		char sub[NAME_MAX + 1];
		size_t len = strlen(path);
		int fd = open_strict(dirfd, path, O_RDONLY | O_DIRECTORY), rc;

		if (fd < 0)
			return -1;
		flags_unlock(fd);
		rc = empty_files(fd, sub, sizeof(sub)); /* takes fd */
		if (rc)
			return rc;
		if (*sub) {
			if (len + 1 + strlen(sub) >= sizeof(path)) {
				errno = ENAMETOOLONG;
				return -1;
			}
			path[len] = '/';
			strcpy(path + len + 1, sub);
			continue;
		}
		if (unlink_hard(dirfd, path, AT_REMOVEDIR) < 0)
			return errno == EBUSY ? 1 : -1;
		if (len == top_len)
			return 0;
		*strrchr(path, '/') = '\0';
	}
}

int remove_any(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (is_mount_point(dirfd, name))
		return 1;
	if (S_ISDIR(st.st_mode))
		return remove_tree(dirfd, name);
	return unlink_hard(dirfd, name, 0);
}
