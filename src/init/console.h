/* SPDX-License-Identifier: MIT */
/*
 * The consoles: every active one shows how to reach this machine and what goes on. A screen is
 * repainted, a serial line gets only the lines that are new. Writing never waits: a console that
 * takes nothing is left out. Runs in a process of its own.
 */
#pragma once

#include "base/str.h"

/* What is shown; texts are borrowed, NULL or "" when not there. */
struct console_facts {
	const char *version, *kernel;
	struct strlist links;	  /* one line a card: "eth0 52:54:.. virtio_net  10.0.2.15/24" */
	struct strlist addresses; /* without prefix, best first */
	const char *fingerprint, *password;
	unsigned keys;	      /* number of SSH keys that may log in */
	const char *state;    /* the migration's state in words */
	const char *progress; /* one line made from the file 'progress' */
	const char *errors;   /* reports, many lines */
	const char *seed;     /* what a seed gave */
	const char *watchdog; /* what resets this machine, and when */
	unsigned port;	      /* of the SSH service */
};

/* Lines of at most width columns, ASCII, no control bytes. -1 when out of memory. */
int console_render(struct strlist *lines, const struct console_facts *f, unsigned width) must_check;

/* "receive: files 12 of ..": one line from "key=value" lines of /run/rehost/progress. */
void console_progress(struct strbuf *ret, const char *text);

/* Lines of now that were not in before, in order. */
int console_news(struct strlist *ret, const struct strlist *before,
		 const struct strlist *now) must_check;

/* Runs for ever. pages: repaint screens (false when a shell owns them: append there too). */
int console_run(bool pages);

/* A few words on every console at once, for what cannot wait (no process needed). */
void console_say(const char *text);
