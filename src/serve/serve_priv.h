/* SPDX-License-Identifier: MIT */
/* Inside of src/serve. */
#pragma once

#include <sys/socket.h>

#include "serve/limits.h"
#include "serve/refuse.h"
#include "serve/serve.h"
#include "ssh/algo.h"
#include "ssh/hostkey.h"

struct server {
	struct serve_options options;
	struct hostkey *ed25519;
	int listener;
	int signals; /* signalfd */
	struct limits limits;
	struct refused turned_away;
	pid_t key_maker;     /* background process making the RSA key; 0: none */
	uint64_t refused_ms; /* when the log last said that somebody was turned away */
	unsigned refused;    /* how many it has not said since */
};

/* connection.c: the life of a connection process. Never returns. */
_Noreturn void connection_main(struct server *s, int fd, int place, const char *client);

/* keys.c */
int serve_load_keys(struct server *s, struct err *e) must_check;
void serve_make_rsa(struct server *s);
/* The RSA host key that old clients need, when there is one by now. */
struct hostkey *serve_rsa(void);
/* Reads run_dir()/password into ret; returns whether there is one. */
bool serve_password(char *ret, size_t size);
/* Whether run_dir()/options says yes to key: 1, yes, on or true. */
bool serve_option_is_set(const char *key);
/* What legacy_ssh= in run_dir()/options says. */
enum algo_legacy serve_legacy(void);
/* The files of public keys, in buf: of operators, of those who may look only. */
const char *serve_keys_path(const struct serve_options *o, char *buf, size_t size);
const char *serve_observers_path(const struct serve_options *o, char *buf, size_t size);
/* authorize.h: the one key that was handed over. */
const char *serve_temporary_path(char *buf, size_t size);
