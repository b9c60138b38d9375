/* SPDX-License-Identifier: MIT */
/*
 * Files of shell assignments (/etc/default/grub, os-release, initramfs.conf): read without evaluating anything,
 * printed with every byte kept that was not changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct shell_var {
	char *name;
	char *raw;	   /* the text between the quotes as written: no expansion, no unescaping */
	char quote;	   /* '"', '\'' or 0 */
	bool is_simple;	   /* one piece in one kind of quotes on one line: may be changed by us */
	bool is_append;	   /* NAME+=value */
	size_t line;	   /* index into lines */
	size_t at, length; /* the value with its quotes within the line */
};

struct shell_file {
	struct strlist lines;
	bool ends_with_newline;
	struct shell_var *vars; /* in order; one name may occur several times */
	size_t count;
};

/* Lines that are no assignment are kept. Fails for want of memory and on NUL bytes (ERR_PARSE). */
int shell_file_parse(struct shell_file *ret, const char *text, size_t len,
		     struct err *e) must_check;
void shell_file_done(struct shell_file *f);
void shell_file_print(const struct shell_file *f, struct strbuf *out);

/* The last assignment of name, or NULL. */
struct shell_var *shell_file_find(const struct shell_file *f, const char *name);
/* The value with quotes and backslash escapes removed, variables left as they stand; NULL: no memory. */
char *shell_var_decode(const struct shell_var *v);

/*
 * Changes a simple variable's raw text. Values that need it are put into double quotes; what is inside is
 * written as given. -1: no memory.
 */
int shell_file_set(struct shell_file *f, struct shell_var *v, const char *raw) must_check;
/* Replaces a whole line (a comment in the place of an assignment). -1: no memory. */
int shell_file_replace_line(struct shell_file *f, size_t line, const char *text) must_check;
