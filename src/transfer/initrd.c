/* SPDX-License-Identifier: MIT */
#include "transfer/initrd.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/io.h"

#define BUF_SIZE 65536
#define NAME_SIZE_MAX 4096
#define CONTENT_MAX ((uint32_t)1 << 20)
#define ENTRIES_MAX 1000000u
#define TOTAL_MAX ((uint64_t)8 << 30) /* decompressed bytes, against bombs */
#define HEADER_LEN 110		      /* newc: magic and 13 numbers of 8 hex digits */
#define FIELD_FILESIZE 6
#define FIELD_NAMESIZE 11

/* A stream of bytes: the image itself, or what libarchive decompresses from a part of it. */
struct source {
	int fd;
	off_t pos;	   /* next offset to read in the image */
	struct archive *a; /* NULL: the image itself */
	unsigned char buf[BUF_SIZE];
	const unsigned char *next; /* into buf or into libarchive's buffer */
	size_t avail;
	uint64_t total;
};

struct walk {
	int (*want)(void *arg, const char *path);
	int (*file)(void *arg, const struct initrd_file *entry);
	void *arg;
	uint32_t entries;
	int stopped; /* what the file callback returned */
	struct err *e;
};

static int damaged(struct walk *w, const struct source *s, const char *what)
{
	return err_set(w->e, ERR_INITRD, 0, "%s, %" PRIu64 " bytes into %s", what, s->total,
		       s->a ? "its compressed part" : "it");
}

/* Makes at least one byte available. 1, 0 at the end, -1 with the error set. */
static int fill(struct walk *w, struct source *s)
{
	const void *block;
	la_int64_t offset;
	ssize_t n;
	int rc;

	if (s->avail)
		return 1;
	if (s->total > TOTAL_MAX)
		return err_set(w->e, ERR_INITRD, 0, "more than %" PRIu64 " GB decompressed",
			       TOTAL_MAX >> 30);
	if (!s->a) {
		n = pread_full(s->fd, s->buf, sizeof(s->buf), s->pos);
		if (n < 0)
			return err_set(w->e, ERR_FILE, errno, "reading an initramfs");
		s->pos += n;
		s->next = s->buf;
		s->avail = (size_t)n;
		return n > 0;
	}
	do {
		rc = archive_read_data_block(s->a, &block, &s->avail, &offset);
		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK)
			return err_set(w->e, ERR_INITRD, 0, "%s", archive_error_string(s->a));
	} while (!s->avail);
	s->next = block;
	return 1;
}

/* Takes exactly len bytes; ret NULL skips them. */
static int take(struct walk *w, struct source *s, void *ret, size_t len)
{
	unsigned char *p = ret;

	while (len) {
		int rc = fill(w, s);
		size_t n;

		if (rc < 0)
			return -1;
		if (rc == 0)
			return damaged(w, s, "the image ends too early");
		n = s->avail < len ? s->avail : len;
		if (p) {
			memcpy(p, s->next, n);
			p += n;
		}
		s->next += n;
		s->avail -= n;
		s->total += n;
		len -= n;
	}
	return 0;
}

static int skip_zeros(struct walk *w, struct source *s)
{
	int rc;

	while ((rc = fill(w, s)) > 0 && !*s->next) {
		s->next++;
		s->avail--;
		s->total++;
	}
	return rc;
}

/* The n-th number behind the magic. -1: not eight hex digits. */
static int64_t header_field(const char *header, unsigned n)
{
	const char *p = header + 6 + (size_t)8 * n;
	int64_t v = 0;
	int i;

	for (i = 0; i < 8; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v * 16 + ((c | 32) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static size_t pad4(uint64_t len)
{
	return (size_t)(-len & 3);
}

static int give_file(struct walk *w, struct source *s, const char *path, uint32_t size)
{
	struct initrd_file entry = { .path = path, .len = size };
	void *data cleanup_free = NULL;

	if (size <= CONTENT_MAX && w->want && w->want(w->arg, path)) {
		data = malloc(size ? size : 1);
		if (!data)
			return err_set(w->e, ERR_NOMEM, 0, "reading an initramfs");
		entry.data = data;
	}
	if (take(w, s, data, size) < 0 || take(w, s, NULL, pad4(size)) < 0)
		return -1;
	w->stopped = w->file(w->arg, &entry);
	return w->stopped ? 1 : 0;
}

/* One archive up to its trailer. 0, 1 stopped, -1. */
static int walk_archive(struct walk *w, struct source *s)
{
	char header[HEADER_LEN], name[NAME_SIZE_MAX];

	for (;;) {
		int64_t size, name_size;
		const char *path = name;
		int rc;

		if (take(w, s, header, sizeof(header)) < 0)
			return -1;
		size = header_field(header, FIELD_FILESIZE);
		name_size = header_field(header, FIELD_NAMESIZE);
		if ((memcmp(header, "070701", 6) != 0 && memcmp(header, "070702", 6) != 0) ||
		    size < 0 || name_size < 1 || name_size > NAME_SIZE_MAX)
			return damaged(w, s, "not a cpio header");
		if (take(w, s, name, (size_t)name_size) < 0 ||
		    take(w, s, NULL, pad4(HEADER_LEN + (uint64_t)name_size)) < 0)
			return -1;
		if (name[name_size - 1])
			return damaged(w, s, "a name without end");
		if (strcmp(name, "TRAILER!!!") == 0)
			return 0;
		if (++w->entries > ENTRIES_MAX)
			return err_set(w->e, ERR_INITRD, 0, "more than %u entries", ENTRIES_MAX);
		if (path[0] == '.' && path[1] == '/')
			path += 2;
		path += strspn(path, "/");
		rc = give_file(w, s, path, (uint32_t)size);
		if (rc)
			return rc;
	}
}

/* Archives with zeros between, until the end or something that is no archive (then *ret_other). */
static int walk_archives(struct walk *w, struct source *s, bool *ret_other)
{
	for (;;) {
		int rc = skip_zeros(w, s);

		*ret_other = false;
		if (rc <= 0)
			return rc;
		if (*s->next != '0') {
			*ret_other = true;
			return 0;
		}
		rc = walk_archive(w, s);
		if (rc)
			return rc;
	}
}

static la_ssize_t read_image(struct archive *a, void *arg, const void **ret)
{
	struct source *s = arg;
	ssize_t n = pread_full(s->fd, s->buf, sizeof(s->buf), s->pos);

	if (n < 0) {
		archive_set_error(a, errno, "reading an initramfs");
		return -1;
	}
	s->pos += n;
	*ret = s->buf;
	return n;
}

static int open_compressed(struct walk *w, struct source *s)
{
	struct archive_entry *entry;

	archive_read_support_filter_gzip(s->a);
	archive_read_support_filter_bzip2(s->a);
	archive_read_support_filter_xz(s->a);
	archive_read_support_filter_lzma(s->a);
	archive_read_support_filter_zstd(s->a);
	archive_read_support_filter_lz4(s->a);
	archive_read_support_format_raw(s->a);
	if (archive_read_open(s->a, s, NULL, read_image, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(s->a, &entry) != ARCHIVE_OK)
		return err_set(w->e, ERR_INITRD, 0, "%s", archive_error_string(s->a));
	if (archive_filter_count(s->a) < 2)
		return err_set(w->e, ERR_INITRD, 0,
			       "neither a cpio archive nor a known compression at byte %" PRIu64,
			       (uint64_t)s->pos - s->avail);
	return 0;
}

/* A compressed part from *pos on; moves *pos behind it. s is zeroed. */
static int walk_compressed(struct walk *w, struct source *s, off_t *pos)
{
	bool other = false;
	int rc = -1;

	s->pos = *pos;
	s->a = archive_read_new();
	if (!s->a)
		return err_set(w->e, ERR_NOMEM, 0, "reading an initramfs");
	if (open_compressed(w, s) == 0) {
		rc = walk_archives(w, s, &other);
		if (rc == 0 && other)
			rc = damaged(w, s, "not a cpio archive");
	}
	*pos += archive_filter_bytes(s->a, -1);
	archive_read_free(s->a);
	return rc;
}

static int walk_image(struct walk *w, struct source *s)
{
	for (;;) {
		struct source *part;
		bool other;
		off_t start;
		int rc = walk_archives(w, s, &other);

		if (rc || !other)
			return rc;
		start = s->pos - (off_t)s->avail;
		s->pos = start;
		s->avail = 0;
		part = calloc(1, sizeof(*part));
		if (!part)
			return err_set(w->e, ERR_NOMEM, 0, "reading an initramfs");
		part->fd = s->fd;
		rc = walk_compressed(w, part, &s->pos);
		free(part);
		if (rc)
			return rc;
		if (s->pos <= start) /* cannot happen, would loop for ever */
			return damaged(w, s, "nothing could be decompressed");
	}
}

int initrd_walk(int fd, int (*want)(void *arg, const char *path),
		int (*file)(void *arg, const struct initrd_file *), void *arg, struct err *e)
{
	struct walk w = { .want = want, .file = file, .arg = arg, .e = e };
	struct source *s cleanup_free = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(e, ERR_NOMEM, 0, "reading an initramfs");
	s->fd = fd;
	rc = walk_image(&w, s);
	if (rc > 0)
		return w.stopped;
	if (rc == 0 && !w.entries)
		return err_set(e, ERR_INITRD, 0, "it holds no files");
	return rc;
}
