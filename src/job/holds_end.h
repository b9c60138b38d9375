/* SPDX-License-Identifier: MIT */
/* The end of the holds (rewrite/holds.h): by confirm and release in the running clone, by release in the rescue. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/root.h"

/*
 * Releases what the running system holds: init is told, and what was held is started now; what could not be started is said, it
 * starts with the next boot. -1: something is still held, doing it again is safe.
 */
int holds_end(const struct root *running, FILE *out, struct err *e) must_check;
/* The same of a clone that does not run, whose record is at path below holder (rewrite/holds.h). */
int holds_end_offline(const struct root *clone, const struct root *holder, const char *path,
		      struct err *e) must_check;
