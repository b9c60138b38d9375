/* SPDX-License-Identifier: MIT */
#include "disk/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk/rawdisk.h"
#include "disk/scan_priv.h"

#define TRIES 16 /* others may take the free loop device before us */

/* What a mount elsewhere changes under us would be nonsense, and a second mount of it may be worse. */
static int refuse_used(const char *path, struct err *e)
{
	struct stat st;
	int fd;

	if (stat(path, &st) < 0)
		return err_set(e, ERR_DISK_READ, errno, "%s", path);
	if (!S_ISBLK(st.st_mode))
		return S_ISREG(st.st_mode) ? 0
					   : err_set(e, ERR_DISK_READ, ENOTBLK,
						     "%s is no disk, file or folder", path);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == EBUSY ? ERR_DISK_IN_USE : ERR_DISK_READ, errno, "%s",
			       path);
	close(fd);
	return 0;
}

/* Kernels before 5.8 have no LOOP_CONFIGURE. */
static int configure(int loop, const struct loop_config *c)
{
	struct loop_info64 info = c->info;

	if (ioctl(loop, LOOP_CONFIGURE, c) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOTTY)
		return -1;
	if (ioctl(loop, LOOP_SET_FD, c->fd) < 0)
		return -1;
	if (ioctl(loop, LOOP_SET_STATUS64, &info) == 0)
		return 0;
	ioctl(loop, LOOP_CLR_FD);
	return -1;
}

/* A read-only loop device over len bytes of fd; its path into buf. Returns it open, or -1. */
static int attach(int fd, uint64_t start, uint64_t len, char *buf, size_t size, struct err *e)
{
	int control cleanup_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config c = { .fd = (uint32_t)fd,
				 .info = { .lo_offset = start,
					   .lo_sizelimit = len,
					   .lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR } };
	int i;

	for (i = 0; i < TRIES && control >= 0; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), loop;

		if (number < 0)
			break;
		snprintf(buf, size, "/dev/loop%d", number);
		loop = open(buf, O_RDONLY | O_CLOEXEC);
		if (loop < 0)
			break;
		if (configure(loop, &c) == 0)
			return loop;
		close(loop);
		if (errno != EBUSY)
			break;
	}
	return err_set(e, ERR_DISK_READ, errno, "a loop device for looking at it");
}

static int add_volume(struct disk_image *i, const struct rawdisk *d, const struct raw_part *p,
		      struct err *e)
{
	struct volume *v = scan_add_volume(&i->scan, e);
	char path[64];
	struct stat st;
	int *grown, fd;

	if (!v)
		return -1;
	grown = reallocarray(i->fds, i->fd_count + 1, sizeof(*grown));
	if (!grown)
		return err_set(e, ERR_NOMEM, 0, "list of partitions");
	i->fds = grown;
	fd = attach(d->fd, p->start_bytes, p->size_bytes, path, sizeof(path), e);
	if (fd < 0)
		return -1;
	i->fds[i->fd_count++] = fd;
	v->path = strdup(path);
	v->partuuid = p->uuid[0] ? strdup(p->uuid) : NULL;
	v->part_type = p->type[0] ? strdup(p->type) : NULL;
	v->partno = p->number;
	v->start_bytes = p->start_bytes;
	v->size_bytes = p->size_bytes;
	if (fstat(fd, &st) == 0) {
		v->major = major(st.st_rdev);
		v->minor = minor(st.st_rdev);
	}
	if (!v->path)
		return err_set(e, ERR_NOMEM, 0, "list of partitions");
	scan_content(v);
	return 0;
}

int disk_image_open(struct disk_image *ret, const char *path, struct err *e)
{
	struct rawdisk d = RAWDISK_INIT;
	struct disk *disk;
	unsigned i;
	int rc = 0;

	*ret = (struct disk_image){ 0 };
	if (refuse_used(path, e) < 0 || rawdisk_open(&d, path, e) < 0)
		return -1;
	disk = calloc(1, sizeof(*disk));
	if (!disk || !(disk->path = strdup(path)))
		rc = err_set(e, ERR_NOMEM, 0, "%s", path);
	ret->scan.disks = disk;
	ret->scan.disk_count = disk ? 1 : 0;
	if (rc == 0) {
		disk->size_bytes = d.size_bytes;
		disk->is_read_only = true;
		disk->sector_bytes = RAW_SECTOR;
		if (d.part_count && d.parts[0].number)
			disk->table = strdup(d.is_gpt ? "gpt" : "dos");
	}
	for (i = 0; i < d.part_count && rc == 0; i++)
		rc = add_volume(ret, &d, &d.parts[i], e);
	rawdisk_close(&d);
	if (rc < 0)
		disk_image_close(ret);
	return rc < 0 ? err_ctx(e, "looking at %s", path) : 0;
}

void disk_image_close(struct disk_image *i)
{
	unsigned n;

	disk_scan_done(&i->scan);
	for (n = 0; n < i->fd_count; n++)
		close(i->fds[n]);
	free(i->fds);
	*i = (struct disk_image){ 0 };
}
