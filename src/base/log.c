/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/str.h"

static int log_fd = -1;
static int log_verbose;
static char log_path[PATH_MAX];

static void reopen(void)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void log_open(const char *path)
{
	log_path[0] = '\0';
	if (path && strlen(path) < sizeof(log_path) - strlen(LOG_OLD))
		strcpy(log_path, path);
	if (log_path[0])
		reopen();
	else if (log_fd >= 0)
		close(fd_take(&log_fd));
}

static bool is_full(void)
{
	struct stat st;

	return log_fd >= 0 && fstat(log_fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size >= LOG_MAX;
}

/*
 * Several processes write the same file. Whoever finds it full looks at the path again, because another one may have put
 * a new file there; only with the lock of the file that is at the path is it moved aside, and once.
 */
static void keep_small(void)
{
	char old[PATH_MAX];
	struct stat mine, there;

	if (!is_full())
		return;
	reopen();
	if (!is_full() || flock(log_fd, LOCK_EX | LOCK_NB) < 0)
		return;
	snprintf(old, sizeof(old), "%.*s" LOG_OLD, (int)(sizeof(old) - sizeof(LOG_OLD)), log_path);
	if (fstat(log_fd, &mine) == 0 && stat(log_path, &there) == 0 &&
	    mine.st_dev == there.st_dev && mine.st_ino == there.st_ino &&
	    rename(log_path, old) < 0 && ftruncate(log_fd, 0) < 0)
		return;
	reopen();
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
	keep_small();
	if (log_fd >= 0)
		write_all(log_fd, line, (size_t)n);
	if (log_verbose)
		write_all(STDERR_FILENO, line, (size_t)n);
	errno = saved;
}
