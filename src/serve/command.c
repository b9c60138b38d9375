/* SPDX-License-Identifier: MIT */
#include "serve/command.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/run.h"
#include "serve/request.h"

#define PIPE_BYTES (1024 * 1024)
#define ENV_MAX 8

/* What the child needs; made before the fork, so that the child allocates nothing. */
struct plan {
	char *argv[REQUEST_WORDS_MAX + 2];
	char *envp[ENV_MAX];
	char client[96], term[96], run[512];
	const struct session_request *request;
	bool ends_with_client;
};

static _Noreturn void run_child(const struct plan *plan, int in, int out, int err_out, pid_t parent)
{
	struct rlimit memory;
	sigset_t none;
	int i;

	if (plan->request->has_pty) {
		setsid();
		ioctl(in, TIOCSCTTY, 0);
	} else {
		setpgid(0, 0);
	}
	/* A killed connection process must not look like the end of the client's data. */
	if (plan->ends_with_client) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(128 + SIGTERM);
	}
	for (i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (getrlimit(RLIMIT_AS, &memory) == 0) {
		memory.rlim_cur = memory.rlim_max;
		setrlimit(RLIMIT_AS, &memory);
	}
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err_out, STDERR_FILENO);
	execve("/proc/self/exe", plan->argv, plan->envp);
	dprintf(STDERR_FILENO, "rehost: the command could not be started: %s\n", strerror(errno));
	_exit(EXIT_INTERNAL);
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void close_all(int *fds, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* The parent's half after the fork. A kernel without pidfd_open (before 5.3) has no openat2 either. */
static int adopt(struct session_process *p)
{
	if (!p->is_pty)
		setpgid(p->pid, p->pid);
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd < 0 || set_nonblocking(p->in) < 0 || set_nonblocking(p->out) < 0 ||
	    (p->err_out >= 0 && set_nonblocking(p->err_out) < 0)) {
		kill(p->pid, SIGKILL);
		return -1;
	}
	return 0;
}

static int start_piped(const struct plan *plan, struct session_process *p)
{
	int fds[6] = { -1, -1, -1, -1, -1, -1 }; /* stdin, stdout, stderr: reader, writer */
	pid_t parent = getpid();

	if (pipe2(fds, O_CLOEXEC) < 0 || pipe2(fds + 2, O_CLOEXEC) < 0 ||
	    pipe2(fds + 4, O_CLOEXEC) < 0)
		goto fail;
	fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES); /* smaller is only slower */
	p->pid = fork();
	if (p->pid < 0)
		goto fail;
	if (p->pid == 0)
		run_child(plan, fds[0], fds[3], fds[5], parent);
	p->in = fd_take(&fds[1]);
	p->out = fd_take(&fds[2]);
	p->err_out = fd_take(&fds[4]);
	close_all(fds, 6);
	return adopt(p);
fail:
	close_all(fds, 6);
	return -1;
}

static int start_on_pty(const struct plan *plan, struct session_process *p)
{
	struct winsize size = { .ws_col = (unsigned short)plan->request->columns,
				.ws_row = (unsigned short)plan->request->rows };
	int fds[2] = { -1, -1 };
	pid_t parent = getpid();

	if (openpty(&fds[0], &fds[1], NULL, NULL, &size) < 0)
		return -1;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	p->out = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
	p->pid = p->out < 0 ? -1 : fork();
	if (p->pid < 0) {
		close_all(fds, 2);
		return -1;
	}
	if (p->pid == 0)
		run_child(plan, fds[1], fds[1], fds[1], parent);
	p->in = fds[0];
	p->is_pty = true;
	close(fds[1]);
	return adopt(p);
}

static void fill_environment(struct plan *plan, const struct command_place *place)
{
	unsigned n = 0;

	plan->envp[n++] = (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	plan->envp[n++] = (char *)"HOME=/root";
	plan->envp[n++] = (char *)"LC_ALL=C";
	snprintf(plan->client, sizeof(plan->client), "REHOST_CLIENT=%s", place->client);
	plan->envp[n++] = plan->client;
	if (plan->request->is_observer)
		plan->envp[n++] = (char *)RUN_OBSERVER_ENV "=1";
	if (strcmp(run_dir(), RUN_DIR_DEFAULT) != 0) {
		snprintf(plan->run, sizeof(plan->run), "REHOST_RUN_DIR=%s", run_dir());
		plan->envp[n++] = plan->run;
	}
	if (plan->request->has_pty) {
		snprintf(plan->term, sizeof(plan->term), "TERM=%s", plan->request->term);
		plan->envp[n++] = plan->term;
	}
	plan->envp[n] = NULL;
}

/* Finds out what to run. Returns 0, or the exit code of a refusal. */
static int choose(const struct session_request *r, bool allow_shell, struct strlist *words,
		  bool *ret_ends, char *answer, size_t size)
{
	const struct request_command *found;
	struct err e = ERR_INIT;
	char shown[128];

	if (r->command && request_split(words, r->command, &e) < 0) {
		snprintf(answer, size, "rehost: %s; 'help' lists the commands\n", e.ctx[0]);
		return EXIT_USAGE;
	}
	if (words->count == 0) {
		*ret_ends = true;
		if (strlist_add(words, r->has_pty && allow_shell && !r->is_observer
					       ? "shell"
					       : "no-command") < 0)
			return EXIT_INTERNAL;
		return 0;
	}
	found = request_find(words->items[0]);
	if (!found) {
		str_escape(shown, sizeof(shown), words->items[0]);
		snprintf(answer, size, "rehost: there is no command '%s'; 'help' lists them\n",
			 shown);
		return EXIT_USAGE;
	}
	if (r->is_observer && !found->looks) {
		snprintf(answer, size,
			 "rehost: '%s' is not for you: your key may look, not write. Yours are "
			 "help, "
			 "status, plan,\nidentity, report, log and check\n",
			 found->name);
		return EXIT_USAGE;
	}
	if (found->needs_permission && !allow_shell) {
		snprintf(answer, size,
			 "rehost: '%s' is not allowed here; start the rescue with "
			 "rehost.shell=1 to allow it\n",
			 found->name);
		return EXIT_USAGE;
	}
	if (found->takes_stream && r->has_pty) {
		snprintf(answer, size,
			 "rehost: '%s' takes a stream and a terminal would damage it; connect "
			 "without -t\n",
			 found->name);
		return EXIT_USAGE;
	}
	*ret_ends = found->ends_with_client || r->is_observer;
	return 0;
}

int command_start(void *arg, const struct session_request *r, struct session_process *ret,
		  char *answer, size_t size)
{
	const struct command_place *place = arg;
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct session_process p = { .pid = -1, .pidfd = -1, .in = -1, .out = -1, .err_out = -1 };
	struct plan plan = { .request = r };
	char shown[256];
	size_t i;
	int code = choose(r, place->allow_shell, &words, &plan.ends_with_client, answer, size);

	str_escape(shown, sizeof(shown), r->command ? r->command : "(no command)");
	log_info("serve: %s: %s%s", place->client, shown, code ? ": refused" : "");
	if (code)
		return code;
	plan.argv[0] = (char *)"rehost";
	for (i = 0; i < words.count; i++)
		plan.argv[i + 1] = words.items[i];
	fill_environment(&plan, place);
	p.ends_with_client = plan.ends_with_client;
	if ((r->has_pty ? start_on_pty(&plan, &p) : start_piped(&plan, &p)) < 0) {
		int fds[] = { p.in, p.out, p.err_out, p.pidfd };

		snprintf(answer, size, "rehost: the command could not be started: %s\n",
			 strerror(errno));
		close_all(fds, 4);
		return EXIT_INTERNAL;
	}
	*ret = p;
	return 0;
}
