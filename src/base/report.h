/* SPDX-License-Identifier: MIT */
/* The five-part report of an error, for people and for programs. Only cli, serve and init use it. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

/* What the extent means in words, for example "nothing has been written". Never NULL. */
const char *report_extent_text(enum err_extent extent);

/*
 * Prints the lines of a text with a label column of that width before them, the label before the first. Lines are wrapped at 80
 * columns between words, never inside what stands in 'single quotes': that is typed as it is.
 */
void report_print_lines(FILE *out, const char *label, int width, const char *text);

/* Prints title, doing, because, disk, next: ASCII, at most 80 columns where names allow it. */
void report_error(FILE *out, const struct err *e);

/* The same as an object {id, title, doing[], because, errno, disk, next[]}; owned by the caller. */
json_t *report_error_json(const struct err *e);

/* The exit code that belongs to e; EXIT_INCOMPLETE wins once the switch has begun. */
int report_exit_code(const struct err *e);
