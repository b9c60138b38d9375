/* SPDX-License-Identifier: MIT */
/* The life of a channel: one request, one process, its end told to the client exactly once. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/str.h"
#include "ssh/session_priv.h"

#define CLOSE_WAIT_MS 30000 /* for the peer's close */
#define END_WAIT_MS 15000   /* between SIGTERM and SIGKILL */

/* Requests are only noted here: libssh sends its answer after the callback returns, so nothing may precede it. */
static int on_exec(ssh_session handle, ssh_channel channel, const char *command, void *arg)
{
	struct chan *c = arg;

	(void)handle, (void)channel;
	if (c->stage != CHAN_OPEN || strlen(command) >= sizeof(c->command))
		return SSH_ERROR;
	snprintf(c->command, sizeof(c->command), "%s", command);
	c->has_command = true;
	c->stage = CHAN_START;
	return SSH_OK;
}

static int on_shell(ssh_session handle, ssh_channel channel, void *arg)
{
	struct chan *c = arg;

	(void)handle, (void)channel;
	if (c->stage != CHAN_OPEN)
		return SSH_ERROR;
	c->stage = CHAN_START;
	return SSH_OK;
}

static int on_pty(ssh_session handle, ssh_channel channel, const char *term, int columns, int rows,
		  int px, int py, void *arg)
{
	struct chan *c = arg;

	(void)handle, (void)channel, (void)px, (void)py;
	if (c->stage != CHAN_OPEN)
		return SSH_ERROR;
	c->request.has_pty = true;
	c->request.columns = columns > 0 && columns < 10000 ? (unsigned)columns : 80;
	c->request.rows = rows > 0 && rows < 10000 ? (unsigned)rows : 25;
	str_escape(c->term, sizeof(c->term), term ? term : "");
	return SSH_OK;
}

static int on_window(ssh_session handle, ssh_channel channel, int columns, int rows, int px, int py,
		     void *arg)
{
	struct chan *c = arg;
	struct winsize size = { .ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows };

	(void)handle, (void)channel, (void)px, (void)py;
	if (c->stage == CHAN_RUNNING && c->p.is_pty && c->p.in >= 0)
		ioctl(c->p.in, TIOCSWINSZ, &size);
	return SSH_OK;
}

static void on_signal(ssh_session handle, ssh_channel channel, const char *name, void *arg)
{
	struct chan *c = arg;
	int number = strcmp(name, "INT") == 0 ? SIGINT : strcmp(name, "TERM") == 0 ? SIGTERM : 0;

	(void)handle, (void)channel;
	if (c->is_running && number)
		kill(-c->p.pid, number);
}

static void on_eof(ssh_session handle, ssh_channel channel, void *arg)
{
	(void)handle, (void)channel;
	((struct chan *)arg)->got_eof = true;
}

static void on_close(ssh_session handle, ssh_channel channel, void *arg)
{
	(void)handle, (void)channel;
	((struct chan *)arg)->got_close = true;
}

ssh_channel chan_open(struct session *s)
{
	struct chan *c = NULL;
	unsigned i;

	for (i = 0; i < SESSION_CHANNELS_MAX && !c; i++)
		if (s->chans[i].stage == CHAN_FREE)
			c = &s->chans[i];
	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->s = s;
	c->handle = ssh_channel_new(s->handle);
	if (!c->handle)
		return NULL;
	/* env, agent, X11 and subsystems have no callback here: libssh refuses them. */
	c->callbacks = (struct ssh_channel_callbacks_struct){
		.userdata = c,
		.channel_eof_function = on_eof,
		.channel_close_function = on_close,
		.channel_signal_function = on_signal,
		.channel_pty_request_function = on_pty,
		.channel_shell_request_function = on_shell,
		.channel_exec_request_function = on_exec,
		.channel_pty_window_change_function = on_window,
	};
	ssh_callbacks_init(&c->callbacks);
	ssh_set_channel_callbacks(c->handle, &c->callbacks);
	c->stage = CHAN_OPEN;
	return c->handle;
}

static void release(struct chan *c)
{
	if (c->handle)
		ssh_channel_free(c->handle);
	c->handle = NULL;
	c->stage = CHAN_FREE;
}

/* Order: data, EOF, status, close (RFC 4254 section 5.3 and 6.10); then the peer's close is waited for. */
static void finish(struct chan *c)
{
	pump_stop(c);
	if (!c->handle) {
		release(c);
		return;
	}
	ssh_channel_send_eof(c->handle);
	if (WIFSIGNALED(c->status))
		ssh_channel_request_send_exit_signal(c->handle, sigabbrev_np(WTERMSIG(c->status)),
						     0, "killed", "");
	else
		ssh_channel_request_send_exit_status(c->handle, c->code);
	ssh_channel_close(c->handle);
	c->stage = CHAN_CLOSING;
	c->deadline_ms = now_ms() + CLOSE_WAIT_MS;
}

static void start(struct chan *c)
{
	const struct session_config *config = c->s->config;
	char answer[SESSION_ANSWER_MAX] = "";
	int code;

	c->request.command = c->has_command ? c->command : NULL;
	c->request.term = c->term;
	c->request.is_observer = c->s->is_observer;
	code = config->start(config->arg, &c->request, &c->p, answer, sizeof(answer));
	if (code == 0) {
		c->is_running = true;
		c->stage = CHAN_RUNNING;
		if (pump_start(c) < 0)
			kill(-c->p.pid, SIGKILL);
		return;
	}
	c->stage = CHAN_RUNNING;
	c->p = (struct session_process){ .in = -1, .out = -1, .err_out = -1, .pidfd = -1 };
	ssh_channel_write_stderr(c->handle, answer, (uint32_t)strlen(answer));
	c->code = code;
	finish(c);
}

/* The client went away without saying that its data is complete: the process must not take this for an end. */
static void client_gone(struct chan *c)
{
	if (!c->is_running || c->was_told || !c->p.ends_with_client)
		return;
	log_warn("ssh: %s: the client is gone, ending process %d", c->s->config->peer,
		 (int)c->p.pid);
	c->was_told = true;
	c->deadline_ms = now_ms() + END_WAIT_MS;
	kill(-c->p.pid, SIGTERM);
}

void chan_abandon(struct chan *c)
{
	if (c->stage == CHAN_FREE)
		return;
	c->got_close = true;
	c->handle = NULL; /* freed with the session */
	if (c->stage != CHAN_RUNNING)
		c->stage = CHAN_FREE;
}

static void reap(struct chan *c)
{
	int status;

	if (!c->is_running || waitpid(c->p.pid, &status, WNOHANG) != c->p.pid)
		return;
	c->is_running = false;
	c->status = status;
	c->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	watch_set(&c->exit, c->p.pidfd, 0);
	log_info("ssh: %s: process %d ended with %d", c->s->config->peer, (int)c->p.pid, c->code);
}

static void step_running(struct chan *c)
{
	if (c->exit.seen)
		reap(c);
	pump_in(c);
	pump_out(c, &c->out);
	pump_out(c, &c->err_out);
	if (c->got_close)
		client_gone(c);
	if (c->was_told && !c->was_killed && c->is_running && now_ms() > c->deadline_ms) {
		c->was_killed = true;
		kill(-c->p.pid, SIGKILL);
	}
	if (!c->is_running && pump_is_drained(c))
		finish(c);
}

void chan_step(struct chan *c)
{
	switch (c->stage) {
	case CHAN_FREE:
		return;
	case CHAN_OPEN:
		if (c->got_close)
			release(c);
		return;
	case CHAN_START:
		start(c);
		return;
	case CHAN_RUNNING:
		step_running(c);
		return;
	case CHAN_CLOSING:
		if (c->got_close || now_ms() > c->deadline_ms)
			release(c);
		return;
	}
}
