/* SPDX-License-Identifier: MIT */
#include "transfer/memory_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/str.h"

#define MIB ((uint64_t)1 << 20)
#define UNPACK_MIN (16 * MIB) /* gzip, bzip2, lz4, zstd -19 and xz -6 need less */
#define UNPACK_MAX (512 * MIB)
#define SLACK (8 * MIB) /* buffers of both stages, the first blocks */

/* "VmData:     1234 kB" of a file of /proc; 0: not there. */
static uint64_t read_kib(const char *path, const char *key)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	unsigned long long kib;
	const char *at;

	if (file_slurp(path, &text, 65536, NULL) < 0)
		return 0;
	at = strstr(strbuf_str(&text), key);
	return at && sscanf(at + strlen(key), " %llu kB", &kib) == 1 ? (uint64_t)kib << 10 : 0;
}

uint64_t memory_cap_for(uint64_t available)
{
	uint64_t half = available / 2;

	return half < UNPACK_MIN ? UNPACK_MIN : half > UNPACK_MAX ? UNPACK_MAX : half;
}

/* The sanitizers take terabytes of address space of their own. */
static void set_limit(const struct memory_cap *c, uint64_t bytes)
{
#ifndef __SANITIZE_ADDRESS__
	struct rlimit r = c->before;

	if (r.rlim_cur > bytes)
		r.rlim_cur = bytes;
	setrlimit(RLIMIT_DATA, &r);
#else
	(void)c, (void)bytes;
#endif
}

void memory_cap_begin(struct memory_cap *c, uint64_t unpack_max)
{
	uint64_t used = read_kib("/proc/self/status", "VmData:");
	uint64_t available = read_kib("/proc/meminfo", "MemAvailable:");

	*c = (struct memory_cap){ .unpack = unpack_max ? unpack_max : memory_cap_for(available) };
	c->is_set = used && available && getrlimit(RLIMIT_DATA, &c->before) == 0;
	if (c->is_set)
		set_limit(c, used + c->unpack + SLACK);
}

void memory_cap_widen(struct memory_cap *c, uint64_t more)
{
	uint64_t used = read_kib("/proc/self/status", "VmData:");
	uint64_t available = read_kib("/proc/meminfo", "MemAvailable:") +
			     read_kib("/proc/meminfo", "SwapFree:");

	if (!c->is_set)
		return;
	if (more > available)
		more = available;
	set_limit(c, used + more + SLACK);
}

void memory_cap_end(struct memory_cap *c)
{
	if (c->is_set)
		setrlimit(RLIMIT_DATA, &c->before);
	c->is_set = false;
}
