/* SPDX-License-Identifier: MIT */
/* Writing: what is to be started is proved to be there before sector 0 points to it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/io.h"
#include "disk/bootarea.h"

#define SECTOR 512u

/* What lies on the disk now, past every cache; falls back where O_DIRECT is not possible. */
static int read_back(const char *path, uint64_t lba, const struct strbuf *want, struct err *e)
{
	int fd cleanup_fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	void *buf = NULL;
	ssize_t n;
	int rc;

	if (fd < 0 && errno == EINVAL) /* an image file on tmpfs */
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_DISK_READ, errno, "%s", path);
	if (posix_memalign(&buf, 4096, want->len) != 0)
		return err_set(e, ERR_NOMEM, 0, "reading back the boot area");
	n = pread(fd, buf, want->len, (off_t)(lba * SECTOR));
	if (n != (ssize_t)want->len)
		rc = err_set(e, ERR_DISK_READ, n < 0 ? errno : EIO, "%s: sector %llu", path,
			     (unsigned long long)lba);
	else if (memcmp(buf, want->data, want->len) != 0)
		rc = err_set(e, ERR_BOOTAREA_VERIFY, 0, "%s: sector %llu and following", path,
			     (unsigned long long)lba);
	else
		rc = 0;
	free(buf);
	return rc;
}

static int write_flushed(int fd, const char *path, uint64_t lba, const struct strbuf *data,
			 struct err *e)
{
	if (pwrite_all(fd, data->data, data->len, (off_t)(lba * SECTOR)) < 0 || fsync(fd) < 0)
		return err_set(e, errno == EROFS || errno == EPERM ? ERR_DISK_READ_ONLY : ERR_FILE,
			       errno, "%s: writing sector %llu", path, (unsigned long long)lba);
	ioctl(fd, BLKFLSBUF, 0); /* not a block device: nothing to drop */
	return 0;
}

/* The table on the disk must be the one the area was made for: else this is another disk. */
static int check_same_table(int fd, const char *path, const struct bootarea *a, struct err *e)
{
	uint8_t now[SECTOR];

	if (pread_full(fd, now, sizeof(now), 0) != (ssize_t)sizeof(now))
		return err_set(e, ERR_DISK_READ, errno, "reading %s", path);
	if (memcmp(now + 0x1b8, a->sector0.data + 0x1b8, SECTOR - 0x1b8) != 0)
		return err_set(e, ERR_TABLE, 0,
			       "%s: the partition table is not the one this boot area belongs to",
			       path);
	return 0;
}

static int write_and_prove(int fd, const char *path, uint64_t lba, const struct strbuf *data,
			   struct err *e)
{
	return write_flushed(fd, path, lba, data, e) < 0 ? -1 : read_back(path, lba, data, e);
}

static int open_for(const struct bootarea *a, const char *path, struct err *e)
{
	int fd cleanup_fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno == EROFS || errno == EACCES ? ERR_DISK_READ_ONLY : ERR_FILE,
			       errno, "%s", path);
	return check_same_table(fd, path, a, e) < 0 ? -1 : fd_take(&fd);
}

int bootarea_write(const struct bootarea *a, const char *disk_path, struct err *e)
{
	int fd cleanup_fd = -1;

	if (a->sector0.len != SECTOR || a->embed_lba == 0 || a->embed.len == 0 ||
	    a->embed.len != a->embed_sectors * SECTOR)
		return err_set(e, ERR_INTERNAL, 0, "boot area of %zu+%zu bytes", a->sector0.len,
			       a->embed.len);
	fd = open_for(a, disk_path, e);
	if (fd < 0)
		return -1;
	/* The core first, and proved to be there: sector 0 is what makes it count. */
	if (write_and_prove(fd, disk_path, a->embed_lba, &a->embed, e) < 0)
		return -1;
	return write_and_prove(fd, disk_path, 0, &a->sector0, e);
}

int bootarea_write_part(const struct bootarea *a, const char *disk_path, uint64_t lba,
			const struct strbuf *data, struct err *e)
{
	uint64_t sectors = data->len / SECTOR;
	int fd cleanup_fd = -1;

	if (data->len == 0 || data->len % SECTOR || lba < a->embed_lba ||
	    lba - a->embed_lba > a->embed_sectors ||
	    sectors > a->embed_sectors - (lba - a->embed_lba))
		return err_set(e, ERR_INTERNAL, 0, "%zu bytes at sector %llu", data->len,
			       (unsigned long long)lba);
	fd = open_for(a, disk_path, e);
	return fd < 0 ? -1 : write_and_prove(fd, disk_path, lba, data, e);
}

int bootarea_write_sector0(const struct bootarea *a, const char *disk_path, struct err *e)
{
	int fd cleanup_fd = -1;

	if (a->sector0.len != SECTOR)
		return err_set(e, ERR_INTERNAL, 0, "sector 0 of %zu bytes", a->sector0.len);
	fd = open_for(a, disk_path, e);
	return fd < 0 ? -1 : write_and_prove(fd, disk_path, 0, &a->sector0, e);
}
