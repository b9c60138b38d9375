/* SPDX-License-Identifier: MIT */
/*
 * Reading ahead for libssh, which takes 4,096 bytes from its socket per recv(2) and asks poll(2) before each: more
 * than half a million system calls for a gigabyte. The static link renames these two calls inside libssh.a
 * (Makefile), so that they come here; with the shared library nothing of this is used.
 */
#pragma once

#include <poll.h>
#include <stddef.h>
#include <sys/types.h>

/* Which socket is read ahead; one per process. Without memory for it, reading goes on as usual. */
void ahead_set_socket(int fd);

ssize_t rehost_ssh_recv(int fd, void *buf, size_t len, int flags);
int rehost_ssh_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
