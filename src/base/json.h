/* SPDX-License-Identifier: MIT */
/* The one door to libjansson. Everybody who needs JSON includes this header, never jansson.h. */
#pragma once

#include <jansson.h>

/*
 * A JSON string from bytes that may not be UTF-8 (file names, configuration): invalid bytes are
 * replaced by \xNN text so that output is always valid. NULL gives JSON null. New reference.
 */
json_t *json_text(const char *s);

/* An array of such strings. New reference. */
struct strlist;
json_t *json_text_list(const struct strlist *l);

/* Prints v, indented, with a final newline, and drops the reference. Returns 0 or -1. */
int json_print(FILE *out, json_t *v);
