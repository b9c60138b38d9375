/* SPDX-License-Identifier: MIT */
/*
 * What a tree's init starts by itself, offline. A name is that of a unit ("cron.service", "wg-quick@wg0.service",
 * "certbot.timer") under systemd, that of the script ("cron") under sysvinit and OpenRC.
 */
#pragma once

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"

#define UNIT_DIR "/etc/systemd/system"

/*
 * Appends the names, each once, in no certain order. Under systemd: units that a .wants or .requires folder links, and
 * scripts of sysvinit without a unit of their own; masked ones and such without a file are left out. init is
 * inspection.init; NULL gives none.
 */
int services_list(struct strlist *ret, const struct root *root, const char *init,
		  struct err *e) must_check;

/* The same without ".service", as one table can name it for every init; len bytes of name. */
size_t services_base_len(const char *name);
/* Whether one of the fnmatch(3) patterns, separated by blanks, matches the name without ".service". */
bool services_match(const char *patterns, const char *name);

/* The links by which sysvinit or OpenRC start the script, appended as paths. */
int services_links(struct strlist *ret, const struct root *root, const char *name,
		   struct err *e) must_check;
