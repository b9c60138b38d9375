/* SPDX-License-Identifier: MIT */
#include "job/lowmem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "job/foreign.h"

#define HEADER_BYTES 4096 /* mkswap(8): one page, with UUID and label */
#define SWAP_MIN_BYTES (16ull * 1024 * 1024)
#define HEADER_FILE "swap.header"

bool lowmem_decide(const char *option, unsigned long long ram_bytes, bool is_foreign)
{
	if (option && strcmp(option, "off") == 0)
		return false;
	if (option && (strcmp(option, "on") == 0 || strcmp(option, "1") == 0))
		return true;
	return !is_foreign && ram_bytes < LOWMEM_RAM_BYTES;
}

bool lowmem_is_wanted(void)
{
	char *option cleanup_free = run_option("lowmem");
	struct sysinfo si;

	if (sysinfo(&si) < 0)
		return false;
	return lowmem_decide(option, (unsigned long long)si.totalram * si.mem_unit,
			     foreign_is_set());
}

/* The largest. What holds a hibernated system is of another type, and so not among the swaps. */
const struct volume *lowmem_choose(const struct target *t)
{
	const struct volume *best = NULL;
	unsigned i;

	for (i = 0; i < t->swap_count && lowmem_is_wanted(); i++) {
		const struct volume *v = t->swaps[i];

		if (v->size_bytes >= SWAP_MIN_BYTES && !v->is_ambivalent && v->partno &&
		    (!best || v->size_bytes > best->size_bytes))
			best = v;
	}
	return best;
}

static bool is_on(struct strbuf *ret_path)
{
	char path[256];

	return file_slurp(run_path(path, sizeof(path), RUN_SWAP), ret_path, 4096, NULL) == 0;
}

/* Keeps the header and writes down which device it is, before anything can be swapped out. */
static int prepare(const struct volume *v, struct err *e)
{
	/* O_EXCL: nobody else has it, neither as swap nor as anything else. */
	int fd cleanup_fd = open(v->path, O_RDONLY | O_EXCL | O_CLOEXEC);
	char header[HEADER_BYTES], path[256];

	if (fd < 0)
		return err_set(e, ERR_DISK_READ, errno, "%s", v->path);
	if (pread_full(fd, header, sizeof(header), 0) != sizeof(header))
		return err_set(e, ERR_DISK_READ, errno, "%s", v->path);
	if (file_replace(run_path(path, sizeof(path), HEADER_FILE), header, sizeof(header), 0600,
			 e) < 0)
		return -1;
	return file_replace(run_path(path, sizeof(path), RUN_SWAP), v->path, strlen(v->path), 0600,
			    e);
}

static void forget(void)
{
	char path[256];

	unlink(run_path(path, sizeof(path), RUN_SWAP));
	unlink(run_path(path, sizeof(path), HEADER_FILE));
}

void lowmem_begin(const struct target *t)
{
	const struct volume *v = lowmem_choose(t);
	struct strbuf now cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;

	if (!v || is_on(&now))
		return;
	if (prepare(v, &e) < 0) {
		log_warn("lowmem: goes on without %s: %s", v->path, e.nctx ? e.ctx[0] : "");
		return;
	}
	if (swapon(v->path, 0) < 0) {
		log_warn("lowmem: %s cannot be swapped on: %s", v->path, strerror(errno));
		forget();
		return;
	}
	log_info("lowmem: swapping on %s, %llu MiB", v->path,
		 (unsigned long long)v->size_bytes >> 20);
}

/* The kernel never writes the header; a disk that does not keep what it is told would show here. */
static int check_header(const char *device, struct err *e)
{
	struct strbuf saved cleanup_strbuf = STRBUF_INIT;
	char header[HEADER_BYTES], path[256];
	int fd cleanup_fd = open(device, O_RDWR | O_CLOEXEC);

	if (file_slurp(run_path(path, sizeof(path), HEADER_FILE), &saved, HEADER_BYTES, e) < 0)
		return -1;
	if (fd < 0 || saved.len != HEADER_BYTES ||
	    pread_full(fd, header, sizeof(header), 0) != sizeof(header))
		return err_set(e, ERR_DISK_READ, errno, "the header of %s", device);
	if (memcmp(header, saved.data, HEADER_BYTES) == 0)
		return 0;
	log_warn("lowmem: the header of %s has changed, it is put back", device);
	if (pwrite_all(fd, saved.data, HEADER_BYTES, 0) < 0 || fdatasync(fd) < 0)
		return err_set(e, ERR_DISK_READ, errno, "putting the header of %s back", device);
	return 0;
}

int lowmem_end(struct err *e)
{
	struct strbuf device cleanup_strbuf = STRBUF_INIT;

	if (!is_on(&device))
		return 0;
	/* EINVAL: it is not swapped on, somebody did it by hand or the machine was started again. */
	if (swapoff(strbuf_str(&device)) < 0 && errno != EINVAL)
		return err_set(e, errno == ENOMEM ? ERR_NOMEM : ERR_MOUNT_BUSY, errno,
			       "turning off the swap on %s", strbuf_str(&device));
	if (check_header(strbuf_str(&device), e) < 0)
		return -1;
	log_info("lowmem: %s is off", strbuf_str(&device));
	forget();
	return 0;
}
