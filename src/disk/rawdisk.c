/* SPDX-License-Identifier: MIT */
#include "disk/rawdisk.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/io.h"

#define ESP_GUID "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

static int find_size(struct rawdisk *d, struct err *e)
{
	struct stat st;

	if (fstat(d->fd, &st) < 0)
		return err_set(e, ERR_DISK_READ, errno, "%s", d->path);
	if (S_ISREG(st.st_mode)) {
		d->size_bytes = (uint64_t)st.st_size;
		return 0;
	}
	if (!S_ISBLK(st.st_mode))
		return err_set(e, ERR_DISK_READ, 0, "%s is neither a disk nor an image file",
			       d->path);
	if (ioctl(d->fd, BLKGETSIZE64, &d->size_bytes) < 0)
		return err_set(e, ERR_DISK_READ, errno, "%s: size", d->path);
	/* A partition's pages are not the disk's: old ones would be read. Dropping clean ones is harmless. */
	if (posix_fadvise(d->fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		return err_set(e, ERR_DISK_READ, 0, "%s: its cache cannot be dropped", d->path);
	return 0;
}

static void take_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static bool take_part(struct rawdisk *d, blkid_partition from)
{
	struct raw_part *p = &d->parts[d->part_count];
	blkid_loff_t start = blkid_partition_get_start(from);
	blkid_loff_t size = blkid_partition_get_size(from);
	int number = blkid_partition_get_partno(from);

	/* An extended partition holds others and no file system. */
	if (number <= 0 || start <= 0 || size <= 0 || blkid_partition_is_extended(from) ||
	    (uint64_t)start >= d->size_bytes / RAW_SECTOR ||
	    (uint64_t)size > d->size_bytes / RAW_SECTOR - (uint64_t)start)
		return false;
	*p = (struct raw_part){ .number = (unsigned)number,
				.start_bytes = (uint64_t)start * RAW_SECTOR,
				.size_bytes = (uint64_t)size * RAW_SECTOR };
	if (blkid_partition_get_type_string(from))
		take_text(p->type, sizeof(p->type), blkid_partition_get_type_string(from));
	else
		snprintf(p->type, sizeof(p->type), "0x%02x",
			 (unsigned)blkid_partition_get_type(from));
	take_text(p->uuid, sizeof(p->uuid), blkid_partition_get_uuid(from));
	d->part_count++;
	return true;
}

static int read_table(struct rawdisk *d, blkid_probe pr, struct err *e)
{
	blkid_partlist list;
	blkid_parttable table;
	int i, count;

	if (blkid_probe_set_device(pr, d->fd, 0, (blkid_loff_t)d->size_bytes) != 0)
		return err_set(e, ERR_DISK_READ, errno, "%s", d->path);
	blkid_probe_enable_superblocks(pr, 0);
	blkid_probe_enable_partitions(pr, 1);
	list = blkid_probe_get_partitions(pr);
	count = list ? blkid_partlist_numof_partitions(list) : 0;
	table = list ? blkid_partlist_get_table(list) : NULL;
	d->is_gpt = table && strcmp(blkid_parttable_get_type(table), "gpt") == 0;
	d->parts = calloc(RAW_PARTS_MAX, sizeof(*d->parts));
	if (!d->parts)
		return err_set(e, ERR_NOMEM, 0, "partition table");
	for (i = 0; table && i < count && d->part_count < RAW_PARTS_MAX; i++)
		take_part(d, blkid_partlist_get_partition(list, i));
	if (!table) {
		d->parts[0].size_bytes = d->size_bytes;
		d->part_count = 1;
	}
	return 0;
}

int rawdisk_open(struct rawdisk *ret, const char *path, struct err *e)
{
	struct rawdisk d = { .fd = open(path, O_RDONLY | O_CLOEXEC), .path = strdup(path) };
	blkid_probe pr = NULL;
	int rc = -1;

	if (d.fd < 0)
		err_set(e, ERR_DISK_READ, errno, "%s", path);
	else if (!d.path || !(pr = blkid_new_probe()))
		err_set(e, ERR_NOMEM, 0, "%s", path);
	else if (find_size(&d, e) == 0)
		rc = read_table(&d, pr, e);
	blkid_free_probe(pr);
	if (rc < 0)
		rawdisk_close(&d);
	else
		*ret = d;
	return rc;
}

void rawdisk_close(struct rawdisk *d)
{
	if (d->fd >= 0)
		close(d->fd);
	free(d->path);
	free(d->parts);
	*d = RAWDISK_INIT;
}

int rawdisk_read(const struct rawdisk *d, uint64_t at, void *buf, size_t len, struct err *e)
{
	ssize_t n;

	if (at > d->size_bytes || len > d->size_bytes - at)
		return err_set(e, ERR_DISK_READ, 0, "%zu bytes at %llu lie outside the disk", len,
			       (unsigned long long)at);
	n = pread_full(d->fd, buf, len, (off_t)at);
	if (n < 0 || (size_t)n != len)
		return err_set(e, ERR_DISK_READ, n < 0 ? errno : EIO, "%zu bytes at %llu", len,
			       (unsigned long long)at);
	return 0;
}

bool raw_part_is_esp(const struct raw_part *p)
{
	return strcasecmp(p->type, ESP_GUID) == 0 || strcasecmp(p->type, "0xef") == 0;
}
