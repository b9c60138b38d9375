/* SPDX-License-Identifier: MIT */
#include "ssh/ahead.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define AHEAD_BYTES (256u * 1024)
#define POLL_EVERY 16 /* other descriptors are looked at after so many reads from the buffer */

/* The connection process has one socket, and libssh gives these calls no context: hence statics. */
static struct {
	int fd;
	char *data;
	size_t off, len;
	unsigned since_poll;
} ahead = { .fd = -1 };

void ahead_set_socket(int fd)
{
	if (!ahead.data)
		ahead.data = malloc(AHEAD_BYTES);
	ahead.fd = ahead.data ? fd : -1;
	ahead.off = ahead.len = 0;
}

ssize_t rehost_ssh_recv(int fd, void *buf, size_t len, int flags)
{
	if (fd != ahead.fd || flags != 0)
		return recv(fd, buf, len, flags);
	if (ahead.len == 0) {
		ssize_t n = recv(fd, ahead.data, AHEAD_BYTES, 0);

		if (n <= 0)
			return n;
		ahead.off = 0;
		ahead.len = (size_t)n;
	}
	if (len > ahead.len)
		len = ahead.len;
	memcpy(buf, ahead.data + ahead.off, len);
	ahead.off += len;
	ahead.len -= len;
	return (ssize_t)len;
}

int rehost_ssh_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct pollfd *ours = NULL;
	nfds_t i;
	int ready;

	for (i = 0; ahead.len > 0 && i < count && !ours; i++)
		if (fds[i].fd == ahead.fd && (fds[i].events & POLLIN))
			ours = &fds[i];
	if (!ours)
		return poll(fds, count, timeout_ms);
	if (++ahead.since_poll < POLL_EVERY) {
		for (i = 0; i < count; i++)
			fds[i].revents = 0;
		ours->revents = POLLIN;
		return 1;
	}
	ahead.since_poll = 0;
	ready = poll(fds, count, 0);
	if (ready < 0)
		return ready;
	ready += ours->revents == 0;
	ours->revents |= POLLIN;
	return ready;
}
