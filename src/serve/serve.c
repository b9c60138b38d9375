/* SPDX-License-Identifier: MIT */
/* The listener: accepts, counts, forks, reaps. It never reads a byte that a client sent. */
#include "serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "job/foreign.h"
#include "serve/serve_priv.h"

#define BACKLOG 64
#define REFUSED_EVERY_MS 10000 /* at most one line in the log */

static int listen_on(const struct sockaddr *address, socklen_t len, bool both, struct err *e)
{
	int one = 1, both_off = both ? 0 : 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(e, ERR_LISTEN, errno, "making a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both_off, sizeof(both_off));
	if (bind(fd, address, len) < 0 || listen(fd, BACKLOG) < 0) {
		err_set(e, ERR_LISTEN, errno, "listening on a port");
		close(fd);
		return -1;
	}
	return fd;
}

/* One socket for both families; a kernel without IPv6 gets an IPv4 one. */
static int open_listener(const struct serve_options *o, struct err *e)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)o->port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)o->port) };
	struct err first = ERR_INIT;
	int fd;

	if (o->address && inet_pton(AF_INET, o->address, &v4.sin_addr) == 1)
		return listen_on((struct sockaddr *)&v4, sizeof(v4), false, e);
	if (o->address && inet_pton(AF_INET6, o->address, &v6.sin6_addr) != 1)
		return err_set(e, ERR_LISTEN, 0, "'%s' is not an address", o->address);
	fd = listen_on((struct sockaddr *)&v6, sizeof(v6), !o->address, &first);
	if (fd >= 0)
		return fd;
	if (!o->address && (first.sys == EAFNOSUPPORT || first.sys == EADDRNOTAVAIL))
		return listen_on((struct sockaddr *)&v4, sizeof(v4), false, e);
	*e = first;
	return -1;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	/* The port is at the same place in both families. */
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static void address_text(const struct sockaddr_storage *a, char *buf, size_t size)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, buf,
			  (socklen_t)size);
	else if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, buf, (socklen_t)size);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, buf, (socklen_t)size);
	else
		snprintf(buf, size, "unknown");
}

/* A flood of connections must not push everything else out of the log. */
static void log_refusal(struct server *s, const char *client, enum limits_verdict v)
{
	uint64_t now = now_ms();

	if (s->refused_ms && now - s->refused_ms < REFUSED_EVERY_MS) {
		s->refused++;
		return;
	}
	if (s->refused)
		log_warn("serve: %u more were turned away", s->refused);
	log_warn("serve: %s: turned away: %s", client, limits_text(v));
	s->refused_ms = now;
	s->refused = 0;
}

static void turn_away(struct server *s, int fd, enum limits_verdict v)
{
	char text[160];

	snprintf(text, sizeof(text), "rehost: %s, try again later", limits_text(v));
	refuse_client(&s->turned_away, fd, text, now_ms());
}

static void start_connection(struct server *s, int fd, const struct source *from,
			     const char *client)
{
	int place = limits_place(&s->limits);
	sigset_t none;
	pid_t pid = place < 0 ? -1 : fork();

	if (pid < 0) {
		log_error("serve: %s: no process for it: %s", client, strerror(errno));
		return;
	}
	if (pid > 0) {
		limits_enter(&s->limits, place, pid, from, now_ms());
		return;
	}
	close(s->listener);
	close(s->signals);
	refuse_forget(&s->turned_away);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	connection_main(s, fd, place, client);
}

static void accept_one(struct server *s, int listener)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	int fd cleanup_fd = accept4(listener, (struct sockaddr *)&a, &len, SOCK_CLOEXEC);
	enum limits_verdict v;
	struct source from;
	char client[INET6_ADDRSTRLEN];
	pid_t victim;

	if (fd < 0) {
		/* Out of descriptors or memory: waiting is better than spinning on a readable socket. */
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
			log_error("serve: accept: %s", strerror(errno));
			usleep(200000);
		}
		return;
	}
	address_text(&a, client, sizeof(client));
	from = source_of(&a);
	v = limits_judge(&s->limits, &from, now_ms(), &victim);
	if (v == LIMITS_MANY_WAITING && victim) {
		log_warn("serve: process %d waited too long for its login", (int)victim);
		kill(victim, SIGKILL);
		waitpid(victim, NULL, 0);
		limits_leave(&s->limits, victim);
		v = limits_judge(&s->limits, &from, now_ms(), &victim);
	}
	if (v != LIMITS_OK) {
		log_refusal(s, client, v);
		turn_away(s, fd_take(&fd), v);
		return;
	}
	start_connection(s, fd, &from, client);
}

static void reap(struct server *s)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == s->key_maker)
			s->key_maker = 0;
		limits_leave(&s->limits, pid);
	}
}

/* Returns whether to end. */
static bool take_signal(struct server *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo == SIGCHLD)
		reap(s);
	return info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Process 1 looks at the file's time; what cannot be written is a heart that does not beat. */
static void beat(void)
{
	char path[512];
	int fd;

	if (utimensat(AT_FDCWD, run_path(path, sizeof(path), HEARTBEAT_FILE), NULL, 0) == 0 ||
	    errno != ENOENT)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
}

static void loop(struct server *s)
{
	struct pollfd p[] = {
		{ .fd = s->listener, .events = POLLIN },
		{ .fd = s->signals, .events = POLLIN },
	};
	uint64_t beat_ms = 0;

	for (;;) {
		uint64_t now = now_ms();
		int wait = refuse_step(&s->turned_away, now);

		if (now >= beat_ms) {
			beat();
			beat_ms = now + HEARTBEAT_EVERY_MS;
		}
		if (wait < 0 || wait > HEARTBEAT_EVERY_MS)
			wait = HEARTBEAT_EVERY_MS;
		if (poll(p, ARRAY_SIZE(p), wait) < 0 && errno != EINTR)
			usleep(200000);
		if (p[1].revents && take_signal(s))
			return;
		if (p[0].revents)
			accept_one(s, s->listener);
	}
}

/* Connections that are under way go on without the listener: a restarted worker must not cut a transfer. */
static int prepare(struct server *s, struct err *e)
{
	char path[512], text[32];
	void *flags;
	int n;

	refuse_init(&s->turned_away);
	if (s->options.run_dir)
		setenv("REHOST_RUN_DIR", s->options.run_dir, 1);
	if (mkdirs(run_dir(), 0700, e) < 0)
		return -1;
	log_open(run_path(path, sizeof(path), "log"));
	if (s->options.disks && foreign_begin(s->options.disks, e) < 0)
		return -1;
	flags = mmap(NULL, LIMITS_TOTAL, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (flags == MAP_FAILED)
		return err_set(e, ERR_NOMEM, errno, "the table of connections");
	s->limits.logged_in = flags;
	if (ssh_start(e) < 0 || serve_load_keys(s, e) < 0)
		return -1;
	s->signals = open_signals();
	s->listener = open_listener(&s->options, e);
	if (s->listener < 0)
		return err_ctx(e, "port %u", (unsigned)s->options.port);
	if (unlink(run_path(path, sizeof(path), SERVE_ERROR_FILE)) < 0 && errno != ENOENT)
		log_debug("serve: %s: %s", path, strerror(errno));
	n = snprintf(text, sizeof(text), "%u\n", port_of(s->listener));
	return file_replace(run_path(path, sizeof(path), "port"), text, (size_t)n, 0644, e);
}

int serve_run(const struct serve_options *o, struct err *e)
{
	struct server s = { .options = *o, .listener = -1, .signals = -1 };
	int rc = prepare(&s, e);

	if (rc == 0) {
		printf("listening on port %u\n", port_of(s.listener));
		fflush(stdout);
		log_info("serve: listening on port %u", port_of(s.listener));
		serve_make_rsa(&s);
		loop(&s);
		log_info("serve: asked to end");
		if (o->disks)
			foreign_end();
		if (s.key_maker > 0)
			kill(s.key_maker, SIGTERM);
	}
	hostkey_free(s.ed25519);
	if (s.listener >= 0)
		close(s.listener);
	if (s.signals >= 0)
		close(s.signals);
	return rc;
}
