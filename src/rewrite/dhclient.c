/* SPDX-License-Identifier: MIT */
#include "rewrite/dhclient.h"

#include <string.h>

#define VALUE_MAX 512

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Past blanks and comments. */
static size_t skip(const char *s, size_t len, size_t i)
{
	while (i < len) {
		if (s[i] == '#')
			while (i < len && s[i] != '\n')
				i++;
		else if (is_blank(s[i]))
			i++;
		else
			break;
	}
	return i;
}

/* Past the string that begins at i. */
static size_t skip_string(const char *s, size_t len, size_t i)
{
	for (i++; i < len && s[i] != '"'; i++)
		if (s[i] == '\\')
			i++;
	return i < len ? i + 1 : len;
}

/* Whether the words begin at i; *ret is where the last one ends. */
static bool has_words(const char *s, size_t len, size_t i, const char *words, size_t *ret)
{
	while (*words) {
		size_t n = strcspn(words, " ");

		i = skip(s, len, i);
		if (len - i < n || memcmp(s + i, words, n) != 0)
			return false;
		i += n;
		if (i < len && !is_blank(s[i]) && !strchr(";\"{}#=", s[i]))
			return false;
		words += n;
		words += *words == ' ';
	}
	*ret = i;
	return true;
}

static void trim(const char *s, struct dhclient_statement *st)
{
	while (st->value < st->value_end && is_blank(s[st->value]))
		st->value++;
	while (st->value_end > st->value && is_blank(s[st->value_end - 1]))
		st->value_end--;
}

/* The end of the statement at i: behind its ';', or at the brace that ends it. len: it has none. */
static size_t find_end(const char *s, size_t len, size_t i)
{
	while (i < len && !strchr(";{}", s[i])) {
		if (s[i] == '#')
			i = skip(s, len, i);
		else if (s[i] == '"')
			i = skip_string(s, len, i);
		else
			i++;
	}
	return i;
}

bool dhclient_next(struct dhclient_scan *scan, const char *words, struct dhclient_statement *ret)
{
	const char *s = scan->text;
	size_t at;

	if (scan->at == 0 && memchr(s, '\0', scan->len))
		scan->at = scan->len;
	while ((scan->at = skip(s, scan->len, scan->at)) < scan->len) {
		size_t start = scan->at, end = find_end(s, scan->len, start);

		scan->at = end < scan->len ? end + 1 : scan->len;
		if (end == scan->len)
			return false;
		if (s[end] == '{')
			scan->depth++;
		else if (s[end] == '}' && scan->depth)
			scan->depth--;
		if (s[end] != ';' || !has_words(s, end, start, words, &at))
			continue;
		*ret = (struct dhclient_statement){ .start = start,
						    .end = end + 1,
						    .value = at,
						    .value_end = end,
						    .depth = scan->depth };
		trim(s, ret);
		return true;
	}
	return false;
}

bool dhclient_value_is_plain(const char *value, size_t len)
{
	size_t i;

	if (len == 0 || len > VALUE_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (value[i] < 0x20 || value[i] > 0x7e || value[i] == '#')
			return false;
	return true;
}
