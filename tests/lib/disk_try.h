/* SPDX-License-Identifier: MIT */
/* The first bytes of a disk that is a file. */
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"

static void disk_write(const char *path, const uint8_t *bytes, size_t len)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite_all(fd, bytes, len, 0), 0);
	close(fd);
}

static const uint8_t *disk_read(const char *path, uint8_t *ret, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread_full(fd, ret, len, 0), len);
	close(fd);
	return ret;
}
