/* SPDX-License-Identifier: MIT */
#include "serve/request.h"

#include <string.h>

/* What writes to the disk finishes even when the connection breaks; what reads a stream cannot. */
static const struct request_command allowed[] = {
	{ .name = "help", .ends_with_client = true, .looks = true },
	{ .name = "status", .ends_with_client = true, .looks = true },
	{ .name = "plan", .ends_with_client = true, .looks = true },
	{ .name = "receive", .ends_with_client = true, .takes_stream = true },
	{ .name = "authorize", .ends_with_client = true, .takes_stream = true },
	{ .name = "rsync", .ends_with_client = true, .takes_stream = true },
	{ .name = "rewrite" },
	{ .name = "check", .looks = true },
	{ .name = "switch" },
	{ .name = "confirm" }, /* to be told that it belongs into the clone */
	{ .name = "rollback" },
	{ .name = "release" },
	{ .name = "identity", .ends_with_client = true, .looks = true },
	{ .name = "report", .ends_with_client = true, .looks = true },
	{ .name = "log", .ends_with_client = true, .looks = true },
	{ .name = "unlock", .ends_with_client = true },
	{ .name = "reboot" },
	{ .name = "shell", .ends_with_client = true, .needs_permission = true },
};

const struct request_command *request_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(allowed); i++)
		if (strcmp(allowed[i].name, name) == 0)
			return &allowed[i];
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Appends one word, starting at s; returns where it ends, or NULL with e set. */
static const char *take_word(struct strbuf *word, const char *s, struct err *e)
{
	char quote = '\0';

	for (; *s && (quote || !is_blank(*s)); s++) {
		bool escapes = *s == '\\' && quote != '\'';

		if (escapes && quote == '"' && s[1] != '"' && s[1] != '\\')
			escapes = false;
		if (escapes) {
			s++;
			if (!*s) {
				err_set(e, ERR_USAGE, 0, "a backslash ends the line");
				return NULL;
			}
			strbuf_addc(word, *s);
		} else if (quote ? *s == quote : *s == '"' || *s == '\'') {
			quote = quote ? '\0' : *s;
		} else {
			strbuf_addc(word, *s);
		}
	}
	if (quote) {
		err_set(e, ERR_USAGE, 0, "a quote is not closed");
		return NULL;
	}
	return s;
}

int request_split(struct strlist *ret, const char *line, struct err *e)
{
	const char *s;

	if (strlen(line) > REQUEST_BYTES_MAX)
		return err_set(e, ERR_USAGE, 0, "the command is longer than %d bytes",
			       REQUEST_BYTES_MAX);
	for (s = line; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return err_set(e, ERR_USAGE, 0, "the command holds control characters");
	for (s = line;;) {
		struct strbuf word cleanup_strbuf = STRBUF_INIT;

		while (is_blank(*s))
			s++;
		if (!*s)
			return 0;
		if (ret->count == REQUEST_WORDS_MAX)
			return err_set(e, ERR_USAGE, 0, "more than %d words", REQUEST_WORDS_MAX);
		s = take_word(&word, s, e);
		if (!s)
			return -1;
		if (word.failed || strlist_add(ret, strbuf_str(&word)) < 0)
			return err_set(e, ERR_NOMEM, 0, "reading a command");
	}
}
