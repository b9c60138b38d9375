/* SPDX-License-Identifier: MIT */
/*
 * The workshop of a receive: blocks of stream data with bounded memory, jobs (one an entry), worker threads, and
 * what they share: the first error, notes, which paths are in flight.
 *
 * One reading thread makes jobs in the order of the stream. A job's path is in flight from pool_submit() until
 * its work is done, and so is the path that a hard link is made to; the reader waits with pool_wait_made() before it does
 * anything that depends on a path, and with pool_wait_path() before it does anything that changes what lies there.
 * Only the reader waits for paths, so workers never wait for one another and nothing can lock up; what a worker
 * does wait for is the data of the one large file the reader is feeding.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"

#define POOL_BLOCK_SIZE ((size_t)256 << 10)
#define POOL_BLOCKS 64			 /* 16 MiB of stream data at any time */
#define SMALL_FILE ((uint64_t)256 << 10) /* up to here a file goes to a worker as a whole */
#define JOBS_MAX 256			 /* submitted and not done */
#define NOTES_MAX 100

struct block {
	struct block *next_free;
	atomic_uint refs;
	size_t used; /* the reader's: bytes filled so far */
	unsigned char *data;
};

/* Part of a file's data; holds a reference to its block. */
struct piece {
	struct piece *next;
	struct block *block;
	const void *data;
	size_t len;
	uint64_t offset;
};

struct dir; /* dirs_priv.h */

/* Owner, mode, times and extended attributes of an entry. */
struct attrs {
	uint32_t uid, gid, mode;
	struct timespec mtime, atime; /* atime.tv_nsec is UTIME_OMIT when the stream had none */
	struct strbuf xattrs;	      /* records, see attrs_priv.h */
};

struct job {
	struct job *next;		   /* in the queue */
	struct job *next_hash, *next_link; /* among the paths in flight */
	uint64_t hash, link_hash;	   /* link_hash: of a hard link's target */
	char kind;			   /* f l c b p h */
	struct dir *dir, *link_dir;
	const char *name, *link_name; /* last components, inside path and link */
	char *path;		      /* for messages; owned */
	char *link; /* text of a symbolic link, path of a hard link's target; owned */
	dev_t rdev;
	uint64_t size;
	bool sparse;
	struct attrs attrs;
	struct piece *first, **last;
	bool fed; /* all pieces are there */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work, fed, done;
	struct job *queue, **queue_end;
	unsigned queued, in_flight, idle;
	bool quit, reader_waits;
	atomic_bool stop; /* something failed */
	struct err err;
	struct job *paths[512], *links[512]; /* by hash, by link_hash */
	struct block blocks[POOL_BLOCKS];
	struct block *free_blocks;
	pthread_t threads[8];
	unsigned nthreads;
	void (*run)(void *arg, struct job *job);
	void *arg;
	struct strlist notes;
	uint64_t note_count;
};

int pool_init(struct pool *p, unsigned writers, void (*run)(void *arg, struct job *job), void *arg,
	      struct err *e) must_check;
/* Ends the workers; what is still queued is thrown away when something failed, else finished. May be repeated. */
void pool_stop(struct pool *p);
/* Ends the workers and frees everything, the notes too. */
void pool_done(struct pool *p);

/* The reader's: a free block with one reference, waiting for one. NULL: something failed. */
struct block *pool_block(struct pool *p);
void pool_block_put(struct pool *p, struct block *b);

/* A copy-free piece of a block (takes a reference of its own) appended to the job. -1: no memory, noted as failure. */
int pool_feed(struct pool *p, struct job *job, struct block *b, const void *data, size_t len,
	      uint64_t offset) must_check;
/* Must follow for every job that was submitted unfed, also after a failure; job is not the reader's afterwards. */
void pool_feed_end(struct pool *p, struct job *job);
/* A worker's: next piece in order, waiting for the reader; NULL at the end or after a failure elsewhere. */
struct piece *pool_next_piece(struct pool *p, struct job *job);
void pool_piece_free(struct pool *p, struct piece *piece);

struct job *job_new(void); /* NULL: out of memory */
void job_free(struct pool *p, struct job *job);

/* Takes job (one with fed unset stays usable for feeding). Waits while too many are queued. */
void pool_submit(struct pool *p, struct job *job);
/* Until no job makes that path. */
void pool_wait_made(struct pool *p, uint64_t hash);
/* Until no job makes that path or links to it. */
void pool_wait_path(struct pool *p, uint64_t hash);
void pool_wait_all(struct pool *p);

/* Records the first failure and stops everybody. Any thread. */
void pool_fail(struct pool *p, const struct err *e);
/* Once true, the error may be read without the lock. */
static inline bool pool_stopped(struct pool *p)
{
	return atomic_load_explicit(&p->stop, memory_order_acquire);
}

/* Something that was lost or skipped; path is escaped. Any thread. */
void pool_note(struct pool *p, const char *path, const char *fmt, ...) printf_like(3, 4);
