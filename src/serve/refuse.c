/* SPDX-License-Identifier: MIT */
#include "serve/refuse.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define BANNER "SSH-2.0-rehost_" REHOST_VERSION "\r\n"
#define MSG_DISCONNECT 1
#define TOO_MANY_CONNECTIONS 12
#define BLOCK 8 /* packets are a multiple of it */
#define PADDING_MIN 4
#define STEP_MS 100
#define DISCARD_MAX 262144 /* a step; a client that floods waits for the next */

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
	return p + 4;
}

size_t refuse_message(const char *reason, uint8_t *buf, size_t size)
{
	size_t banner = sizeof(BANNER) - 1, text = strlen(reason);
	size_t payload = 1 + 4 + 4 + text + 4; /* code, reason, description, language */
	size_t padding = BLOCK - (4 + 1 + payload) % BLOCK;
	uint8_t *p = buf + banner;

	if (padding < PADDING_MIN)
		padding += BLOCK;
	if (banner + 4 + 1 + payload + padding > size)
		return 0;
	memcpy(buf, BANNER, banner);
	p = put_u32(p, (uint32_t)(1 + payload + padding));
	*p++ = (uint8_t)padding;
	*p++ = MSG_DISCONNECT;
	p = put_u32(p, TOO_MANY_CONNECTIONS);
	p = put_u32(p, (uint32_t)text);
	memcpy(p, reason, text);
	p = put_u32(p + text, 0);
	memset(p, 0, padding);
	return (size_t)(p + padding - buf);
}

void refuse_init(struct refused *r)
{
	unsigned i;

	for (i = 0; i < REFUSE_LINGER; i++)
		r->slots[i].fd = -1;
}

void refuse_client(struct refused *r, int fd, const char *reason, uint64_t now_ms)
{
	uint8_t message[512];
	size_t len = refuse_message(reason, message, sizeof(message));
	unsigned i;

	if (send(fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 || shutdown(fd, SHUT_WR) < 0)
		log_debug("serve: turning away: %s", strerror(errno));
	for (i = 0; i < REFUSE_LINGER; i++) {
		if (r->slots[i].fd >= 0)
			continue;
		r->slots[i].fd = fd;
		r->slots[i].until_ms = now_ms + REFUSE_LINGER_MS;
		return;
	}
	close(fd); /* a flood: these get a reset */
}

/* Whether the client is gone. */
static int discard(int fd)
{
	char chunk[16384];
	ssize_t n;
	size_t total = 0;

	while (total < DISCARD_MAX) {
		n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n == 0)
			return 1;
		if (n < 0)
			return errno != EAGAIN && errno != EINTR;
		total += (size_t)n;
	}
	return 0;
}

int refuse_step(struct refused *r, uint64_t now_ms)
{
	int wait = -1;
	unsigned i;

	for (i = 0; i < REFUSE_LINGER; i++) {
		int fd = r->slots[i].fd;

		if (fd < 0)
			continue;
		if (discard(fd) || now_ms >= r->slots[i].until_ms) {
			close(fd);
			r->slots[i].fd = -1;
		} else {
			wait = STEP_MS;
		}
	}
	return wait;
}

void refuse_forget(struct refused *r)
{
	unsigned i;

	for (i = 0; i < REFUSE_LINGER; i++)
		if (r->slots[i].fd >= 0)
			close(r->slots[i].fd);
	refuse_init(r);
}
