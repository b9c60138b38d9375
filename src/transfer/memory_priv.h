/* SPDX-License-Identifier: MIT */
/*
 * How much memory a stream may make us take. The window of a decompressor is chosen by who packed the stream, up to 4 GiB,
 * in a few bytes of header, and libarchive hands the demand on: without a limit a small rescue is killed by it.
 * RLIMIT_DATA counts before memory is touched. It is the process's: one receive at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct memory_cap {
	bool is_set;
	struct rlimit before;
	uint64_t unpack; /* bytes that the decompressor may take */
};

/*
 * From here on the process may take unpack_max bytes more than it has now, and a little; 0: half of what is available,
 * between 16 and 512 MiB. Without /proc nothing is limited.
 */
void memory_cap_begin(struct memory_cap *c, uint64_t unpack_max);
/* The decompressor has what it needs: now so many bytes beyond that for everything else, if the machine has them. */
void memory_cap_widen(struct memory_cap *c, uint64_t more);
void memory_cap_end(struct memory_cap *c);

/* Pure, for tests: the default for a machine with so many bytes available. */
uint64_t memory_cap_for(uint64_t available);
