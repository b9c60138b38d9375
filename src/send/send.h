/* SPDX-License-Identifier: MIT */
/*
 * The source's side: a live tree as a pax stream for 'receive tar'. The tree is walked and read by one thread while another one writes,
 * with a bounded queue between them. Paths are opened relative to their folders, links are never followed.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct send_options {
	const char *root; /* "/" */
	/* fnmatch(3) patterns over "/path", FNM_PATHNAME; they go with all that is below */
	const struct strlist *excludes;
	const struct strlist *mounts; /* "/home": other file systems that go along */
};

struct send_result {
	uint64_t entries, file_bytes, stream_bytes;
	struct strlist
		notes; /* what vanished, changed or could not be read; the first 100, escaped */
	uint64_t note_count;
	uint64_t
		unread; /* of them: files whose content is missing or not what it was, so that the copy is not whole */
};

/*
 * Sends everything below root in the order of names, a folder before what is in it: all kinds but sockets, each file once and its further names
 * as hard links, holes as holes. Other file systems are left out, except mounts; their mount points are sent as they look from here. Never sent:
 * what is in /proc, /sys, /dev and /run of "/", files that are swapped on, /.rehost. A file that shrinks while it is read is filled up
 * with zeros, one that grows ends at the size that was announced; either is noted. The end marker is written only when all of it was.
 * ERR_SEND_READ for the root or memory, ERR_SEND_WRITE when the other end is gone.
 */
int send_tree(const struct send_options *o, int out, struct send_result *ret,
	      struct err *e) must_check;
void send_result_done(struct send_result *r);
