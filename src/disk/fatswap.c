/* SPDX-License-Identifier: MIT */
#include "disk/fatswap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "disk/rawfs_priv.h"

#define ENTRY 32u
#define ATTRIBUTES 11u
#define NO_PLAIN_FILE 0x18 /* folder, volume label; a long name's part has the latter */
/* Behind the name, its attributes and its letter case: times, cluster and size. */
#define CONTENT_AT 13u
#define SECTOR_MAX 4096u

/* Where the two entries lie on the device. */
static int find_entries(const char *device, const char *dir, const char *const names[2],
			uint64_t ret[2], struct err *e)
{
	struct rawdisk d = RAWDISK_INIT;
	struct rawfs_node folder, n;
	struct raw_part whole = { 0 };
	struct rawfs *fs = NULL;
	int rc = -1, i;

	if (rawdisk_open(&d, device, e) < 0)
		return -1;
	whole.size_bytes = d.size_bytes;
	if (rawfs_open(&fs, &d, &whole, e) == 0 && rawfs_lookup(fs, dir, true, &folder, e) == 0)
		rc = rawfs_kind(fs) == RAWFS_FAT && S_ISDIR(folder.mode)
			     ? 0
			     : err_set(e, ERR_ESP, 0, "%s is no folder of a FAT", dir);
	for (i = 0; rc == 0 && i < 2; i++) {
		rc = rawfs_fat_entry_at(fs, &folder, names[i], &n, &ret[i], e);
		if (rc == 0 && !S_ISREG(n.mode))
			rc = err_set(e, ERR_ESP, 0, "%s/%s is no file", dir, names[i]);
	}
	rawfs_close(fs);
	rawdisk_close(&d);
	return rc;
}

/* O_EXCL on a device: nobody has it mounted. An image may lie where O_DIRECT is not to be had. */
static int open_device(const char *device, unsigned *ret_sector, struct err *e)
{
	int fd = open(device, O_RDWR | O_EXCL | O_DIRECT | O_CLOEXEC), size;
	struct stat st;

	*ret_sector = RAW_SECTOR;
	if (fd < 0 && errno == EINVAL && stat(device, &st) == 0 && S_ISREG(st.st_mode))
		fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_ESP, errno, "opening %s", device);
	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && ioctl(fd, BLKSSZGET, &size) == 0 &&
	    size > 0)
		*ret_sector = (unsigned)size;
	if (*ret_sector <= SECTOR_MAX)
		return fd;
	close(fd);
	return err_set(e, ERR_ESP, 0, "%s has sectors of %u bytes", device, *ret_sector);
}

static int read_sector(int fd, uint64_t at, uint8_t *buf, size_t len, struct err *e)
{
	ssize_t n = pread(fd, buf, len, (off_t)at);

	return n == (ssize_t)len ? 0 : err_set(e, ERR_ESP, n < 0 ? errno : EIO, "reading");
}

static int swap_in(int fd, uint64_t at, size_t len, const uint64_t entries[2], uint8_t *buf,
		   struct err *e)
{
	uint8_t *want = buf + SECTOR_MAX, kept[ENTRY], *a = want + (entries[0] - at),
		*b = want + (entries[1] - at);
	const size_t n = ENTRY - CONTENT_AT;

	if (read_sector(fd, at, want, len, e) < 0)
		return -1;
	if (a[ATTRIBUTES] & NO_PLAIN_FILE || b[ATTRIBUTES] & NO_PLAIN_FILE)
		return err_set(e, ERR_ESP, 0, "the folder changed meanwhile");
	memcpy(kept, a + CONTENT_AT, n);
	memcpy(a + CONTENT_AT, b + CONTENT_AT, n);
	memcpy(b + CONTENT_AT, kept, n);
	if (pwrite(fd, want, len, (off_t)at) != (ssize_t)len || fsync(fd) < 0)
		return err_set(e, ERR_ESP, errno, "writing");
	if (read_sector(fd, at, buf, len, e) < 0)
		return -1;
	if (memcmp(buf, want, len) != 0)
		return err_set(e, ERR_ESP, 0, "it does not read back as it was written");
	return 0;
}

int fat_swap(const char *device, const char *dir, const char *a, const char *b, struct err *e)
{
	const char *const names[2] = { a, b };
	uint64_t entries[2] = { 0, 0 }, at;
	int fd cleanup_fd = -1, rc;
	void *buf = NULL;
	unsigned sector;

	if (find_entries(device, dir, names, entries, e) < 0)
		return err_ctx(e, "looking for %s and %s in %s", a, b, dir);
	if (entries[0] / RAW_SECTOR != entries[1] / RAW_SECTOR || entries[0] == entries[1])
		return err_set(e, ERR_ESP, 0, "%s: the entries of %s and %s are not in one sector",
			       dir, a, b);
	fd = open_device(device, &sector, e);
	if (fd < 0)
		return -1;
	if (posix_memalign(&buf, SECTOR_MAX, 2 * (size_t)SECTOR_MAX) != 0)
		return err_set(e, ERR_NOMEM, 0, "%s", device);
	at = entries[0] / sector * sector;
	rc = swap_in(fd, at, sector, entries, buf, e);
	free(buf);
	return rc < 0 ? err_ctx(e, "exchanging %s and %s in %s of %s", a, b, dir, device) : 0;
}
