/* SPDX-License-Identifier: MIT */
#include "image/area.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/io.h"

#define AREA_NAME "etc/rehost/area"
#define MAGIC_AT 128
#define SIZE_AT 144
#define USED_AT 152
#define SUM_AT 160
#define ZERO_AT 192
#define CHUNK (256 * 1024)

static const char magic[16] = "REHOST-AREA-1\n";

static int sum_of(const uint8_t *area, size_t size, uint8_t ret[SHA256_LEN], struct err *e)
{
	static const uint8_t zeros[SHA256_LEN];
	struct sha256 *s = sha256_new();

	if (!s)
		return err_set(e, ERR_NOMEM, 0, "checksum");
	sha256_add(s, area, SUM_AT);
	sha256_add(s, zeros, sizeof(zeros));
	sha256_add(s, area + SUM_AT + SHA256_LEN, size - SUM_AT - SHA256_LEN);
	sha256_finish(s, ret);
	return 0;
}

/* The head of every area, with size, length and checksum still zero. */
static int make_head(struct strbuf *ret, struct err *e)
{
	uint8_t data[IMAGE_AREA_HEAD - MAGIC_AT] = { 0 };

	memcpy(data, magic, sizeof(magic));
	image_cpio_add(ret, AREA_NAME, data, sizeof(data));
	if (ret->failed)
		return err_set(e, ERR_NOMEM, 0, "image area");
	return 0;
}

int image_area_build(const struct image_content *c, size_t size, struct strbuf *ret, struct err *e)
{
	cleanup_strbuf struct strbuf area = STRBUF_INIT;
	size_t used;

	if (make_head(&area, e) < 0)
		return -1;
	image_content_pack(c, &area);
	used = area.len - IMAGE_AREA_HEAD;
	if (!size)
		size = (area.len + 511) & ~(size_t)511;
	if (area.len > size || size > IMAGE_AREA_MAX || size % 512)
		return err_set(e, ERR_IMAGE_FULL, 0, "%zu bytes, room for %zu", area.len, size);
	while (area.len < size && !area.failed) {
		static const char zeros[512];
		size_t more = size - area.len < sizeof(zeros) ? size - area.len : sizeof(zeros);

		strbuf_add(&area, zeros, more);
	}
	if (area.failed)
		return err_set(e, ERR_NOMEM, 0, "image area");
	put_le64((uint8_t *)area.data + SIZE_AT, size);
	put_le64((uint8_t *)area.data + USED_AT, used);
	if (sum_of((uint8_t *)area.data, size, (uint8_t *)area.data + SUM_AT, e) < 0)
		return -1;
	strbuf_add(ret, area.data, area.len);
	explicit_bzero(area.data, area.cap);
	return ret->failed ? err_set(e, ERR_NOMEM, 0, "image area") : 0;
}

bool image_area_begins(const uint8_t *data, uint64_t *ret_size)
{
	cleanup_strbuf struct strbuf head = STRBUF_INIT;

	/* The magic first: the whole image is looked through. */
	if (memcmp(data + MAGIC_AT, magic, sizeof(magic)) != 0 || make_head(&head, NULL) < 0 ||
	    memcmp(data, head.data, MAGIC_AT) != 0)
		return false;
	*ret_size = get_le64(data + SIZE_AT);
	return true;
}

static bool is_zero(const uint8_t *data, size_t from, size_t to)
{
	while (from < to && data[from] == 0)
		from++;
	return from == to;
}

int image_area_parse(struct image_content *ret, const uint8_t *data, size_t size, struct err *e)
{
	uint8_t sum[SHA256_LEN];
	uint64_t said, used;

	*ret = IMAGE_CONTENT_INIT;
	if (size < IMAGE_AREA_HEAD || size > IMAGE_AREA_MAX || size % 512 ||
	    !image_area_begins(data, &said) || said != size)
		return err_set(e, ERR_IMAGE_AREA, 0, "its beginning is damaged");
	used = get_le64(data + USED_AT);
	if (used > size - IMAGE_AREA_HEAD)
		return err_set(e, ERR_IMAGE_AREA, 0, "its length is wrong");
	if (sum_of(data, size, sum, e) < 0)
		return -1;
	if (memcmp(sum, data + SUM_AT, sizeof(sum)) != 0)
		return err_set(e, ERR_IMAGE_AREA, 0, "its checksum is wrong");
	if (!is_zero(data, ZERO_AT, IMAGE_AREA_HEAD) ||
	    !is_zero(data, IMAGE_AREA_HEAD + used, size))
		return err_set(e, ERR_IMAGE_AREA, 0, "there is something behind its end");
	return image_content_unpack(ret, data + IMAGE_AREA_HEAD, used, e);
}

/* Reads the area at offset whole. */
static int take_area(int fd, off_t offset, uint64_t size, struct image_area *ret,
		     struct image_content *content, struct err *e)
{
	cleanup_free uint8_t *data = NULL;
	ssize_t got;
	int rc;

	if (size < IMAGE_AREA_HEAD || size > IMAGE_AREA_MAX || size % 512)
		return err_set(e, ERR_IMAGE_AREA, 0, "its size is wrong");
	data = malloc(size);
	if (!data)
		return err_set(e, ERR_NOMEM, 0, "image area");
	got = pread_full(fd, data, size, offset);
	if (got < 0)
		return err_set(e, ERR_FILE, errno, "reading the area");
	if ((uint64_t)got < size)
		return err_set(e, ERR_IMAGE_AREA, 0, "it is cut off");
	rc = image_area_parse(content, data, size, e);
	explicit_bzero(data, size);
	if (rc == 0)
		*ret = (struct image_area){ offset, size };
	return rc;
}

static int find_area(int fd, uint8_t *chunk, struct image_area *ret, struct image_content *content,
		     struct err *e)
{
	off_t at = 0;
	ssize_t got;

	while ((got = pread_full(fd, chunk, CHUNK, at)) > 0) {
		for (ssize_t i = 0; i + IMAGE_AREA_HEAD <= got; i += 512) {
			uint64_t size;

			if (!image_area_begins(chunk + i, &size))
				continue;
			if (ret->offset >= 0)
				return err_set(e, ERR_IMAGE_AREA, 0, "there are two of them");
			if (take_area(fd, at + i, size, ret, content, e) < 0)
				return -1;
		}
		at += got;
	}
	return got < 0 ? err_set(e, ERR_FILE, errno, "reading the image") : 0;
}

int image_area_find(int fd, struct image_area *ret, struct image_content *content, struct err *e)
{
	cleanup_free uint8_t *chunk = malloc(CHUNK);
	int rc;

	*ret = (struct image_area){ .offset = -1 };
	*content = IMAGE_CONTENT_INIT;
	if (!chunk)
		return err_set(e, ERR_NOMEM, 0, "image");
	rc = find_area(fd, chunk, ret, content, e);
	if (rc < 0)
		image_content_done(content);
	return rc;
}
