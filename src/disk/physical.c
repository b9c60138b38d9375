/* SPDX-License-Identifier: MIT */
#include "disk/physical.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/str.h"

#define PAGE 4096u
#define NOT_IN_PLACE \
	(FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | \
	 FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL | \
	 FIEMAP_EXTENT_UNWRITTEN)

/* The device node of a file system by sysfs; -1 with errno when there is none. */
static int open_device(dev_t dev)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	char path[300];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/uevent", major(dev), minor(dev));
	errno = ENODEV;
	if (file_slurp(path, &text, 4096, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return -1;
	for (size_t i = 0; i < lines.count; i++) {
		if (!str_starts(lines.items[i], "DEVNAME="))
			continue;
		snprintf(path, sizeof(path), "/dev/%.200s", lines.items[i] + 8);
		fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (fd < 0)
			return -1;
		if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev)
			return fd;
		close(fd);
		break;
	}
	errno = ENODEV;
	return -1;
}

/* Where the first len bytes lie; *ret UINT64_MAX: the file system cannot say. */
static int find_place(int fd, size_t len, uint64_t *ret, struct err *e)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} u = { .map = { .fm_length = len, .fm_flags = FIEMAP_FLAG_SYNC, .fm_extent_count = 1 } };
	const struct fiemap_extent *x = (const void *)(u.room + sizeof(struct fiemap));

	*ret = UINT64_MAX;
	if (ioctl(fd, FS_IOC_FIEMAP, &u.map) < 0)
		return errno == EOPNOTSUPP || errno == ENOTTY
			       ? 0
			       : err_set(e, ERR_PHYSICAL, errno, "asking where it lies");
	if (u.map.fm_mapped_extents != 1 || x->fe_logical != 0 || x->fe_length < len ||
	    x->fe_flags & NOT_IN_PLACE || x->fe_physical % 512)
		return err_set(e, ERR_PHYSICAL, 0, "it has %u pieces, flags 0x%x",
			       u.map.fm_mapped_extents, x->fe_flags);
	*ret = x->fe_physical;
	return 0;
}

static int read_direct(int fd, uint64_t at, void *ret, size_t len, struct err *e)
{
	uint64_t base = at - at % PAGE;
	size_t want = (size_t)((at - base + len + PAGE - 1) / PAGE * PAGE);
	char *buf = NULL;
	ssize_t n;

	if (posix_memalign((void **)&buf, PAGE, want) != 0)
		return err_set(e, ERR_NOMEM, 0, "reading back");
	n = pread(fd, buf, want, (off_t)base);
	if (n >= (ssize_t)(at - base + len))
		memcpy(ret, buf + (at - base), len);
	else
		err_set(e, ERR_DISK_READ, n < 0 ? errno : EIO, "reading back");
	free(buf);
	return n >= (ssize_t)(at - base + len) ? 0 : -1;
}

int physical_read(int fd, void *ret, size_t len, struct err *e)
{
	int dev cleanup_fd = -1;
	uint64_t at = UINT64_MAX;
	struct stat st;
	ssize_t n;

	if (len > PAGE || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_INTERNAL, errno, "reading back %zu bytes", len);
	dev = open_device(st.st_dev);
	if (dev >= 0 && find_place(fd, len, &at, e) < 0)
		return -1;
	if (dev >= 0 && at != UINT64_MAX)
		return read_direct(dev, at, ret, len, e);
	n = pread_full(fd, ret, len, 0);
	if (n != (ssize_t)len)
		return err_set(e, ERR_DISK_READ, n < 0 ? errno : EIO, "reading back");
	return 0;
}
