/* SPDX-License-Identifier: MIT */
#include "rewrite/interfaces.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Grows an array whose count alone tells its room: powers of two. */
static void *grow(void *items, size_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	return reallocarray(items, count ? count * 2 : 1, size);
}

static enum stanza_kind kind_of(const char *word, bool *ret_is_keyword)
{
	static const struct {
		const char *word;
		enum stanza_kind kind;
	} known[] = {
		{ "iface", STANZA_IFACE },
		{ "auto", STANZA_AUTO },
		{ "allow-auto", STANZA_AUTO },
		{ "allow-hotplug", STANZA_AUTO },
		{ "source", STANZA_SOURCE },
		{ "source-directory", STANZA_SOURCE_DIRECTORY },
		{ "source-dir", STANZA_SOURCE_DIRECTORY },
		{ "mapping", STANZA_OTHER },
		{ "template", STANZA_OTHER },
		{ "rename", STANZA_OTHER },
		{ "no-auto-down", STANZA_OTHER },
		{ "no-scripts", STANZA_OTHER },
	};
	size_t i;

	*ret_is_keyword = true;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(word, known[i].word) == 0)
			return known[i].kind;
	*ret_is_keyword = str_starts(word, "allow-");
	return STANZA_OTHER;
}

/* Whether lines below such a stanza are its options; after the others they belong to nothing. */
static bool takes_options(const struct stanza *s)
{
	return s->kind == STANZA_IFACE || strcmp(s->keyword, "mapping") == 0 ||
	       strcmp(s->keyword, "template") == 0;
}

static void stanza_done(struct stanza *s)
{
	size_t i;

	for (i = 0; i < s->option_count; i++) {
		free(s->options[i].name);
		free(s->options[i].value);
	}
	free(s->options);
	free(s->keyword);
	strlist_done(&s->words);
}

static int add_stanza(struct interfaces_file *f, enum stanza_kind kind, const char *word,
		      const char *rest, size_t line)
{
	struct stanza *grown = grow(f->stanzas, f->stanza_count, sizeof(*grown)), *s;

	if (!grown)
		return -1;
	f->stanzas = grown;
	s = &f->stanzas[f->stanza_count++];
	*s = (struct stanza){ .kind = kind, .keyword = strdup(word), .line = line };
	return s->keyword && strlist_split(&s->words, rest, " \t\r\v\f") == 0 ? 0 : -1;
}

static int add_option(struct stanza *s, const char *word, const char *rest)
{
	struct iface_option *grown = grow(s->options, s->option_count, sizeof(*grown)), *o;

	if (!grown)
		return -1;
	s->options = grown;
	o = &s->options[s->option_count++];
	o->name = strdup(word);
	o->value = strdup(rest);
	return o->name && o->value ? 0 : -1;
}

/* One logical line: comment and empty lines were dropped, continuations joined. Cuts text into pieces. */
static int add_logical(struct interfaces_file *f, char *text, size_t line)
{
	struct stanza *last = f->stanza_count ? &f->stanzas[f->stanza_count - 1] : NULL;
	char *word = text, *rest;
	size_t len = strlen(text);
	enum stanza_kind kind;
	bool is_keyword;

	while (len && is_blank(text[len - 1]))
		text[--len] = '\0';
	rest = word;
	while (*rest && !is_blank(*rest))
		rest++;
	if (*rest)
		*rest++ = '\0';
	while (is_blank(*rest))
		rest++;
	kind = kind_of(word, &is_keyword);
	if (is_keyword)
		return add_stanza(f, kind, word, rest, line);
	if (last && takes_options(last))
		return add_option(last, word, rest);
	if (f->stray_line == SIZE_MAX)
		f->stray_line = line;
	return 0;
}

static int find_stanzas(struct interfaces_file *f)
{
	size_t i = 0;

	while (i < f->lines.count) {
		struct strbuf b cleanup_strbuf = STRBUF_INIT;
		const char *s = f->lines.items[i];
		size_t first = i++;

		while (is_blank(*s))
			s++;
		if (!*s || *s == '#')
			continue;
		strbuf_adds(&b, s);
		while (b.len && b.data[b.len - 1] == '\\' && i < f->lines.count) {
			b.data[--b.len] = '\0';
			strbuf_adds(&b, f->lines.items[i++]);
		}
		if (b.failed || add_logical(f, b.data, first) < 0)
			return -1;
	}
	return 0;
}

int interfaces_parse(struct interfaces_file *ret, const char *text, size_t len, struct err *e)
{
	const char *end = text + len;

	*ret = (struct interfaces_file){ .ends_with_newline = len > 0 && text[len - 1] == '\n',
					 .stray_line = SIZE_MAX };
	if (len > INTERFACES_MAX_BYTES)
		return err_set(e, ERR_LIMIT, 0, "an interfaces file has %zu bytes", len);
	if (len && memchr(text, '\0', len))
		return err_set(e, ERR_PARSE, 0, "an interfaces file holds NUL bytes");
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = (size_t)((nl ? nl : end) - text);

		if (strlist_addn(&ret->lines, text, line_len) < 0)
			goto nomem;
		text += line_len + 1;
	}
	if (find_stanzas(ret) == 0)
		return 0;
nomem:
	interfaces_done(ret);
	return err_set(e, ERR_NOMEM, 0, "reading interfaces");
}

void interfaces_done(struct interfaces_file *f)
{
	size_t i;

	for (i = 0; i < f->stanza_count; i++)
		stanza_done(&f->stanzas[i]);
	free(f->stanzas);
	strlist_done(&f->lines);
	*f = (struct interfaces_file){ .stray_line = SIZE_MAX };
}

void interfaces_print(const struct interfaces_file *f, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < f->lines.count; i++) {
		strbuf_adds(out, f->lines.items[i]);
		if (i + 1 < f->lines.count || f->ends_with_newline)
			strbuf_addc(out, '\n');
	}
}
