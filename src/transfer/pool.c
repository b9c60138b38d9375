/* SPDX-License-Identifier: MIT */
#include "transfer/pool_priv.h"

#include <errno.h>
#include <string.h>

#include "transfer/dirs_priv.h"

#define BATCH 8
#define STACK_SIZE ((size_t)512 << 10)

static struct job **path_bucket(struct pool *p, uint64_t hash)
{
	return &p->paths[hash % ARRAY_SIZE(p->paths)];
}

static struct job **link_bucket(struct pool *p, uint64_t hash)
{
	return &p->links[hash % ARRAY_SIZE(p->links)];
}

/*
 * The reader holds on to a job until it has called pool_feed_end(), so one that was given up early waits for
 * that, throwing away what still comes.
 */
static void drain_locked(struct pool *p, struct job *job)
{
	while (!job->fed || job->first) {
		struct piece *piece = job->first;

		if (!piece) {
			pthread_cond_wait(&p->fed, &p->lock);
			continue;
		}
		job->first = piece->next;
		if (!job->first)
			job->last = &job->first;
		pthread_mutex_unlock(&p->lock);
		pool_piece_free(p, piece);
		pthread_mutex_lock(&p->lock);
	}
}

static void job_complete(struct pool *p, struct job *job)
{
	struct job **link;

	pthread_mutex_lock(&p->lock);
	drain_locked(p, job);
	for (link = path_bucket(p, job->hash); *link != job; link = &(*link)->next_hash)
		;
	*link = job->next_hash;
	if (job->kind == 'h') {
		for (link = link_bucket(p, job->link_hash); *link != job;
		     link = &(*link)->next_link)
			;
		*link = job->next_link;
	}
	p->in_flight--;
	if (p->reader_waits)
		pthread_cond_signal(&p->done);
	pthread_mutex_unlock(&p->lock);
	job_free(p, job);
}

/* Takes a few jobs at once, so that threads do not wake for each. Called locked. */
static struct job *take_batch(struct pool *p)
{
	struct job *first = p->queue, **end = &p->queue;
	unsigned n = 0, share = p->queued / p->nthreads;

	while (*end && n < BATCH && n <= share) {
		n++;
		end = &(*end)->next;
		/* A file that is still being fed goes alone: its worker is busy for long. */
		if (n == 1 && !first->fed)
			break;
	}
	p->queue = *end;
	if (!p->queue)
		p->queue_end = &p->queue;
	*end = NULL;
	p->queued -= n;
	return first;
}

static void *worker(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct job *job;

		if (!p->queue) {
			if (p->quit)
				break;
			p->idle++;
			pthread_cond_wait(&p->work, &p->lock);
			p->idle--;
			continue;
		}
		job = take_batch(p);
		pthread_mutex_unlock(&p->lock);
		while (job) {
			struct job *next = job->next;

			if (!pool_stopped(p))
				p->run(p->arg, job);
			job_complete(p, job);
			job = next;
		}
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int pool_init(struct pool *p, unsigned writers, void (*run)(void *arg, struct job *job), void *arg,
	      struct err *e)
{
	pthread_attr_t attr;
	unsigned i;
	int rc = 0;

	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->fed, NULL);
	pthread_cond_init(&p->done, NULL);
	p->queue_end = &p->queue;
	p->run = run;
	p->arg = arg;
	for (i = 0; i < POOL_BLOCKS; i++) { /* memory comes when a block is first used */
		p->blocks[i].next_free = p->free_blocks;
		p->free_blocks = &p->blocks[i];
	}
	if (!writers) {
		long cpus = sysconf(_SC_NPROCESSORS_ONLN);

		writers = cpus > 0 ? (unsigned)cpus : 1;
	}
	if (writers > ARRAY_SIZE(p->threads))
		writers = ARRAY_SIZE(p->threads);
	p->nthreads = writers; /* before the first worker looks at it */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (i = 0; i < writers && !rc; i++)
		rc = pthread_create(&p->threads[i], &attr, worker, p);
	pthread_attr_destroy(&attr);
	if (rc) {
		pthread_mutex_lock(&p->lock);
		p->nthreads = i - 1;
		pthread_mutex_unlock(&p->lock);
		pool_done(p);
		return err_set(e, ERR_NOMEM, rc, "starting a writer thread");
	}
	return 0;
}

void pool_stop(struct pool *p)
{
	unsigned i;

	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->work);
	pthread_cond_broadcast(&p->fed);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	p->nthreads = 0;
}

void pool_done(struct pool *p)
{
	unsigned i;

	pool_stop(p);
	for (i = 0; i < POOL_BLOCKS; i++)
		free(p->blocks[i].data);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->fed);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	strlist_done(&p->notes);
}

/* Called locked, by the reader alone. */
static void reader_wait(struct pool *p)
{
	p->reader_waits = true;
	pthread_cond_wait(&p->done, &p->lock);
	p->reader_waits = false;
}

struct block *pool_block(struct pool *p)
{
	struct block *b = NULL;

	pthread_mutex_lock(&p->lock);
	while (!p->free_blocks && !pool_stopped(p))
		reader_wait(p);
	if (!pool_stopped(p)) {
		b = p->free_blocks;
		p->free_blocks = b->next_free;
	}
	pthread_mutex_unlock(&p->lock);
	if (!b)
		return NULL;
	atomic_store(&b->refs, 1);
	b->used = 0;
	if (!b->data) {
		b->data = malloc(POOL_BLOCK_SIZE);
		if (!b->data) {
			struct err e = ERR_INIT;

			err_set(&e, ERR_NOMEM, 0, "buffers");
			pool_fail(p, &e);
			pool_block_put(p, b);
			return NULL;
		}
	}
	return b;
}

void pool_block_put(struct pool *p, struct block *b)
{
	if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	pthread_mutex_lock(&p->lock);
	b->next_free = p->free_blocks;
	p->free_blocks = b;
	if (p->reader_waits)
		pthread_cond_signal(&p->done);
	pthread_mutex_unlock(&p->lock);
}

int pool_feed(struct pool *p, struct job *job, struct block *b, const void *data, size_t len,
	      uint64_t offset)
{
	struct piece *piece = malloc(sizeof(*piece));

	if (!piece) {
		struct err e = ERR_INIT;

		err_set(&e, ERR_NOMEM, 0, "%s", job->path);
		pool_fail(p, &e);
		return -1;
	}
	atomic_fetch_add(&b->refs, 1);
	*piece = (struct piece){ .block = b, .data = data, .len = len, .offset = offset };
	pthread_mutex_lock(&p->lock);
	*job->last = piece;
	job->last = &piece->next;
	pthread_cond_broadcast(&p->fed);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

void pool_feed_end(struct pool *p, struct job *job)
{
	pthread_mutex_lock(&p->lock);
	job->fed = true;
	pthread_cond_broadcast(&p->fed);
	pthread_mutex_unlock(&p->lock);
}

struct piece *pool_next_piece(struct pool *p, struct job *job)
{
	struct piece *piece;

	pthread_mutex_lock(&p->lock);
	while (!job->first && !job->fed && !pool_stopped(p))
		pthread_cond_wait(&p->fed, &p->lock);
	piece = pool_stopped(p) ? NULL : job->first;
	if (piece) {
		job->first = piece->next;
		if (!job->first)
			job->last = &job->first;
	}
	pthread_mutex_unlock(&p->lock);
	return piece;
}

void pool_piece_free(struct pool *p, struct piece *piece)
{
	pool_block_put(p, piece->block);
	free(piece);
}

struct job *job_new(void)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job)
		job->last = &job->first;
	return job;
}

void job_free(struct pool *p, struct job *job)
{
	if (!job)
		return;
	while (job->first) {
		struct piece *next = job->first->next;

		pool_piece_free(p, job->first);
		job->first = next;
	}
	dir_put(job->dir);
	dir_put(job->link_dir);
	strbuf_done(&job->attrs.xattrs);
	free(job->path);
	free(job->link);
	free(job);
}

void pool_submit(struct pool *p, struct job *job)
{
	struct job **bucket = path_bucket(p, job->hash);

	pthread_mutex_lock(&p->lock);
	while (p->in_flight >= JOBS_MAX && !pool_stopped(p))
		reader_wait(p);
	job->next = NULL;
	*p->queue_end = job;
	p->queue_end = &job->next;
	p->queued++;
	p->in_flight++;
	job->next_hash = *bucket;
	*bucket = job;
	if (job->kind == 'h') {
		bucket = link_bucket(p, job->link_hash);
		job->next_link = *bucket;
		*bucket = job;
	}
	if (p->idle)
		pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

static bool is_made(struct pool *p, uint64_t hash)
{
	struct job *job;

	for (job = *path_bucket(p, hash); job; job = job->next_hash)
		if (job->hash == hash)
			return true;
	return false;
}

static bool is_linked_to(struct pool *p, uint64_t hash)
{
	struct job *job;

	for (job = *link_bucket(p, hash); job; job = job->next_link)
		if (job->link_hash == hash)
			return true;
	return false;
}

void pool_wait_made(struct pool *p, uint64_t hash)
{
	pthread_mutex_lock(&p->lock);
	while (is_made(p, hash) && !pool_stopped(p))
		reader_wait(p);
	pthread_mutex_unlock(&p->lock);
}

void pool_wait_path(struct pool *p, uint64_t hash)
{
	pthread_mutex_lock(&p->lock);
	while ((is_made(p, hash) || is_linked_to(p, hash)) && !pool_stopped(p))
		reader_wait(p);
	pthread_mutex_unlock(&p->lock);
}

void pool_wait_all(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->in_flight && !pool_stopped(p))
		reader_wait(p);
	pthread_mutex_unlock(&p->lock);
}

void pool_fail(struct pool *p, const struct err *e)
{
	pthread_mutex_lock(&p->lock);
	if (!pool_stopped(p)) {
		p->err = *e;
		atomic_store(&p->stop, true);
	}
	pthread_cond_broadcast(&p->fed);
	pthread_cond_broadcast(&p->done);
	pthread_mutex_unlock(&p->lock);
}

void pool_note(struct pool *p, const char *path, const char *fmt, ...)
{
	char text[256], name[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_escape(name, sizeof(name), path);
	pthread_mutex_lock(&p->lock);
	p->note_count++;
	/* A note that finds no memory is still counted. */
	if (p->notes.count < NOTES_MAX && strlist_addf(&p->notes, "%s: %s", name, text) < 0)
		text[0] = 0;
	pthread_mutex_unlock(&p->lock);
}
