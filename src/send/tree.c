/* SPDX-License-Identifier: MIT */
/* The writer, and the thread of the reader beside it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "send/send_priv.h"

#define CHUNK_BYTES (512u << 10)

struct reader {
	const struct send_options *o;
	struct queue q;
	struct notes notes;
	struct err e;
	int rc;
};

static void *run_reader(void *arg)
{
	struct reader *r = arg;

	r->rc = walk_tree(r->o, &r->q, &r->notes, &r->e);
	queue_end(&r->q);
	return NULL;
}

/* ---- contents ---- */

/* len bytes at offset; what is not there any more, or cannot be read, is zeros and noted. */
static int send_range(struct tar_writer *w, struct reader *r, const struct item *i, uint64_t offset,
		      uint64_t len, bool *noted, struct err *e)
{
	static char buf[CHUNK_BYTES];

	while (len) {
		size_t want = len < sizeof(buf) ? (size_t)len : sizeof(buf);
		ssize_t n = pread_full(i->fd, buf, want, (off_t)offset);

		if (n < (ssize_t)want && !*noted) {
			*noted = true;
			if (n < 0)
				note_add(&r->notes, true, i->path + 1,
					 "could not be read: %s; zeros are sent", strerror(errno));
			else
				note_add(&r->notes, false, i->path + 1,
					 "shrank while it was read; zeros fill it up");
		}
		if (n < (ssize_t)want)
			memset(buf + (n > 0 ? n : 0), 0, want - (size_t)(n > 0 ? n : 0));
		if (tar_writer_data(w, buf, want, e) < 0)
			return -1;
		offset += want;
		len -= want;
	}
	return 0;
}

static int send_open(struct tar_writer *w, struct reader *r, const struct item *i, struct err *e)
{
	const struct tar_extent whole = { 0, (uint64_t)i->st.st_size };
	const struct tar_extent *x = i->nextents ? i->extents : &whole;
	size_t n = i->nextents ? i->nextents : 1;
	uint64_t at = 0;
	bool noted = false;

	posix_fadvise(i->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (; n; n--, x++) {
		/* of a hole only its length is told */
		if (tar_writer_data(w, NULL, (size_t)(x->offset - at), e) < 0 ||
		    send_range(w, r, i, x->offset, x->bytes, &noted, e) < 0)
			return -1;
		at = x->offset + x->bytes;
	}
	return tar_writer_data(w, NULL, (size_t)((uint64_t)i->st.st_size - at), e);
}

static int send_small(struct tar_writer *w, struct reader *r, const struct item *i, struct err *e)
{
	size_t size = (size_t)i->st.st_size;

	if (i->have < size)
		note_add(&r->notes, false, i->path + 1,
			 "shrank while it was read; zeros fill it up");
	if (tar_writer_data(w, i->data, i->have, e) < 0)
		return -1;
	/* the same zeros as a hole's; here they are written */
	return tar_writer_data(w, NULL, size - i->have, e);
}

static int send_item(struct tar_writer *w, struct reader *r, const struct item *i, struct err *e)
{
	const struct tar_member m = { .path = i->path,
				      .st = &i->st,
				      .link = i->link,
				      .is_hard_link = i->is_hard_link,
				      .xattrs = &i->xattrs,
				      .flags = i->flags,
				      .extents = i->extents,
				      .nextents = i->nextents };

	if (tar_writer_begin(w, &m, e) < 0)
		return -1;
	r->notes.result->entries++;
	if (!S_ISREG(i->st.st_mode) || i->is_hard_link)
		return 0;
	r->notes.result->file_bytes += (uint64_t)i->st.st_size;
	return i->fd >= 0 ? send_open(w, r, i, e) : send_small(w, r, i, e);
}

/* ---- all ---- */

static int send_all(struct reader *r, struct tar_writer *w, struct err *e)
{
	struct item *i;
	int rc = 0;

	while (rc == 0 && (i = queue_take(&r->q))) {
		rc = send_item(w, r, i, e);
		item_free(i);
	}
	if (rc < 0)
		queue_stop(&r->q);
	return rc;
}

int send_tree(const struct send_options *o, int out, struct send_result *ret, struct err *e)
{
	struct reader r = { .o = o, .notes = { .result = ret } };
	struct tar_writer *w;
	pthread_t thread;
	int rc;

	*ret = (struct send_result){ 0 };
	signal(SIGPIPE, SIG_IGN);
	if (tar_writer_open(&w, out, e) < 0)
		return -1;
	queue_init(&r.q);
	pthread_mutex_init(&r.notes.lock, NULL);
	rc = pthread_create(&thread, NULL, run_reader, &r);
	if (rc != 0) {
		rc = err_set(e, ERR_NOMEM, rc, "a thread");
	} else {
		rc = send_all(&r, w, e);
		pthread_join(thread, NULL);
		if (rc == 0 && r.rc < 0) {
			*e = r.e;
			rc = -1;
		}
	}
	if (rc == 0)
		rc = tar_writer_end(w, &ret->stream_bytes, e);
	else
		tar_writer_drop(
			w); /* without an end mark: the other side must not take it for whole */
	queue_done(&r.q);
	pthread_mutex_destroy(&r.notes.lock);
	return rc;
}

void send_result_done(struct send_result *r)
{
	strlist_done(&r->notes);
}
