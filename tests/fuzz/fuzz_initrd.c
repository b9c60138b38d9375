/* SPDX-License-Identifier: MIT */
/* Any bytes as an initramfs image. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "transfer/initrd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int want(void *arg, const char *path)
{
	(void)arg;
	return strlen(path) % 2 == 0;
}

static int file(void *arg, const struct initrd_file *entry)
{
	const unsigned char *p = entry->data;
	unsigned *sum = arg;
	size_t i;

	for (i = 0; p && i < entry->len; i++)
		*sum += p[i];
	return entry->path[0] == '\x7f' ? 7 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC), rc;
	struct err e = ERR_INIT;
	unsigned sum = 0;

	if (fd < 0 || write_all(fd, data, size) < 0)
		abort();
	rc = initrd_walk(fd, want, file, &sum, &e);
	if (rc < 0 && !err_is_set(&e))
		abort();
	close(fd);
	return 0;
}
