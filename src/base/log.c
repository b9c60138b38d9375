/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <time.h>

#include "base/io.h"
#include "base/str.h"

static int log_fd = -1;
static int log_verbose;

void log_open(const char *path)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

void log_set_verbose(int on)
{
	log_verbose = on;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char letters[] = "DIWE";
	int saved = errno;
	char text[1024], safe[1200], line[1300];
	struct timespec now;
	va_list ap;
	int n;

	if (log_fd < 0 && !log_verbose)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_escape(safe, sizeof(safe), text);
	clock_gettime(CLOCK_MONOTONIC, &now);
	n = snprintf(line, sizeof(line), "%6lld.%03ld %c [%d] %s\n", (long long)now.tv_sec,
		     now.tv_nsec / 1000000, letters[level], (int)getpid(), safe);
	if (log_fd >= 0)
		write_all(log_fd, line, (size_t)n);
	if (log_verbose)
		write_all(STDERR_FILENO, line, (size_t)n);
	errno = saved;
}
