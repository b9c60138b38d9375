/* SPDX-License-Identifier: MIT */
/*
 * Files of shell assignments that are sourced (netctl.profile(5), netifrc's conf.d/net): read whole, with values over several
 * lines and bash arrays, and without running anything. shellfile.h is for files that are changed in place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define SHELL_SCRIPT_MAX_BYTES (1024 * 1024)
#define SHELL_SETTINGS_MAX 4096

struct shell_setting {
	char *name;
	struct strlist
		words; /* without quotes: exactly one of a plain value, any number of an array */
	bool is_array;
	bool needs_shell; /* what it expands to only a shell can tell; words have it as written */
	size_t line;	  /* counted from 1 */
};

struct shell_script {
	struct shell_setting *settings; /* each name once, as the last assignment left it */
	size_t count;
	struct strlist
		code; /* "12: postup() {": first lines of what is no assignment and would be run */
};

/* ERR_PARSE on NUL bytes, ERR_LIMIT above SHELL_SETTINGS_MAX names; any other text is accepted. */
int shell_script_parse(struct shell_script *ret, const char *text, size_t len,
		       struct err *e) must_check;
void shell_script_done(struct shell_script *f);
const struct shell_setting *shell_script_find(const struct shell_script *f, const char *name);
/* The first word of its value; NULL: not set, empty, or only a shell can tell. */
const char *shell_script_value(const struct shell_script *f, const char *name);
