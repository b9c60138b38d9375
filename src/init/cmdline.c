/* SPDX-License-Identifier: MIT */
#include "init/cmdline.h"

#include <string.h>

#include "base/authkeys.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

int cmdline_split(struct strlist *words, const char *text)
{
	cleanup_strbuf struct strbuf word = STRBUF_INIT;
	bool quoted = false, started = false;

	for (const char *p = text;; p++) {
		if (*p && (quoted || !is_blank(*p))) {
			started = true;
			if (*p == '"')
				quoted = !quoted;
			else
				strbuf_addc(&word, is_blank(*p) ? ' ' : *p);
			continue;
		}
		if (started && word.len && !has_control(strbuf_str(&word)) &&
		    strlist_add(words, strbuf_str(&word)) < 0)
			return -1;
		strbuf_done(&word);
		started = false;
		if (!*p)
			return word.failed ? -1 : 0;
	}
}

/* The part after "KEY=", "" for a bare KEY, NULL for another word. */
static const char *word_value(const char *word, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(word, key, n) != 0)
		return NULL;
	if (word[n] == '=')
		return word + n + 1;
	return word[n] ? NULL : "";
}

const char *cmdline_value(const struct strlist *words, const char *key)
{
	for (size_t i = words->count; i > 0; i--) {
		const char *v = word_value(words->items[i - 1], key);

		if (v)
			return v;
	}
	return NULL;
}

bool cmdline_flag(const struct strlist *words, const char *key)
{
	static const char *const yes[] = { "", "1", "yes", "on", "true" };
	const char *v = cmdline_value(words, key);

	for (size_t i = 0; v && i < ARRAY_SIZE(yes); i++)
		if (strcmp(v, yes[i]) == 0)
			return true;
	return false;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds "key=value", replacing an earlier line of the same key. */
static int option_put(struct strlist *options, const char *key, size_t key_len, const char *value)
{
	cleanup_strbuf struct strbuf line = STRBUF_INIT;

	strbuf_add(&line, key, key_len);
	strbuf_addc(&line, '=');
	size_t prefix = line.len;

	strbuf_adds(&line, value);
	if (line.failed)
		return -1;
	for (size_t i = 0; i < options->count; i++) {
		if (strncmp(options->items[i], line.data, prefix) != 0)
			continue;
		free(options->items[i]);
		options->items[i] = strbuf_take(&line);
		return options->items[i] ? 0 : -1;
	}
	return strlist_add(options, strbuf_str(&line));
}

/* One setting in either form; a key is letters, digits, '-', '_' and '.'. */
static int option_add(struct strlist *options, const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789-_.");

	if (n == 0 || (word[n] && word[n] != '=') || (n == 3 && strncmp(word, "key", 3) == 0) ||
	    (n == 12 && strncmp(word, "observer_key", 12) == 0))
		return 0;
	return option_put(options, word, n, word[n] ? word + n + 1 : "1");
}

static char *trim(char *line)
{
	size_t n;

	while (is_blank(*line))
		line++;
	for (n = strlen(line); n > 0 && is_blank(line[n - 1]); n--)
		;
	line[n] = 0;
	return line;
}

int cmdline_options(struct strbuf *ret, const struct strlist *words, const char *file)
{
	cleanup_strlist struct strlist options = STRLIST_INIT;
	cleanup_strlist struct strlist lines = STRLIST_INIT;

	if (file && strlist_split(&lines, file, "\n") < 0)
		return -1;
	for (size_t i = 0; i < lines.count; i++) {
		char *line = trim(lines.items[i]);

		if (*line == '#' || has_control(line))
			continue;
		if (str_starts(line, "rehost."))
			line += strlen("rehost.");
		if (option_add(&options, line) < 0)
			return -1;
	}
	for (size_t i = 0; i < words->count; i++)
		if (str_starts(words->items[i], "rehost.") &&
		    option_add(&options, words->items[i] + strlen("rehost.")) < 0)
			return -1;
	if (options.count > 1)
		qsort(options.items, options.count, sizeof(char *), compare_text);
	for (size_t i = 0; i < options.count; i++) {
		strbuf_adds(ret, options.items[i]);
		strbuf_addc(ret, '\n');
	}
	return ret->failed ? -1 : 0;
}

/*
 * The same reader as the service's: a key that it would not take must not stand in the way of the one-time password, else
 * nobody could log in. A command line that is too long cuts keys off, for example.
 */
static int is_key(const char *line)
{
	struct authkeys keys;
	int count;

	if (authkeys_parse(&keys, line, strlen(line), NULL) < 0)
		return -1;
	count = (int)keys.count;
	authkeys_done(&keys);
	return count > 0;
}

int cmdline_keys(struct strbuf *ret, const struct strlist *words, const char *word,
		 const char *file, unsigned *ret_skipped)
{
	cleanup_strlist struct strlist lines = STRLIST_INIT;
	int count = 0, good;

	*ret_skipped = 0;
	for (size_t i = 0; i < words->count; i++) {
		const char *v = word_value(words->items[i], word);

		if (v && strlist_add(&lines, v) < 0)
			return -1;
	}
	if (file && strlist_split(&lines, file, "\n") < 0)
		return -1;
	for (size_t i = 0; i < lines.count; i++) {
		char *line = trim(lines.items[i]);

		if (!*line || *line == '#')
			continue;
		good = count < AUTHKEYS_MAX ? is_key(line) : 0;
		if (good < 0)
			return -1;
		if (!good) {
			++*ret_skipped;
			continue;
		}
		strbuf_adds(ret, line);
		strbuf_addc(ret, '\n');
		count++;
	}
	return ret->failed ? -1 : count;
}
