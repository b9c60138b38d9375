/* SPDX-License-Identifier: MIT */
/* One connection and its channels, inside of src/ssh. */
#pragma once

#include <stdint.h>

#include "ssh/session.h"
#include "ssh/ssh_priv.h"

/* A descriptor in the session's poll set. Waiting for nothing takes it out. */
struct watch {
	ssh_event event;
	int fd;
	short waiting; /* POLLIN, POLLOUT or 0 */
	short seen;    /* what the last poll said */
};

/* Bytes on their way to the channel that it did not take yet. */
struct outgoing {
	struct watch watch;
	int is_stderr;
	bool ended;
	size_t off, len;
	char *data; /* OUTGOING_BYTES */
};

enum chan_stage {
	CHAN_FREE,
	CHAN_OPEN,    /* waiting for a request */
	CHAN_START,   /* accepted, to be started by the main loop */
	CHAN_RUNNING, /* a process is tied to it */
	CHAN_CLOSING, /* status and close were sent, waiting for the peer's close */
};

struct chan {
	struct session *s;
	ssh_channel handle; /* NULL once the session is gone */
	struct ssh_channel_callbacks_struct callbacks;
	enum chan_stage stage;
	uint64_t deadline_ms; /* of CLOSING, or of a process told to end; 0: none */
	bool got_eof, got_close;

	char command[SESSION_COMMAND_MAX];
	bool has_command;
	struct session_request request;
	char term[64];

	struct session_process p;
	bool is_running; /* p has not been waited for */
	bool was_told, was_killed;
	int status; /* of waitid, once not running */
	int code;

	struct watch in, exit;
	struct outgoing out, err_out;
	char *incoming; /* window_bytes of address space, touched as far as needed */
	size_t in_off, in_len;
	size_t window;	      /* what it was widened to; 0: not yet */
	uint64_t since_grown; /* bytes read since then */
	bool in_closed;
};

struct session {
	const struct session_config *config;
	ssh_bind bind;
	ssh_session handle;
	ssh_event event;
	struct ssh_callbacks_struct callbacks;
	struct ssh_server_callbacks_struct server_callbacks;
	struct ssh_counter_struct raw, packets; /* bytes of the socket, packets of the protocol */
	bool has_aes;
	bool is_logged_in;
	bool is_observer;
	bool is_gone;
	unsigned failures;
	struct chan chans[SESSION_CHANNELS_MAX];
};

/* auth.c */
void auth_set_up(struct session *s);

/* chan.c: life of a channel */
ssh_channel chan_open(struct session *s);
void chan_step(struct chan *c);
/* The client is gone: lets go of the channel, tells or releases the process. */
void chan_abandon(struct chan *c);
static inline bool chan_is_busy(const struct chan *c)
{
	return c->stage != CHAN_FREE;
}

/* pump.c: bytes */
void watch_set(struct watch *w, int fd, short waiting);
int pump_start(struct chan *c);
void pump_in(struct chan *c);
void pump_out(struct chan *c, struct outgoing *o);
bool pump_is_drained(const struct chan *c);
void pump_stop(struct chan *c);
