/* SPDX-License-Identifier: MIT */
#include "image/customize.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/io.h"

#define HEAD_LEN 65536
#define ISO_MARK_AT 0x8001
#define PE_AT 0x3c
#define PE_SECURITY_DIRECTORY 4
#define COPY_CHUNK (1024 * 1024)

const char *image_kind_name(enum image_kind kind)
{
	static const char *const names[] = { [IMAGE_ISO] = "ISO image",
					     [IMAGE_DISK] = "disk image",
					     [IMAGE_UKI] = "unified kernel image",
					     [IMAGE_AREA] = "archive for network boot",
					     [IMAGE_INITRD] = "initramfs" };

	return names[kind];
}

static bool has(const uint8_t *head, size_t len, size_t at, const void *want, size_t n)
{
	return at <= len && n <= len - at && memcmp(head + at, want, n) == 0;
}

/* Microsoft's PE format: 24 bytes of signature and file header, then the optional header of PE32+. */
static int check_pe(const uint8_t *head, size_t len, struct err *e)
{
	uint32_t pe, directory;

	if (len < PE_AT + 4)
		return err_set(e, ERR_IMAGE_KIND, 0, "cut off");
	pe = get_le32(head + PE_AT);
	if (pe > len - 24 || !has(head, len, pe, "PE\0", 4) ||
	    !has(head, len, pe + 24, "\x0b\x02", 2))
		return err_set(e, ERR_IMAGE_KIND, 0, "a program, but not for 64-bit UEFI");
	directory = pe + 24 + 112 + PE_SECURITY_DIRECTORY * 8;
	if (directory + 8 > len)
		return err_set(e, ERR_IMAGE_KIND, 0, "cut off");
	if (get_le32(head + directory) || get_le32(head + directory + 4))
		return err_set(e, ERR_IMAGE_SIGNED, 0, "it carries a signature");
	return 0;
}

int image_kind_of(const uint8_t *head, size_t len, enum image_kind *ret, struct err *e)
{
	/* What the kernel unpacks: newc, zstd, gzip, xz, lz4 (legacy), bzip2. */
	static const struct {
		const char *bytes;
		size_t len;
	} archives[] = { { "070701", 6 },
			 { "\x28\xb5\x2f\xfd", 4 },
			 { "\x1f\x8b", 2 },
			 { "\xfd"
			   "7zXZ",
			   5 },
			 { "\x02\x21\x4c\x18", 4 },
			 { "BZh", 3 } };
	uint64_t size;

	if (has(head, len, ISO_MARK_AT, "CD001", 5))
		*ret = IMAGE_ISO;
	else if (has(head, len, 512, "EFI PART", 8))
		*ret = IMAGE_DISK;
	else if (len >= IMAGE_AREA_HEAD && image_area_begins(head, &size))
		*ret = IMAGE_AREA;
	else if (has(head, len, 0, "MZ", 2)) {
		*ret = IMAGE_UKI;
		return check_pe(head, len, e);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(archives); i++)
			if (has(head, len, 0, archives[i].bytes, archives[i].len)) {
				*ret = IMAGE_INITRD;
				return 0;
			}
		return err_set(e, ERR_IMAGE_KIND, 0, "its first bytes are of no image known here");
	}
	return 0;
}

void image_close(struct image *i)
{
	if (i->fd >= 0)
		close(i->fd);
	image_content_done(&i->content);
	*i = IMAGE_INIT;
}

static int look_at(struct image *i, struct err *e)
{
	cleanup_free uint8_t *head = malloc(HEAD_LEN);
	ssize_t got;

	if (!head)
		return err_set(e, ERR_NOMEM, 0, "image");
	got = pread_full(i->fd, head, HEAD_LEN, 0);
	if (got < 0)
		return err_set(e, ERR_FILE, errno, "reading");
	if (image_kind_of(head, (size_t)got, &i->kind, e) < 0 ||
	    image_area_find(i->fd, &i->area, &i->content, e) < 0)
		return -1;
	if (i->kind == IMAGE_INITRD) {
		/* Only an area at the very end was put there by us and can be replaced by one of another size. */
		if (i->area.offset >= 0 && i->area.offset + (off_t)i->area.size != i->size)
			return err_set(e, ERR_IMAGE_AREA, 0, "it is followed by something else");
		return 0;
	}
	if (i->area.offset < 0)
		return err_set(e, ERR_IMAGE_AREA, 0, "there is none");
	return 0;
}

int image_open(struct image *ret, const char *path, struct err *e)
{
	struct stat st;

	*ret = IMAGE_INIT;
	snprintf(ret->path, sizeof(ret->path), "%s%s", path,
		 stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? "/custom.cpio" : "");
	ret->fd = open(ret->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return err_set(e, ERR_FILE, errno, "%s", ret->path);
	ret->size = st.st_size;
	if (!S_ISREG(st.st_mode))
		err_set(e, ERR_IMAGE_KIND, 0, "not a file");
	else if (look_at(ret, e) == 0)
		return 0;
	err_ctx(e, "%s", ret->path);
	image_close(ret);
	return -1;
}

static int copy_bytes(int to, int from, off_t begin, off_t end, struct err *e)
{
	cleanup_free uint8_t *chunk = malloc(COPY_CHUNK);

	if (!chunk)
		return err_set(e, ERR_NOMEM, 0, "image");
	while (begin < end) {
		size_t want = end - begin < COPY_CHUNK ? (size_t)(end - begin) : COPY_CHUNK;
		ssize_t got = pread_full(from, chunk, want, begin);

		if (got < 0 || (size_t)got != want)
			return err_set(e, ERR_FILE, got < 0 ? errno : 0, "reading the image");
		if (write_all(to, chunk, want) < 0)
			return err_set(e, ERR_FILE, errno, "writing the new image");
		begin += got;
	}
	return 0;
}

/* Everything before the area, the area, everything behind it. */
static int compose(const struct image *i, const struct image_content *c, int to, struct err *e)
{
	static const uint8_t zeros[512];
	cleanup_strbuf struct strbuf area = STRBUF_INIT;
	off_t begin = i->area.offset, end = i->area.offset + (off_t)i->area.size;
	int rc;

	if (i->kind == IMAGE_INITRD) {
		begin = begin < 0 ? i->size : begin;
		end = i->size;
	}
	if (image_area_build(c, i->kind == IMAGE_INITRD ? 0 : i->area.size, &area, e) < 0 ||
	    copy_bytes(to, i->fd, 0, begin, e) < 0)
		return -1;
	rc = begin % 512 ? write_all(to, zeros, 512 - (size_t)(begin % 512)) : 0;
	if (rc == 0)
		rc = write_all(to, area.data, area.len);
	if (rc < 0)
		err_set(e, ERR_FILE, errno, "writing the new image");
	explicit_bzero(area.data, area.cap);
	return rc < 0 ? -1 : copy_bytes(to, i->fd, end, i->size, e);
}

static int sync_folder(const char *path, struct err *e)
{
	char copy[4200];
	int fd cleanup_fd = -1;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_set(e, ERR_FILE, errno, "syncing the folder of %s", path);
	return 0;
}

int image_write(const struct image *i, const struct image_content *c, const char *output,
		struct err *e)
{
	char path[4096], temporary[4120];
	struct stat st;
	mode_t mode;
	int fd cleanup_fd = -1;

	snprintf(path, sizeof(path), "%s", output ? output : i->path);
	if (fstat(i->fd, &st) < 0)
		return err_set(e, ERR_FILE, errno, "%s", i->path);
	mode = st.st_mode & 0777;
	if (c->host_ed25519.len || c->host_rsa.len)
		mode &= 0600;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, ERR_FILE, 0, "%s exists and is not a file", path);
	snprintf(temporary, sizeof(temporary), "%s.new-XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", temporary);
	if (compose(i, c, fd, e) == 0) {
		if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0)
			err_set(e, ERR_FILE, errno, "%s", path);
		else
			return sync_folder(path, e);
	}
	unlink(temporary);
	return -1;
}
