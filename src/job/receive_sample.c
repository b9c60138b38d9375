/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "job/job.h"

/* The clock begins with the first bytes: the connection was made before, and the sender has started to read its disk. */
int job_receive_sample(int fd, FILE *out, struct err *e)
{
	static char buf[65536];
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint64_t began = 0, ms = 0;
	long long bytes = 0;
	ssize_t n;

	while (bytes < SAMPLE_BYTES_MAX && ms < SAMPLE_MS_MAX) {
		if (poll(&wait, 1, SAMPLE_MS_MAX) == 0)
			break;
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_FILE, errno, "reading the sample");
		if (n == 0)
			break;
		if (bytes == 0)
			began = now_ms();
		else
			ms = now_ms() - began;
		bytes += n;
	}
	fprintf(out, "received %lld bytes in %llu ms\n", bytes, (unsigned long long)ms);
	return 0;
}
