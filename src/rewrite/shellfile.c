/* SPDX-License-Identifier: MIT */
#include "rewrite/shellfile.h"

#include <string.h>

static bool is_name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

static size_t skip_blank(const char *s, size_t i)
{
	while (s[i] == ' ' || s[i] == '\t')
		i++;
	return i;
}

/* End of a quoted piece that begins at i (after the quote); the length of the line when it stays open. */
static size_t quoted_end(const char *s, size_t i, char quote)
{
	while (s[i] && s[i] != quote) {
		if (quote == '"' && s[i] == '\\' && s[i + 1])
			i++;
		i++;
	}
	return i;
}

/*
 * Measures a value that begins at v->at. Sets length, quote and is_simple. *open is the quote that was not
 * closed on this line, 0 when there is none.
 */
static void measure(struct shell_var *v, const char *s, char *open)
{
	size_t i = v->at;
	unsigned pieces = 0;

	*open = 0;
	while (s[i] && s[i] != ' ' && s[i] != '\t' && s[i] != ';') {
		char c = s[i];

		pieces++;
		if (c == '"' || c == '\'') {
			size_t end = quoted_end(s, i + 1, c);

			v->quote = c;
			if (!s[end]) {
				*open = c;
				i = end;
				break;
			}
			i = end + 1;
			continue;
		}
		v->quote = 0;
		while (s[i] && !strchr(" \t;\"'", s[i]))
			i += s[i] == '\\' && s[i + 1] ? 2 : 1;
	}
	v->length = i - v->at;
	i = skip_blank(s, i);
	v->is_simple = pieces <= 1 && !*open && (!s[i] || s[i] == '#' || s[i] == '\r');
}

/* 1: line is an assignment and ret is filled in (strings owned); 0: it is not; -1: no memory. */
static int var_parse(struct shell_var *ret, const char *s, char *open)
{
	size_t i = skip_blank(s, 0), name;
	unsigned inner;

	*open = 0;
	if (strncmp(s + i, "export", 6) == 0 && (s[i + 6] == ' ' || s[i + 6] == '\t'))
		i = skip_blank(s, i + 6);
	name = i;
	while (is_name_char(s[i], i == name))
		i++;
	if (i == name)
		return 0;
	*ret = (struct shell_var){ .is_append = s[i] == '+' };
	if (s[i + ret->is_append] != '=')
		return 0;
	ret->name = strndup(s + name, i - name);
	ret->at = i + ret->is_append + 1;
	measure(ret, s, open);
	inner = ret->is_simple && ret->quote ? 1 : 0;
	ret->raw = strndup(s + ret->at + inner, ret->length - 2 * inner);
	if (ret->name && ret->raw)
		return 1;
	free(ret->name);
	free(ret->raw);
	return -1;
}

static int add_var(struct shell_file *f, const struct shell_var *v)
{
	if ((f->count & (f->count - 1)) == 0) {
		size_t cap = f->count ? f->count * 2 : 1;
		struct shell_var *grown = reallocarray(f->vars, cap, sizeof(*grown));

		if (!grown)
			return -1;
		f->vars = grown;
	}
	f->vars[f->count++] = *v;
	return 0;
}

static int parse_line(struct shell_file *f, char *open)
{
	const char *line = f->lines.items[f->lines.count - 1];
	struct shell_var v;
	int rc;

	if (*open) { /* still inside a value that spans lines: look for its end only */
		if (line[quoted_end(line, 0, *open)])
			*open = 0;
		return 0;
	}
	rc = var_parse(&v, line, open);
	if (rc <= 0)
		return rc;
	v.line = f->lines.count - 1;
	if (add_var(f, &v) < 0) {
		free(v.name);
		free(v.raw);
		return -1;
	}
	return 0;
}

int shell_file_parse(struct shell_file *ret, const char *text, size_t len, struct err *e)
{
	const char *end = text + len;
	char open = 0;

	*ret = (struct shell_file){ .ends_with_newline = len > 0 && text[len - 1] == '\n' };
	if (len && memchr(text, '\0', len))
		return err_set(e, ERR_PARSE, 0, "the file holds NUL bytes");
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = (size_t)((nl ? nl : end) - text);

		if (strlist_addn(&ret->lines, text, line_len) < 0 || parse_line(ret, &open) < 0) {
			shell_file_done(ret);
			return err_set(e, ERR_NOMEM, 0, "reading assignments");
		}
		text += line_len + 1;
	}
	return 0;
}

void shell_file_done(struct shell_file *f)
{
	size_t i;

	for (i = 0; i < f->count; i++) {
		free(f->vars[i].name);
		free(f->vars[i].raw);
	}
	free(f->vars);
	strlist_done(&f->lines);
	*f = (struct shell_file){ 0 };
}

void shell_file_print(const struct shell_file *f, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < f->lines.count; i++) {
		strbuf_adds(out, f->lines.items[i]);
		if (i + 1 < f->lines.count || f->ends_with_newline)
			strbuf_addc(out, '\n');
	}
}

struct shell_var *shell_file_find(const struct shell_file *f, const char *name)
{
	size_t i;

	for (i = f->count; i-- > 0;)
		if (strcmp(f->vars[i].name, name) == 0)
			return &f->vars[i];
	return NULL;
}

char *shell_var_decode(const struct shell_var *v)
{
	char *out = malloc(strlen(v->raw) + 1);
	const char *s = v->raw;
	char inside = v->is_simple ? v->quote : 0;
	size_t n = 0;

	if (!out)
		return NULL;
	for (; *s; s++) {
		if (!v->is_simple && (*s == '"' || *s == '\'') && (!inside || inside == *s)) {
			inside = inside ? 0 : *s;
			continue;
		}
		if (*s == '\\' && inside != '\'' && s[1] && (!inside || strchr("$\"\\`", s[1])))
			s++;
		out[n++] = *s;
	}
	out[n] = '\0';
	return out;
}

int shell_file_replace_line(struct shell_file *f, size_t line, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -1;
	free(f->lines.items[line]);
	f->lines.items[line] = copy;
	return 0;
}

int shell_file_set(struct shell_file *f, struct shell_var *v, const char *raw)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	const char *line = f->lines.items[v->line];
	char *copy = strdup(raw);

	if (!copy)
		return -1;
	if (!v->quote && (!*raw || strpbrk(raw, " \t#;'|&()<>")))
		v->quote = '"';
	strbuf_add(&b, line, v->at);
	if (v->quote)
		strbuf_addc(&b, v->quote);
	strbuf_adds(&b, raw);
	if (v->quote)
		strbuf_addc(&b, v->quote);
	strbuf_adds(&b, line + v->at + v->length);
	free(v->raw);
	v->raw = copy;
	v->length = strlen(raw) + (v->quote ? 2 : 0);
	return b.failed ? -1 : shell_file_replace_line(f, v->line, strbuf_str(&b));
}
