/* SPDX-License-Identifier: MIT */
/*
 * S: a GRUB environment block (grub-core/lib/envblk.c: a fixed first line, NAME=VALUE lines, '#' up to the end) of one
 * sector, which GRUB's save_env rewrites in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "disk/physical.h"
#include "job/loader_priv.h"

#define HEAD "# GRUB Environment Block\nrehost="

void loader_s_encode(enum loader_choice c, char ret[LOADER_S_BYTES])
{
	int n = snprintf(ret, LOADER_S_BYTES, HEAD "%s\n", loader_choice_name(c));

	memset(ret + n, '#', LOADER_S_BYTES - (size_t)n);
}

int loader_s_decode(const void *data, size_t len, enum loader_choice *ret, struct err *e)
{
	char want[LOADER_S_BYTES];
	unsigned c;

	if (len != LOADER_S_BYTES)
		return err_set(e, ERR_LOADER_S, 0, "/%s has %zu bytes, not %d", LOADER_S, len,
			       LOADER_S_BYTES);
	for (c = 0; c < LOADER_CHOICES; c++) {
		loader_s_encode((enum loader_choice)c, want);
		if (memcmp(want, data, len) == 0) {
			*ret = (enum loader_choice)c;
			return 0;
		}
	}
	return err_set(e, ERR_LOADER_S, 0, "/%s holds none of the four words", LOADER_S);
}

int loader_selected(const struct root *fs, enum loader_choice *ret, struct err *e)
{
	struct strbuf data cleanup_strbuf = STRBUF_INIT;
	int fd cleanup_fd = root_openat(fs, LOADER_S, O_RDONLY | O_NOFOLLOW, 0, NULL);

	if (fd < 0)
		return err_set(e, ERR_LOADER_S, errno, "/%s", LOADER_S);
	if (fd_slurp(fd, &data, 4096, NULL) < 0)
		return err_set(e, ERR_LOADER_S, errno, "reading /%s", LOADER_S);
	return loader_s_decode(strbuf_str(&data), data.len, ret, e);
}

/* Writes the sector and proves that the loader will read it. */
static int write_s(int fd, enum loader_choice c, struct err *e)
{
	char want[LOADER_S_BYTES], now[LOADER_S_BYTES];

	loader_s_encode(c, want);
	if (pwrite_all(fd, want, sizeof(want), 0) < 0 || fsync(fd) < 0)
		return err_set(e, ERR_LOADER_S, errno, "writing /%s", LOADER_S);
	if (physical_read(fd, now, sizeof(now), e) < 0)
		return err_ctx(e, "reading back /%s", LOADER_S);
	if (memcmp(now, want, sizeof(now)) != 0)
		return err_set(e, ERR_LOADER_S, 0, "the disk does not hold \"%s\" in /%s",
			       loader_choice_name(c), LOADER_S);
	return 0;
}

/* Where there is no run folder nobody asks: the clone, a test. */
static void note_selection(void)
{
	char path[256];
	int fd cleanup_fd = open(run_path(path, sizeof(path), RUN_SELECTED),
				 O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 && errno != ENOENT)
		log_warn("%s: %s", path, strerror(errno));
}

bool loader_was_selected(void)
{
	char path[256];

	return access(run_path(path, sizeof(path), RUN_SELECTED), F_OK) == 0;
}

int loader_select(const struct root *fs, enum loader_choice c, struct err *e)
{
	int fd cleanup_fd = root_openat(fs, LOADER_S, O_RDWR | O_NOFOLLOW, 0, NULL);
	struct stat st;

	if (fd < 0)
		return err_set(e, ERR_LOADER_S, errno, "/%s", LOADER_S);
	/* Another size would be another place on the disk than the one that was proved. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != LOADER_S_BYTES)
		return err_set(e, ERR_LOADER_S, 0, "/%s is not a file of %d bytes", LOADER_S,
			       LOADER_S_BYTES);
	note_selection(); /* first: nobody takes what is written here for what the loader left */
	return write_s(fd, c, e);
}

int loader_s_make(const struct root *fs, enum loader_choice c, struct err *e)
{
	static const struct root_meta meta = { .uid = 0, .gid = 0, .mode = 0600 };
	char bytes[LOADER_S_BYTES];
	struct stat st;

	if (root_lstat(fs, LOADER_S, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != LOADER_S_BYTES) {
		loader_s_encode(c, bytes);
		if (root_replace(fs, LOADER_S, bytes, sizeof(bytes), &meta, e) < 0)
			return -1;
	}
	return loader_select(fs, c, e);
}
