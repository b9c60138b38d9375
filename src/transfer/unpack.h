/* SPDX-License-Identifier: MIT */
/* Taking a handful of plain files out of a small archive of our own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/root.h"

struct unpack_limits {
	unsigned files;
	uint64_t file_bytes, total_bytes;
};

/*
 * Reads a cpio (newc) from a stream, in any compression that libarchive knows (detected), and writes the plain
 * files directly in its folder prefix ("rescue") into dest, root's, mode 0600, replacing what is there. Folders
 * are passed over; anything else (links, devices, deeper files, other places) is ERR_LOADER_PAYLOAD, and so is an archive that
 * is damaged, ends early, holds a name twice or exceeds the limits. The rest of the stream is read to its end. Nothing is synced.
 */
int unpack_flat(int fd, const struct root *dest, const char *prefix,
		const struct unpack_limits *limits, struct err *e) must_check;
