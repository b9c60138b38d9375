/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program that works on a file system inside a disk image (e2fsck). The file KEEP_FILE names begins
 * at byte KEEP_OFFSET for it. Before each write what is overwritten is appended to the file KEEP_UNDO: offset in the image,
 * length (64-bit, this machine's order), old bytes. Whoever writes them back in reverse order has the image as it was.
 * e2fsck's own options cannot do either: after it replayed a journal it gives up on its undo file, and forgets ?offset=.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static void fail(const char *why)
{
	dprintf(2, "keep_writes: %s\n", why);
	_exit(99);
}

static void *next_of(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		fail(name);
	return fn;
}

static int is_watched(int fd)
{
	static struct stat wanted;
	const char *path = getenv("KEEP_FILE");
	struct stat st;

	if (!wanted.st_ino && (!path || stat(path, &wanted) < 0))
		fail("KEEP_FILE");
	return fstat(fd, &st) == 0 && st.st_ino == wanted.st_ino && st.st_dev == wanted.st_dev;
}

static void put(int fd, const void *data, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);

	if (!real)
		real = next_of("write");
	if (real(fd, data, len) != (ssize_t)len)
		fail("writing to KEEP_UNDO");
}

static void keep(int fd, uint64_t offset, uint64_t len)
{
	static int undo = -1, source = -1;
	static ssize_t (*real)(int, void *, size_t, off_t);
	uint64_t head[2] = { offset, len };
	char *old;

	if (!is_watched(fd) || len == 0)
		return;
	if (undo < 0)
		undo = open(getenv("KEEP_UNDO"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (source < 0)
		source = open(getenv("KEEP_FILE"), O_RDONLY | O_CLOEXEC);
	if (!real)
		real = next_of("pread");
	old = malloc(len);
	if (undo < 0 || source < 0 || !old || real(source, old, len, (off_t)offset) != (ssize_t)len)
		fail("reading what is overwritten");
	put(undo, head, sizeof(head));
	put(undo, old, len);
	free(old);
}

/* Where the file system begins, for the watched file; 0 for any other. */
static off_t shift_of(int fd)
{
	const char *shift = getenv("KEEP_OFFSET");

	return shift && is_watched(fd) ? (off_t)strtoll(shift, NULL, 10) : 0;
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	static ssize_t (*real)(int, void *, size_t, off_t);

	if (!real)
		real = next_of("pread");
	return real(fd, data, len, offset + shift_of(fd));
}

ssize_t pread64(int fd, void *data, size_t len, off64_t offset)
{
	return pread(fd, data, len, offset);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);

	if (!real)
		real = next_of("pwrite");
	offset += shift_of(fd);
	keep(fd, (uint64_t)offset, len);
	return real(fd, data, len, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	return pwrite(fd, data, len, offset);
}

/* The file's own position counts from the file system's beginning. */
static ssize_t advance(int fd, ssize_t done)
{
	if (done > 0)
		lseek(fd, done, SEEK_CUR);
	return done;
}

ssize_t write(int fd, const void *data, size_t len)
{
	if (is_watched(fd))
		return advance(fd, pwrite(fd, data, len, lseek(fd, 0, SEEK_CUR)));
	put(fd, data, len);
	return (ssize_t)len;
}

ssize_t read(int fd, void *data, size_t len)
{
	static ssize_t (*real)(int, void *, size_t);

	if (!real)
		real = next_of("read");
	if (is_watched(fd))
		return advance(fd, pread(fd, data, len, lseek(fd, 0, SEEK_CUR)));
	return real(fd, data, len);
}

/* Nothing below is kept; a program that wants it gets an error and writes instead. */
int fallocate(int fd, int mode, off_t offset, off_t len)
{
	(void)fd, (void)mode, (void)offset, (void)len;
	return -1;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
	return fallocate(fd, mode, offset, len);
}
