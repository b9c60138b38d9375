/* SPDX-License-Identifier: MIT */
/*
 * Receiving a tar stream into a directory tree. transfer owns libarchive (for reading) and the writer; it
 * knows nothing of disks, stages or SSH: it is given a descriptor to read and a root to write.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"
#include "transfer/manifest.h"

/* Counters that another thread may read while the receive runs. */
struct tar_progress {
	_Atomic uint64_t stream_bytes; /* read from the descriptor, compressed */
	_Atomic uint64_t file_bytes;   /* of file data handed to the writers */
	_Atomic uint64_t entries;
	_Atomic uint64_t entries_unchanged; /* update only */
};

struct tar_options {
	bool update;	      /* the tree has content: compare, replace, remove what is gone */
	bool allow_deletions; /* more than 10 % of the old manifest may be removed */
	unsigned writers;     /* writer threads; 0: number of CPUs, at most 8 */
	const struct manifest *old; /* what the tree held (update), or NULL */
	/*
	 * Prefixes that are never written, NULL-terminated: ".rehost" means that entry and all below it, "proc/"
	 * only what is below.
	 */
	const char *const *skip;
	/* Called about every 16 MiB and every 5,000 entries from the reading thread; non-zero: stop, with e set. */
	int (*may_continue)(void *arg, struct err *e);
	/*
	 * Called before space for a whole large file is taken at once (fd: the new, empty file), from writer threads;
	 * non-zero: stop, with e set. May be NULL.
	 */
	int (*has_room)(void *arg, int fd, uint64_t bytes, struct err *e);
	void *arg;
	struct tar_progress *progress; /* may be NULL */
	uint64_t unpack_memory;	       /* bytes for the decompressor; 0: by what the machine has */
};

struct tar_result {
	struct manifest *manifest; /* what the tree now holds; owned by the caller */
	uint64_t entries;
	uint64_t file_bytes;
	uint64_t removed;
	bool saw_xattrs;	 /* any xattr, ACL or capability record in the stream */
	const char *compression; /* "none", "gzip", "zstd", ... static text */
	struct strlist notes;	 /* things lost or skipped, first 100, escaped for people */
	uint64_t note_count;
};

/*
 * Reads a tar stream (v7, ustar, GNU, pax; plain, gzip, bzip2, xz, zstd, lz4, detected) from fd until its
 * end and writes it under dest, as root: owners, modes, nanosecond times, hard links, sparse files, device
 * nodes, FIFOs, all xattr classes, ACLs with names resolved through the incoming passwd and group, file
 * capabilities. Sockets are skipped with a note.
 *
 * The end must be seen: two zero blocks. A stream that is cut (at any position, also between members), that is
 * not a tar, has a bad header, an entry with "..", or a name that escapes through a link in the tree
 * fails with ERR_TAR_*; leading "/" and "./" are stripped. Write errors (ENOSPC, EDQUOT, EIO, EROFS) stop
 * at once. What was written stays, marked by nothing: the caller's manifest is the only end marker.
 * dest's own owner, mode, times and xattrs are set from a "./" entry. docs/wire.md says what is carried and what is
 * lost. The process must stay in the C locale (no setlocale): libarchive would re-encode names. /proc must be
 * mounted for attributes of links and devices. While it runs, RLIMIT_DATA of the process is set: a stream whose
 * decompressor wants more than its share is ERR_TAR_MEMORY.
 */
int tar_receive(int fd, const struct root *dest, const struct tar_options *options,
		struct tar_result *ret, struct err *e) must_check;
void tar_result_done(struct tar_result *r);
