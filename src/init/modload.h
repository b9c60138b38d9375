/* SPDX-License-Identifier: MIT */
/* Loading modules into the kernel; used by the coldplug process and by modprobe. */
#pragma once

#include "base/err.h"
#include "init/moddb.h"

struct modload {
	struct moddb db;
	struct strlist words; /* the kernel command line, for options and blacklists */
	char folder[128];     /* /lib/modules/VERSION */
};

/* Reads the tables of the running kernel. */
int modload_open(struct modload *ret, struct err *e) must_check;
void modload_close(struct modload *m);

/*
 * Loads what a module name or alias asks for. done remembers paths that were tried, so that one
 * walk over many devices asks the kernel once per module; may be NULL. Returns the number of
 * modules newly loaded, or -1 with e set (ERR_INIT_MODULES when unknown or refused by the kernel).
 */
int modload_request(struct modload *m, const char *request, struct strlist *done, struct err *e);
