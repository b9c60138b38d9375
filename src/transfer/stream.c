/* SPDX-License-Identifier: MIT */
#include "transfer/stream_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/io.h"

#define TAR_BLOCK 512u
#define READ_LEAST 65536 /* less than this is not worth a round through libarchive */
#define PIPE_SIZE (1 << 20)
#define DRAIN_MAX ((uint64_t)1 << 30) /* a sender that never stops is left after this */

/* ---- outer stage: descriptor to plain bytes ---- */

static bool has_data(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0;
}

/* Wakes now and then, so that a failed writer ends the receive although the sender says nothing. false: stopped. */
static bool wait_for_data(struct stream *s)
{
	while (!pool_stopped(s->pool))
		if (has_data(s->fd, 500))
			return true;
	return false;
}

static la_ssize_t read_stream(struct archive *a, void *arg, const void **ret)
{
	struct stream *s = arg;
	size_t start, got = 0;

	if (!s->in || s->in->used == POOL_BLOCK_SIZE) {
		pool_block_put(s->pool, s->in);
		s->in = pool_block(s->pool);
		if (!s->in) {
			archive_set_error(a, ECANCELED, "stopped");
			return -1;
		}
	}
	start = s->in->used;
	while (s->in->used < POOL_BLOCK_SIZE && got < READ_LEAST) {
		ssize_t n;

		if (got && !has_data(s->fd, 0))
			break; /* a slow sender: what is here is worked on meanwhile */
		if (!got && !wait_for_data(s)) {
			archive_set_error(a, ECANCELED, "stopped");
			return -1;
		}
		n = read(s->fd, s->in->data + s->in->used, POOL_BLOCK_SIZE - s->in->used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			s->read_errno = errno;
			archive_set_error(a, errno, "reading the stream");
			return -1;
		}
		if (n == 0)
			break;
		s->in->used += (size_t)n;
		got += (size_t)n;
	}
	atomic_fetch_add_explicit(&s->progress->stream_bytes, got, memory_order_relaxed);
	*ret = s->in->data + start;
	return (la_ssize_t)got;
}

/* ---- between the stages ---- */

/* now goes: its last bytes are kept behind those before it. */
static void keep_tail(struct stream *s)
{
	if (s->now_len >= TAIL_LEN) {
		memcpy(s->tail, s->now + s->now_len - TAIL_LEN, TAIL_LEN);
		s->tail_len = TAIL_LEN;
	} else if (s->now_len) {
		size_t keep = TAIL_LEN - s->now_len;

		if (keep > s->tail_len)
			keep = s->tail_len;
		memmove(s->tail, s->tail + s->tail_len - keep, keep);
		memcpy(s->tail + keep, s->now, s->now_len);
		s->tail_len = keep + s->now_len;
	}
	s->now_at += s->now_len;
	s->now_len = 0;
}

static la_ssize_t read_plain(struct archive *a, void *arg, const void **ret)
{
	struct stream *s = arg;
	la_int64_t offset;
	const void *data;
	size_t len;
	int rc;

	keep_tail(s);
	do {
		rc = archive_read_data_block(s->outer, &data, &len, &offset);
		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK) {
			s->outer_failed = true;
			archive_set_error(a, EIO, "%s", archive_error_string(s->outer));
			return -1;
		}
	} while (!len);
	s->now = data;
	s->now_len = len;
	*ret = data;
	return (la_ssize_t)len;
}

/* Copies plain bytes [at, at + len) when they are still known. */
static bool bytes_at(const struct stream *s, uint64_t at, void *ret, size_t len)
{
	unsigned char *p = ret;
	uint64_t tail_at = s->now_at - s->tail_len;

	for (; len; len--, at++, p++) {
		if (at >= s->now_at && at - s->now_at < s->now_len)
			*p = s->now[at - s->now_at];
		else if (at < s->now_at && at >= tail_at)
			*p = s->tail[at - tail_at];
		else
			return false;
	}
	return true;
}

static bool is_zero(const unsigned char *p, size_t len)
{
	return !len || (!p[0] && memcmp(p, p + 1, len - 1) == 0);
}

/* ---- errors ---- */

static bool says(const char *text, const char *word)
{
	return text && strcasestr(text, word) != NULL;
}

const char *stream_compression(const struct stream *s)
{
	static const char *const known[] = { "gzip", "bzip2", "xz", "zstd", "lz4" };
	const char *name = archive_filter_count(s->outer) > 1 ? archive_filter_name(s->outer, 0)
							      : NULL;
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(known); i++)
		if (strcmp(name, known[i]) == 0)
			return known[i];
	return "none";
}

static int stream_error(struct stream *s, struct archive *a, struct err *e)
{
	const char *text = archive_error_string(a);

	if (pool_stopped(s->pool)) {
		*e = s->pool->err;
		return -1;
	}
	if (s->read_errno)
		return err_set(e, ERR_TAR_READ, s->read_errno, "after %llu bytes",
			       (unsigned long long)s->progress->stream_bytes);
	if (archive_errno(s->outer_failed ? s->outer : a) == ENOMEM ||
	    says(text, "not enough memory") || says(text, "too much memory"))
		return err_set(e, ERR_TAR_MEMORY, 0, "%s", text ? text : "no memory");
	if (says(text, "unrecognized archive format"))
		return err_set(e, ERR_TAR_NOT, 0, "it begins with something else (compression: %s)",
			       stream_compression(s));
	if (says(text, "truncated") || says(text, "premature"))
		return err_set(e, ERR_TAR_CUT, 0, "%s", text);
	return err_set(e, ERR_TAR_DAMAGED, 0, "%s", text ? text : "unreadable");
}

/* ---- opening ---- */

static int open_outer(struct stream *s, struct err *e)
{
	struct archive_entry *entry;

	s->outer = archive_read_new();
	if (!s->outer)
		return err_set(e, ERR_NOMEM, 0, "opening the stream");
	/* By name: "all" would bring external programs and formats with a history of holes. */
	archive_read_support_filter_gzip(s->outer);
	archive_read_support_filter_bzip2(s->outer);
	archive_read_support_filter_xz(s->outer);
	archive_read_support_filter_zstd(s->outer);
	archive_read_support_filter_lz4(s->outer);
	archive_read_support_format_raw(s->outer);
	if (archive_read_open(s->outer, s, NULL, read_stream, NULL) == ARCHIVE_OK &&
	    archive_read_next_header(s->outer, &entry) == ARCHIVE_OK)
		return 0;
	if (!s->progress->stream_bytes && !s->read_errno && !pool_stopped(s->pool))
		return err_set(e, ERR_TAR_CUT, 0, "it was empty");
	return stream_error(s, s->outer, e);
}

static int open_inner(struct stream *s, struct err *e)
{
	s->inner = archive_read_new();
	if (!s->inner)
		return err_set(e, ERR_NOMEM, 0, "opening the stream");
	archive_read_support_format_tar(s->inner);
	archive_read_support_format_gnutar(s->inner);
	if (archive_read_open(s->inner, s, NULL, read_plain, NULL) != ARCHIVE_OK)
		return stream_error(s, s->inner, e);
	return 0;
}

int stream_open(struct stream *s, int fd, struct pool *pool, struct tar_progress *progress,
		struct err *e)
{
	*s = (struct stream){ .fd = fd, .pool = pool, .progress = progress };
	fcntl(fd, F_SETPIPE_SZ,
	      PIPE_SIZE); /* fewer wake-ups; anything but a pipe refuses, that is fine */
	if (open_outer(s, e) < 0 || open_inner(s, e) < 0) {
		stream_close(s);
		return -1;
	}
	return 0;
}

void stream_close(struct stream *s)
{
	if (s->inner)
		archive_read_free(s->inner);
	if (s->outer)
		archive_read_free(s->outer);
	s->inner = s->outer = NULL;
	pool_block_put(s->pool, s->in);
	pool_block_put(s->pool, s->copy);
	s->in = s->copy = NULL;
}

/* ---- members ---- */

/* libarchive is satisfied by less: no bytes at all, or one zero block. */
static int check_end(struct stream *s, struct err *e)
{
	la_int64_t from = archive_read_header_position(s->inner);
	la_int64_t to = archive_filter_bytes(s->inner, 0);
	unsigned char marker[2 * TAR_BLOCK];

	if (to - from != sizeof(marker) || !bytes_at(s, (uint64_t)from, marker, sizeof(marker)) ||
	    !is_zero(marker, sizeof(marker)))
		return err_set(e, ERR_TAR_CUT, 0,
			       "the two zero blocks that end an archive did not come");
	return 0;
}

int stream_next(struct stream *s, struct archive_entry *entry, const char **ret_warning,
		struct err *e)
{
	int rc = archive_read_next_header2(s->inner, entry);
	const char *text = archive_error_string(s->inner);

	*ret_warning = NULL;
	if (rc == ARCHIVE_OK)
		return 1;
	if (rc == ARCHIVE_EOF)
		return check_end(s, e);
	if (rc == ARCHIVE_WARN) {
		if (says(text, "malformed")) /* it may have held the name or the size */
			return err_set(e, ERR_TAR_DAMAGED, 0, "%s", text);
		/* A name that is not in the C locale's character set is kept as it is: nothing is lost. */
		if (!says(text, "can't be converted"))
			*ret_warning = text ? text : "the header has something unknown";
		return 1;
	}
	/* RETRY as well: going on would leave members out silently. */
	return stream_error(s, s->inner, e);
}

char stream_type_flag(const struct stream *s)
{
	la_int64_t at = archive_filter_bytes(s->inner, 0);
	unsigned char header[TAR_BLOCK];
	unsigned sum = 8 * ' ', i;
	char number[9];

	if (at < (la_int64_t)TAR_BLOCK || !bytes_at(s, (uint64_t)at - TAR_BLOCK, header, TAR_BLOCK))
		return 0;
	for (i = 0; i < TAR_BLOCK; i++)
		if (i < 148 || i >= 156)
			sum += header[i];
	memcpy(number, header + 148, 8);
	number[8] = '\0';
	return strtoul(number, NULL, 8) == sum ? (char)header[156] : 0;
}

/* Data in libarchive's own memory goes into a block of ours, as much as fits. */
static struct block *copy_data(struct stream *s, const void **ret, size_t *ret_len)
{
	struct block *b = s->copy;

	if (!b || POOL_BLOCK_SIZE - b->used < 4096) {
		pool_block_put(s->pool, b);
		b = s->copy = pool_block(s->pool);
		if (!b)
			return NULL;
	}
	*ret_len = s->data_len < POOL_BLOCK_SIZE - b->used ? s->data_len
							   : POOL_BLOCK_SIZE - b->used;
	*ret = memcpy(b->data + b->used, s->data, *ret_len);
	b->used += *ret_len;
	return b;
}

static bool in_block(const struct block *b, const unsigned char *data)
{
	return b && data >= b->data && data < b->data + POOL_BLOCK_SIZE;
}

int stream_data(struct stream *s, struct block **ret_block, const void **ret, size_t *ret_len,
		uint64_t *ret_offset, struct err *e)
{
	struct block *b;

	while (!s->data_len) {
		la_int64_t offset;
		const void *data;
		int rc = archive_read_data_block(s->inner, &data, &s->data_len, &offset);

		if (rc == ARCHIVE_EOF) {
			s->data_len = 0;
			return 0;
		}
		if (rc != ARCHIVE_OK) {
			s->data_len = 0;
			return stream_error(s, s->inner, e);
		}
		s->data = data;
		s->data_at = (uint64_t)offset;
	}
	if (in_block(s->in, s->data)) {
		b = s->in; /* not earlier: reading may have begun a new one */
		*ret = s->data;
		*ret_len = s->data_len < POOL_BLOCK_SIZE ? s->data_len : POOL_BLOCK_SIZE;
	} else {
		b = copy_data(s, ret, ret_len);
		if (!b)
			return stream_error(s, s->inner, e);
	}
	*ret_block = b;
	*ret_offset = s->data_at;
	s->data += *ret_len;
	s->data_at += *ret_len;
	s->data_len -= *ret_len;
	return 1;
}

/* What comes behind the compressed data. */
static int drain_descriptor(struct stream *s, uint64_t *ret_extra, struct err *e)
{
	unsigned char buf[16384];
	uint64_t total = 0;

	while (total < DRAIN_MAX) {
		ssize_t n = read(s->fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_TAR_READ, errno, "behind the end of the archive");
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (!is_zero(buf, (size_t)n))
			*ret_extra += (size_t)n;
	}
	return 0;
}

int stream_drain(struct stream *s, uint64_t *ret_extra, struct err *e)
{
	size_t used = (size_t)((uint64_t)archive_filter_bytes(s->inner, 0) - s->now_at);
	uint64_t total = 0;

	*ret_extra = 0;
	if (used < s->now_len && !is_zero(s->now + used, s->now_len - used))
		*ret_extra += s->now_len - used;
	while (total < DRAIN_MAX) {
		la_int64_t offset;
		const void *data;
		size_t len;
		int rc = archive_read_data_block(s->outer, &data, &len, &offset);

		if (rc == ARCHIVE_EOF)
			return drain_descriptor(s, ret_extra, e);
		if (rc != ARCHIVE_OK)
			return stream_error(s, s->outer, e);
		total += len;
		if (!is_zero(data, len))
			*ret_extra += len;
	}
	return 0;
}
