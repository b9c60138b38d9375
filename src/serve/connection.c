/* SPDX-License-Identifier: MIT */
/* A connection process: its limits, its keys, its session, nothing else. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "serve/command.h"
#include "serve/serve_priv.h"
#include "ssh/session.h"

#define ATTEMPTS 6
#define STRANGER_NICE 10 /* until the login */
/* Address space; libssh does not hold clients to their window. A transfer takes about 30 MiB of it. */
#define MEMORY_BYTES (384ull * 1024 * 1024)
#define MEMORY_BYTES_SMALL (128ull * 1024 * 1024)
#define WINDOW_BYTES (16u * 1024 * 1024)
#define WINDOW_BYTES_SMALL (4u * 1024 * 1024)
#define SMALL_MACHINE_BYTES (400ull * 1024 * 1024)

struct connection {
	struct server *server;
	struct command_place place;
	int slot;
};

static void on_login(void *arg)
{
	struct connection *c = arg;
	struct err e = ERR_INIT;
	char path[256];

	alarm(0);
	if (setpriority(PRIO_PROCESS, 0, 0) < 0)
		log_debug("serve: priority: %m");
	c->server->limits.logged_in[c->slot] = 1;
	/* for what the rescue does by itself only when nobody came (job/recover) */
	if (file_replace(run_path(path, sizeof(path), RUN_LOGGED_IN), "", 0, 0600, &e) < 0)
		log_warn("serve: it is not written down that somebody came: %s", e.ctx[0]);
}

static int on_request(void *arg, const struct session_request *r, struct session_process *ret,
		      char *answer, size_t size)
{
	struct connection *c = arg;

	return command_start(&c->place, r, ret, answer, size);
}

static void set_number(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		log_debug("serve: socket option %d: %m", option);
}

/* A dead client is noticed within about two minutes, idle or not. */
static void set_socket_options(int fd)
{
	set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 120000);
}

static bool is_small_machine(void)
{
	unsigned long long pages = (unsigned long long)sysconf(_SC_PHYS_PAGES);

	return pages * (unsigned long long)sysconf(_SC_PAGESIZE) < SMALL_MACHINE_BYTES;
}

static void set_limits(void)
{
	rlim_t most = is_small_machine() ? MEMORY_BYTES_SMALL : MEMORY_BYTES;
	struct rlimit r;

	if (getrlimit(RLIMIT_AS, &r) == 0) {
		r.rlim_cur = r.rlim_max < most ? r.rlim_max : most;
#ifndef __SANITIZE_ADDRESS__
		setrlimit(RLIMIT_AS, &r);
#endif
	}
	r.rlim_cur = r.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &r); /* a core would hold keys */
}

_Noreturn void connection_main(struct server *s, int fd, int place, const char *client)
{
	struct connection c = {
		.server = s,
		.place = { .client = client,
			   .allow_shell = s->options.allow_shell || serve_option_is_set("shell") },
		.slot = place,
	};
	struct authkeys keys, observers;
	struct err e = ERR_INIT;
	char path[512], password[256];
	struct session_config config = {
		.ed25519 = s->ed25519,
		.rsa = serve_rsa(),
		.keys = &keys,
		.observers = &observers,
		.legacy = serve_legacy(),
		.password = serve_password(password, sizeof(password)) ? password : NULL,
		.peer = client,
		.attempts = ATTEMPTS,
		.window_bytes = is_small_machine() ? WINDOW_BYTES_SMALL : WINDOW_BYTES,
		.logged_in = on_login,
		.start = on_request,
		.arg = &c,
	};

	prctl(PR_SET_NAME, "rehost-ssh");
	set_limits();
	/* A stranger can ask for the dearest key exchange again and again: not at the expense of a transfer. */
	if (setpriority(PRIO_PROCESS, 0, STRANGER_NICE) < 0)
		log_debug("serve: priority: %m");
	set_socket_options(fd);
	alarm(s->options.grace_s); /* SIGALRM ends the process, wherever it waits */
	if (authkeys_load(&keys, serve_keys_path(&s->options, path, sizeof(path)), &e) < 0 ||
	    authkeys_add(&keys, serve_temporary_path(path, sizeof(path)), &e) < 0 ||
	    authkeys_load(&observers, serve_observers_path(&s->options, path, sizeof(path)), &e) <
		    0) {
		log_error("serve: authorized keys: %s", e.ctx[0]);
		_exit(EXIT_INTERNAL);
	}
	if (session_serve(fd, &config, &e) < 0) {
		log_info("serve: %s: %s", client, e.ctx[0]);
		_exit(EXIT_UNTOUCHED);
	}
	log_info("serve: %s: connection ended", client);
	_exit(EXIT_DONE);
}
