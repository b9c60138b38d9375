/* SPDX-License-Identifier: MIT */
/*
 * Turning a connection away with a reason that its client shows. A line before the banner is shown by -v alone, and a
 * socket that is closed with unread bytes resets the connection, reason and all.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define REFUSE_LINGER 8 /* sockets waiting for their client to close */
#define REFUSE_LINGER_MS 3000

struct refused {
	struct {
		int fd; /* -1: free */
		uint64_t until_ms;
	} slots[REFUSE_LINGER];
};

/*
 * The banner and SSH_MSG_DISCONNECT (RFC 4253 section 11.1, reason 12) as bytes; before a key exchange packets are plain.
 * Returns the length, 0 when it does not fit.
 */
size_t refuse_message(const char *reason, uint8_t *buf, size_t size);

void refuse_init(struct refused *r);
/* Says why and ends our side; takes fd. */
void refuse_client(struct refused *r, int fd, const char *reason, uint64_t now_ms);
/* Throws away what clients send and closes what is over. Returns milliseconds until it wants to be called again, or -1. */
int refuse_step(struct refused *r, uint64_t now_ms);
/* In a process that was forked: lets go of the sockets without a word. */
void refuse_forget(struct refused *r);
