/* SPDX-License-Identifier: MIT */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"

static const char *const default_env[] = {
	"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	"LC_ALL=C",
	"HOME=/root",
	NULL,
};

static _Noreturn void child(const struct spawn *s, int out)
{
	int in = s->stdin_fd >= 0 ? s->stdin_fd : open("/dev/null", O_RDONLY);
	sigset_t none;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (s->in_child && s->in_child(s->arg) != 0)
		_exit(126);
	execve(s->argv[0], (char *const *)s->argv,
	       (char *const *)(s->envp ? s->envp : default_env));
	dprintf(STDERR_FILENO, "%s: %s\n", s->argv[0], strerror(errno));
	_exit(127);
}

static void log_output(const char *name, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		log_info("%s: %.*s", name, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* Reads until the writer ends or the time is over; returns 0, or -1 on time-out. */
static int collect(int fd, const struct spawn *s, struct strbuf *out)
{
	size_t limit = s->output_limit ? s->output_limit : 256 * 1024;
	uint64_t deadline = s->timeout_s ? now_ms() + s->timeout_s * 1000ull : 0;
	char chunk[8192];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int wait_ms = -1;
		ssize_t n;

		if (deadline) {
			uint64_t now = now_ms();

			if (now >= deadline)
				return -1;
			wait_ms = (int)(deadline - now > 60000 ? 60000 : deadline - now);
		}
		if (poll(&p, 1, wait_ms) <= 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (out->len < limit)
			strbuf_add(out, chunk, (size_t)n);
	}
}

int spawn_wait(const struct spawn *s, struct err *e)
{
	struct strbuf own cleanup_strbuf = STRBUF_INIT;
	struct strbuf *out = s->output ? s->output : &own;
	size_t start = out->len;
	int fds[2], status, timed_out;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, ERR_SPAWN, errno, "%s", s->argv[0]);
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_set(e, ERR_SPAWN, errno, "%s", s->argv[0]);
	}
	if (pid == 0)
		child(s, fds[1]);
	setpgid(pid, pid);
	close(fds[1]);
	timed_out = collect(fds[0], s, out) < 0;
	close(fds[0]);
	if (timed_out)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	log_output(s->argv[0], strbuf_str(out) + start);
	if (timed_out)
		return err_set(e, ERR_SPAWN, ETIMEDOUT, "%s ran longer than %u s", s->argv[0],
			       s->timeout_s);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
