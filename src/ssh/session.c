/* SPDX-License-Identifier: MIT */
/* A connection: key exchange, login, then the loop that moves channels until all is over. */
#include "ssh/session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "ssh/ahead.h"
#include "ssh/algo.h"
#include "ssh/session_priv.h"

#define SILENCE_MS \
	5000 /* a request without an answer for this long: libssh gave none (signature) */
#define TICK_MS 1000

/* Progress 0.4 comes after the client's banner and before our proposal: the moment to choose what is offered. */
static void on_progress(void *arg, float status)
{
	struct session *s = arg;
	struct algo_lists a;

	if (status < 0.35f || status > 0.45f)
		return;
	a = algo_choose(ssh_get_clientbanner(s->handle), s->has_aes, s->config->legacy);
	if (ssh_options_set(s->handle, SSH_OPTIONS_KEY_EXCHANGE, a.kex) < 0 ||
	    ssh_options_set(s->handle, SSH_OPTIONS_HOSTKEYS, a.host_keys) < 0 ||
	    ssh_options_set(s->handle, SSH_OPTIONS_CIPHERS_C_S, a.ciphers) < 0 ||
	    ssh_options_set(s->handle, SSH_OPTIONS_CIPHERS_S_C, a.ciphers) < 0 ||
	    ssh_options_set(s->handle, SSH_OPTIONS_HMAC_C_S, a.macs) < 0 ||
	    ssh_options_set(s->handle, SSH_OPTIONS_HMAC_S_C, a.macs) < 0 ||
	    ssh_options_set(s->handle, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, a.user_keys) < 0 ||
	    ssh_server_init_kex(s->handle) != SSH_OK)
		log_warn("ssh: %s: choosing algorithms: %s", s->config->peer,
			 ssh_get_error(s->handle));
}

static int give_host_key(ssh_bind bind, const struct hostkey *k)
{
	ssh_key copy = ssh_key_dup(k->key);

	if (!copy)
		return -1;
	if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, copy) == SSH_OK)
		return 0;
	ssh_key_free(copy);
	return -1;
}

/* The system's libssh configuration must not change what this server does; compression costs more than it gives. */
static int set_up(struct session *s, int fd)
{
	bool no = false;
	struct algo_lists a = algo_choose(NULL, s->has_aes, s->config->legacy);

	s->bind = ssh_bind_new();
	s->handle = ssh_new();
	s->event = ssh_event_new();
	if (!s->bind || !s->handle || !s->event)
		return -1;
	if (ssh_bind_options_set(s->bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no) < 0 ||
	    ssh_bind_options_set(s->bind, SSH_BIND_OPTIONS_BANNER, "rehost_" REHOST_VERSION) < 0 ||
	    give_host_key(s->bind, s->config->ed25519) < 0 ||
	    (s->config->rsa && give_host_key(s->bind, s->config->rsa) < 0) ||
	    ssh_options_set(s->handle, SSH_OPTIONS_COMPRESSION, "no") < 0 ||
	    ssh_options_set(s->handle, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, a.user_keys) < 0)
		return -1;
	s->callbacks = (struct ssh_callbacks_struct){
		.userdata = s,
		.connect_status_function = on_progress,
	};
	ssh_callbacks_init(&s->callbacks);
	ssh_set_callbacks(s->handle, &s->callbacks);
	ssh_set_counters(s->handle, &s->raw, &s->packets);
	if (ssh_bind_accept_fd(s->bind, s->handle, fd) != SSH_OK)
		return -1;
	auth_set_up(s);
	return 0;
}

/* Polls until the login or its end. libssh may leave a request without any answer: noticed by the counters. */
static int log_in(struct session *s)
{
	uint64_t asked = s->packets.in_packets, answered = s->packets.out_packets;
	uint64_t silent_since = 0;

	while (!s->is_logged_in) {
		if (ssh_event_dopoll(s->event, TICK_MS) == SSH_ERROR ||
		    !ssh_is_connected(s->handle))
			return -1;
		if (s->failures >= s->config->attempts) {
			log_warn("ssh: %s: too many attempts", s->config->peer);
			return -1;
		}
		if (s->packets.out_packets != answered) {
			answered = s->packets.out_packets;
			asked = s->packets.in_packets;
			silent_since = 0;
		} else if (s->packets.in_packets != asked && !silent_since) {
			silent_since = now_ms();
		}
		if (silent_since && now_ms() - silent_since > SILENCE_MS) {
			log_warn("ssh: %s: a login request that cannot be answered (wrong "
				 "signature?)",
				 s->config->peer);
			return -1;
		}
	}
	return 0;
}

static void let_go(struct session *s)
{
	unsigned i;

	s->is_gone = true;
	for (i = 0; i < SESSION_CHANNELS_MAX; i++)
		chan_abandon(&s->chans[i]);
	ssh_event_remove_session(s->event, s->handle);
}

/* Until the client is gone and no process is left. */
static void run(struct session *s)
{
	unsigned i, busy;

	do {
		int rc = ssh_event_dopoll(s->event, TICK_MS);

		/* Without the session, an event without descriptors is an error, too; then it is only a pause. */
		if (!s->is_gone && (rc == SSH_ERROR || !ssh_is_connected(s->handle)))
			let_go(s);
		else if (s->is_gone && rc == SSH_ERROR)
			usleep(10000);
		for (i = 0, busy = 0; i < SESSION_CHANNELS_MAX; i++) {
			chan_step(&s->chans[i]);
			busy += chan_is_busy(&s->chans[i]);
		}
	} while (!s->is_gone || busy);
}

static void tear_down(struct session *s)
{
	if (s->event) {
		if (s->handle && !s->is_gone)
			ssh_event_remove_session(s->event, s->handle);
		ssh_event_free(s->event);
	}
	if (s->handle) {
		ssh_disconnect(s->handle);
		ssh_free(s->handle);
	}
	if (s->bind)
		ssh_bind_free(s->bind);
	free(s);
}

int session_serve(int fd, const struct session_config *c, struct err *e)
{
	struct session *s = calloc(1, sizeof(*s));
	int rc = -1;

	if (!s) {
		close(fd);
		return err_set(e, ERR_NOMEM, 0, "a connection");
	}
	s->config = c;
	s->has_aes = algo_has_aes();
	ahead_set_socket(fd);
	if (set_up(s, fd) < 0) {
		err_set(e, ERR_SESSION, 0, "%s", s->handle ? ssh_get_error(s->handle) : "memory");
	} else if (ssh_handle_key_exchange(s->handle) != SSH_OK) {
		err_set(e, ERR_SESSION, 0, "key exchange: %s", ssh_get_error(s->handle));
	} else if (ssh_event_add_session(s->event, s->handle) != SSH_OK || log_in(s) < 0) {
		err_set(e, ERR_SESSION, 0, "no login");
	} else {
		ssh_set_blocking(s->handle, 0);
		c->logged_in(c->arg);
		run(s);
		rc = 0;
	}
	tear_down(s);
	return rc;
}
