/* SPDX-License-Identifier: MIT */
/* Between the reader of the tree and the writer of the stream. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "send/send.h"
#include "transfer/tar_write.h"

/* One entry of the tree, ready to be written. */
struct item {
	struct item *next;
	char *path; /* "./etc" */
	char *link; /* symbolic link's text or the earlier name */
	bool is_hard_link;
	struct stat st;
	struct strbuf xattrs;
	unsigned flags;
	struct tar_extent *extents;
	size_t nextents;
	char *data;  /* the whole content of a small file */
	size_t have; /* bytes of data that were read */
	int fd;	     /* of a larger file, to be read by the writer; else -1 */
};

void item_free(struct item *i);

/* Items on their way. Its memory and descriptors are bounded. */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct item *first, **last;
	size_t items, bytes;
	bool is_ended;	 /* the reader has no more */
	bool is_stopped; /* the writer takes no more */
};

void queue_init(struct queue *q);
void queue_done(struct queue *q);
/* Waits for room; -1 when the writer has stopped, and the item is freed. */
int queue_put(struct queue *q, struct item *i);
/* Waits; NULL at the end. */
struct item *queue_take(struct queue *q);
void queue_end(struct queue *q);
void queue_stop(struct queue *q);

/* Notes are made by both threads. */
struct notes {
	pthread_mutex_t lock;
	struct send_result *result;
};

void note_add(struct notes *n, bool is_unread, const char *path, const char *fmt, ...)
	printf_like(4, 5);

/* The reader: walks until the end or a stopped queue. ERR_SEND_READ, ERR_NOMEM. */
int walk_tree(const struct send_options *o, struct queue *q, struct notes *notes,
	      struct err *e) must_check;

/* Fills in what an open file or folder says: attributes and flags. Absent ones are none. */
void read_attributes(struct item *i, int fd);
/* The same for what is not opened: path of the *xattr calls by /proc. */
void read_attributes_at(struct item *i, int dirfd, const char *name);
/* Where a regular file has data, when it has holes. */
void read_extents(struct item *i, int fd);
