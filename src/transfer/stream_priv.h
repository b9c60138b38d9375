/* SPDX-License-Identifier: MIT */
/*
 * The stream as tar members, through two stages of libarchive: the outer one undoes compression and yields plain
 * bytes ("raw"), the inner one reads tar from those. In between the last bytes are remembered with their
 * positions. That is needed because libarchive takes a stream that ends at a member boundary, or after one zero
 * block, for complete, and does not tell the type flag of a header.
 */
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "transfer/pool_priv.h"
#include "transfer/tar.h"

#define TAIL_LEN 1024u

struct stream {
	int fd;
	struct pool *pool;
	struct tar_progress *progress;
	struct archive *outer, *inner;
	struct block *in;	  /* being filled from fd */
	struct block *copy;	  /* for data that does not lie in a block of ours */
	const unsigned char *now; /* what inner was given last */
	size_t now_len;
	uint64_t now_at;	      /* its position in the plain bytes */
	unsigned char tail[TAIL_LEN]; /* the bytes before it */
	size_t tail_len;
	const unsigned char *data; /* of the member, not handed out yet */
	size_t data_len;
	uint64_t data_at; /* its offset in the file */
	int read_errno;	  /* of a failed read of fd */
	bool outer_failed;
};

int stream_open(struct stream *s, int fd, struct pool *pool, struct tar_progress *progress,
		struct err *e) must_check;
void stream_close(struct stream *s);

/*
 * Next member into entry: 1, 0 at the proper end (two zero blocks seen), -1. *ret_warning: libarchive's text when
 * it warns of something other than a character set, else NULL.
 */
int stream_next(struct stream *s, struct archive_entry *entry, const char **ret_warning,
		struct err *e) must_check;
/*
 * Next run of the member's data. It lies in *ret_block, which
 * the stream holds until the next call: take a reference to keep it. 1, 0 at its end, -1.
 */
int stream_data(struct stream *s, struct block **ret_block, const void **ret, size_t *ret_len,
		uint64_t *ret_offset, struct err *e) must_check;
/* Type flag of the last member's main header; 0 when it cannot be told (sparse members). */
char stream_type_flag(const struct stream *s);

/*
 * After the end: reads what still comes, so that the sender is not cut off, and to see that compressed data is whole.
 * *ret_extra: bytes that are not padding.
 */
int stream_drain(struct stream *s, uint64_t *ret_extra, struct err *e) must_check;
/* "none", "gzip", ...: static text. */
const char *stream_compression(const struct stream *s);
