/* SPDX-License-Identifier: MIT */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int pwrite_all(int fd, const void *data, size_t len, off_t offset)
{
	const char *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

ssize_t read_full(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t pread_full(int fd, void *data, size_t len, off_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)data + done, len - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int fd_slurp(int fd, struct strbuf *ret, size_t limit, struct err *e)
{
	char chunk[16384];
	size_t start = ret->len;

	for (;;) {
		ssize_t n = read_full(fd, chunk, sizeof(chunk));

		if (n < 0)
			return err_set(e, ERR_FILE, errno, "reading");
		if (ret->len - start + (size_t)n > limit)
			return err_set(e, ERR_LIMIT, 0, "more than %zu bytes", limit);
		strbuf_add(ret, chunk, (size_t)n);
		if (ret->failed)
			return err_set(e, ERR_NOMEM, 0, "reading a file");
		if ((size_t)n < sizeof(chunk))
			return 0;
	}
}

int file_slurp(const char *path, struct strbuf *ret, size_t limit, struct err *e)
{
	int fd cleanup_fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", path);
	if (fd_slurp(fd, ret, limit, e) < 0)
		return err_ctx(e, "reading %s", path);
	return 0;
}

static int sync_parent(const char *path)
{
	char copy[PATH_MAX];
	int fd, rc;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
	char tmp[PATH_MAX];
	int fd;

	if (snprintf(tmp, sizeof(tmp), "%s.rehost-new", path) >= (int)sizeof(tmp))
		return err_set(e, ERR_FILE, ENAMETOOLONG, "%s", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", tmp);
	if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fdatasync(fd) < 0) {
		err_set(e, ERR_FILE, errno, "%s", tmp);
		close(fd);
		unlink(tmp);
		return -1;
	}
	close(fd);
	if (rename(tmp, path) < 0 || sync_parent(path) < 0)
		return err_set(e, ERR_FILE, errno, "%s", path);
	return 0;
}

int mkdirs(const char *path, mode_t mode, struct err *e)
{
	char copy[PATH_MAX];
	char *p;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return err_set(e, ERR_FILE, ENAMETOOLONG, "%s", path);
	for (p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return err_set(e, ERR_FILE, errno, "%s", copy);
		*p = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return err_set(e, ERR_FILE, errno, "%s", copy);
	return 0;
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
