/* SPDX-License-Identifier: MIT */
/*
 * Bytes between a channel and its process. No data callback: what the process does not take stays in the
 * channel, its window shrinks, and the client waits. Nothing here blocks.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "ssh/session_priv.h"
#include "ssh/window.h"

#define OUTGOING_BYTES 65536u
#define READ_BYTES (1024u * 1024) /* taken from the channel at once */
#define IN_ROUNDS 64		  /* then other channels have their turn */
#define IN_SLACK (256u * 1024)	  /* what may arrive between two looks */

static int on_ready(socket_t fd, int events, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	w->seen |= (short)events;
	return 0;
}

void watch_set(struct watch *w, int fd, short waiting)
{
	if (w->waiting == waiting && w->fd == fd)
		return;
	if (w->waiting)
		ssh_event_remove_fd(w->event, w->fd);
	w->fd = fd;
	w->seen = 0;
	w->waiting = fd >= 0 ? waiting : 0;
	if (w->waiting && ssh_event_add_fd(w->event, fd, waiting, on_ready, w) != SSH_OK)
		w->waiting = 0;
}

static size_t incoming_bytes(const struct chan *c)
{
	return c->s->config->window_bytes + IN_SLACK + READ_BYTES;
}

int pump_start(struct chan *c)
{
	ssh_event event = c->s->event;

	c->in.event = c->exit.event = c->out.watch.event = c->err_out.watch.event = event;
	c->err_out.is_stderr = 1;
	c->err_out.ended = c->p.err_out < 0;
	c->incoming = mmap(NULL, incoming_bytes(c), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	c->out.data = malloc(OUTGOING_BYTES);
	c->err_out.data = malloc(OUTGOING_BYTES);
	if (c->incoming == MAP_FAILED) {
		c->incoming = NULL;
		return -1;
	}
	if (!c->out.data || !c->err_out.data)
		return -1;
	watch_set(&c->exit, c->p.pidfd, POLLIN);
	watch_set(&c->out.watch, c->p.out, POLLIN);
	if (c->p.err_out >= 0)
		watch_set(&c->err_out.watch, c->p.err_out, POLLIN);
	return 0;
}

static void close_input(struct chan *c)
{
	watch_set(&c->in, -1, 0);
	c->in_closed = true;
	c->in_len = 0;
	if (c->p.is_pty || c->p.in < 0)
		return;
	close(c->p.in);
	c->p.in = -1;
}

/*
 * Takes what the channel holds. Asking for exactly that never polls. Asking for a large count widens the window to
 * that count (libssh 0.10), which lifts the limit of 1.28 MB per round trip; done when half of it was used, because
 * each time costs a message.
 */
static void fill(struct chan *c)
{
	int held = ssh_channel_poll(c->handle, 0);
	int n;

	if (held <= 0)
		return;
	if (c->since_grown >= c->window / 2 && (size_t)held <= READ_BYTES) {
		c->since_grown = 0;
		c->window = window_for(window_round_trip_us(ssh_get_fd(c->s->handle)),
				       c->s->config->window_bytes);
		n = ssh_channel_read_timeout(c->handle, c->incoming, (uint32_t)c->window, 0, 0);
	} else {
		uint32_t want = (size_t)held > READ_BYTES ? READ_BYTES : (uint32_t)held;

		n = ssh_channel_read_timeout(c->handle, c->incoming, want, 0, 0);
	}
	if (n <= 0)
		return;
	c->in_off = 0;
	c->in_len = (size_t)n;
	c->since_grown += (uint64_t)n;
}

/* Returns whether everything was taken. A process that stopped reading does not stop the client: dropped. */
static bool drain_incoming(struct chan *c)
{
	while (c->in_len > 0 && !c->in_closed) {
		ssize_t n = write(c->p.in, c->incoming + c->in_off, c->in_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			watch_set(&c->in, c->p.in, POLLOUT);
			c->in.seen = 0;
			return false;
		}
		if (n < 0) {
			close_input(c);
			break;
		}
		c->in_off += (size_t)n;
		c->in_len -= (size_t)n;
	}
	c->in_len = 0;
	watch_set(&c->in, c->p.in, 0);
	return true;
}

void pump_in(struct chan *c)
{
	unsigned round;

	if (c->in_len > 0 && c->in.waiting && !c->in.seen)
		return; /* the pipe is still full */
	if (!drain_incoming(c))
		return;
	for (round = 0; c->handle && round < IN_ROUNDS; round++) {
		fill(c);
		if (c->in_len == 0)
			break;
		if (!drain_incoming(c))
			return;
	}
	/* A clean end only: after a close without EOF the process is told by other means (chan.c). */
	if (c->in_closed || c->in_len > 0)
		return;
	if (c->got_eof && (!c->handle || ssh_channel_poll(c->handle, 0) <= 0)) {
		if (c->p.is_pty && c->handle && write(c->p.in, "\004", 1) < 0)
			log_debug("ssh: end of file to a terminal: %s", strerror(errno));
		close_input(c);
	} else if (c->got_close && !c->p.ends_with_client) {
		close_input(c);
	}
}

/* More than a socket's worth must not pile up in memory: libssh queues up to the peer's whole window. */
static bool may_send(struct chan *c)
{
	return ssh_channel_window_size(c->handle) > 0 &&
	       !(ssh_get_poll_flags(c->s->handle) & SSH_WRITE_PENDING);
}

/* Returns whether nothing is left over. During a new key exchange libssh takes 0 bytes. */
static bool send_outgoing(struct chan *c, struct outgoing *o)
{
	while (o->len > 0) {
		int n;

		if (!c->handle || c->got_close) {
			o->len = 0;
			break;
		}
		if (!may_send(c))
			return false;
		n = o->is_stderr ? ssh_channel_write_stderr(c->handle, o->data + o->off,
							    (uint32_t)o->len)
				 : ssh_channel_write(c->handle, o->data + o->off, (uint32_t)o->len);
		if (n < 0)
			o->len = 0;
		if (n <= 0)
			return false;
		o->off += (size_t)n;
		o->len -= (size_t)n;
	}
	return true;
}

void pump_out(struct chan *c, struct outgoing *o)
{
	int fd = o->is_stderr ? c->p.err_out : c->p.out;

	while (send_outgoing(c, o) && !o->ended) {
		ssize_t n;

		if (o->watch.waiting && !o->watch.seen && c->is_running)
			return;
		o->watch.seen = 0;
		n = read(fd, o->data, OUTGOING_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && c->is_running) {
			watch_set(&o->watch, fd, POLLIN);
			return;
		}
		/* EAGAIN after the process ended: somebody else still holds the pipe, not our business. */
		if (n <= 0) {
			watch_set(&o->watch, -1, 0);
			o->ended = true;
			return;
		}
		o->off = 0;
		o->len = (size_t)n;
	}
	/* Not watched while nothing more can be taken, else the poll would spin. */
	if (o->len > 0)
		watch_set(&o->watch, fd, 0);
}

bool pump_is_drained(const struct chan *c)
{
	return c->out.ended && c->err_out.ended && c->out.len == 0 && c->err_out.len == 0;
}

void pump_stop(struct chan *c)
{
	watch_set(&c->in, -1, 0);
	watch_set(&c->exit, -1, 0);
	watch_set(&c->out.watch, -1, 0);
	watch_set(&c->err_out.watch, -1, 0);
	if (c->p.in >= 0)
		close(c->p.in);
	if (c->p.out >= 0 && c->p.out != c->p.in)
		close(c->p.out);
	if (c->p.err_out >= 0)
		close(c->p.err_out);
	if (c->p.pidfd >= 0)
		close(c->p.pidfd);
	free(c->out.data);
	free(c->err_out.data);
	c->out.data = c->err_out.data = NULL;
	if (c->incoming)
		munmap(c->incoming, incoming_bytes(c));
	c->incoming = NULL;
}
