/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "send/send_priv.h"

#define ITEMS_MAX 512
#define BYTES_MAX (32u << 20)
#define NOTES_MAX 100

void item_free(struct item *i)
{
	if (!i)
		return;
	if (i->fd >= 0)
		close(i->fd);
	strbuf_done(&i->xattrs);
	free(i->extents);
	free(i->data);
	free(i->path);
	free(i->link);
	free(i);
}

void queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	q->last = &q->first;
}

void queue_done(struct queue *q)
{
	struct item *i;

	while ((i = q->first)) {
		q->first = i->next;
		item_free(i);
	}
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
}

static size_t weight(const struct item *i)
{
	return sizeof(*i) + i->have + i->xattrs.len + i->nextents * sizeof(*i->extents);
}

int queue_put(struct queue *q, struct item *i)
{
	bool is_stopped;

	pthread_mutex_lock(&q->lock);
	while (!q->is_stopped && q->items && (q->items >= ITEMS_MAX || q->bytes >= BYTES_MAX))
		pthread_cond_wait(&q->changed, &q->lock);
	is_stopped = q->is_stopped;
	if (!is_stopped) {
		i->next = NULL;
		*q->last = i;
		q->last = &i->next;
		q->items++;
		q->bytes += weight(i);
		pthread_cond_broadcast(&q->changed);
	}
	pthread_mutex_unlock(&q->lock);
	if (is_stopped)
		item_free(i);
	return is_stopped ? -1 : 0;
}

struct item *queue_take(struct queue *q)
{
	struct item *i;

	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->is_ended)
		pthread_cond_wait(&q->changed, &q->lock);
	i = q->first;
	if (i) {
		q->first = i->next;
		if (!q->first)
			q->last = &q->first;
		q->items--;
		q->bytes -= weight(i);
		pthread_cond_broadcast(&q->changed);
	}
	pthread_mutex_unlock(&q->lock);
	return i;
}

void queue_end(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_ended = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

void queue_stop(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_stopped = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

void note_add(struct notes *n, bool is_unread, const char *path, const char *fmt, ...)
{
	char safe[600], text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_escape(safe, sizeof(safe), path);
	pthread_mutex_lock(&n->lock);
	n->result->note_count++;
	n->result->unread += is_unread;
	if (n->result->notes.count < NOTES_MAX &&
	    strlist_addf(&n->result->notes, "%s: %s", safe, text) < 0)
		n->result->note_count++; /* counted, if not kept */
	pthread_mutex_unlock(&n->lock);
}
