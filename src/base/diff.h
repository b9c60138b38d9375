/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "base/str.h"

/*
 * Appends a unified diff (POSIX diff -u, three lines of context) of two texts to out; nothing
 * when they are equal. Names appear as given in the --- and +++ lines; "/dev/null" marks a file
 * that is made or removed. Texts above 20,000 lines are shown as replaced whole.
 */
void diff_unified(struct strbuf *out, const char *old_name, const char *old_text, size_t old_len,
		  const char *new_name, const char *new_text, size_t new_len);
