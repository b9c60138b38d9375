/* SPDX-License-Identifier: MIT */
#include "rewrite/fstab.h"

#include <string.h>

/* A field of a line: where it begins and how long it is. */
struct span {
	const char *at;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Finds up to six fields; returns their number. A comment or an empty line has none. */
static unsigned split_fields(const char *line, struct span ret[6])
{
	unsigned n = 0;

	for (;;) {
		while (is_blank(*line))
			line++;
		if (!*line || *line == '\r' || (n == 0 && *line == '#') || n == 6)
			return n;
		ret[n].at = line;
		while (*line && !is_blank(*line))
			line++;
		ret[n].len = (size_t)(line - ret[n].at);
		if (!*line && ret[n].len && ret[n].at[ret[n].len - 1] == '\r')
			ret[n].len--; /* a file that came from another world: the CR stays in the line */
		n++;
	}
}

/* The value of \ooo at s, or -1. \000 is no escape: nothing in the table may hold it. */
static int octal_at(const char *s, size_t len)
{
	int v;

	if (len < 4 || s[0] != '\\' || s[1] < '0' || s[1] > '3' || s[2] < '0' || s[2] > '7' ||
	    s[3] < '0' || s[3] > '7')
		return -1;
	v = (s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0');
	return v ? v : -1;
}

static char *decode(struct span f)
{
	char *out = malloc(f.len + 1);
	size_t i = 0, used = 0;

	while (out && i < f.len) {
		int v = octal_at(f.at + i, f.len - i);

		out[used++] = v >= 0 ? (char)v : f.at[i];
		i += v >= 0 ? 4 : 1;
	}
	if (out)
		out[used] = '\0';
	return out;
}

/* The leading digits, as libmount reads these columns; anything else is 0. */
static int decode_number(struct span f)
{
	int v = 0;
	size_t i;

	for (i = 0; i < f.len && i < 4 && f.at[i] >= '0' && f.at[i] <= '9'; i++)
		v = v * 10 + (f.at[i] - '0');
	return v;
}

static void entry_done(struct fstab_entry *entry)
{
	free(entry->spec);
	free(entry->file);
	free(entry->vfstype);
	free(entry->options);
}

static int entry_parse(struct fstab_entry *ret, const struct span *f, unsigned n)
{
	*ret = (struct fstab_entry){ .spec = decode(f[0]),
				     .file = decode(f[1]),
				     .vfstype = decode(f[2]),
				     .options = n > 3 ? decode(f[3]) : strdup("defaults"),
				     .freq = n > 4 ? decode_number(f[4]) : 0,
				     .passno = n > 5 ? decode_number(f[5]) : 0 };
	if (ret->spec && ret->file && ret->vfstype && ret->options)
		return 0;
	entry_done(ret);
	return -1;
}

static int add_entry(struct fstab *t, const struct span *f, unsigned n)
{
	struct fstab_entry *grown;

	/* Room grows by powers of two: the count itself says when it is full. */
	if ((t->entry_count & (t->entry_count - 1)) == 0) {
		size_t cap = t->entry_count ? t->entry_count * 2 : 1;

		grown = reallocarray(t->entries, cap, sizeof(*grown));
		if (!grown)
			return -1;
		t->entries = grown;
	}
	if (entry_parse(&t->entries[t->entry_count], f, n) < 0)
		return -1;
	t->entries[t->entry_count++].line = t->lines.count - 1;
	return 0;
}

int fstab_parse(struct fstab *ret, const char *text, size_t len, struct err *e)
{
	const char *end = text + len;
	struct span f[6];
	unsigned n;

	*ret = (struct fstab){ .ends_with_newline = len > 0 && text[len - 1] == '\n' };
	if (len > FSTAB_MAX_BYTES)
		return err_set(e, ERR_LIMIT, 0, "the fstab has %zu bytes", len);
	if (len && memchr(text, '\0', len))
		return err_set(e, ERR_PARSE, 0, "the fstab holds NUL bytes");
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = (size_t)((nl ? nl : end) - text);

		if (strlist_addn(&ret->lines, text, line_len) < 0)
			goto nomem;
		n = split_fields(ret->lines.items[ret->lines.count - 1], f);
		if (n >= 3 && add_entry(ret, f, n) < 0)
			goto nomem;
		text += line_len + 1;
	}
	return 0;
nomem:
	fstab_done(ret);
	return err_set(e, ERR_NOMEM, 0, "reading the fstab");
}

void fstab_done(struct fstab *t)
{
	size_t i;

	for (i = 0; i < t->entry_count; i++)
		entry_done(&t->entries[i]);
	free(t->entries);
	strlist_done(&t->lines);
	*t = (struct fstab){ 0 };
}

void fstab_print(const struct fstab *t, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < t->lines.count; i++) {
		strbuf_adds(out, t->lines.items[i]);
		if (i + 1 < t->lines.count || t->ends_with_newline)
			strbuf_addc(out, '\n');
	}
}

/* Length without trailing slashes, the root's own kept. */
static size_t path_len(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

const struct fstab_entry *fstab_find(const struct fstab *t, const char *file)
{
	size_t i, len = path_len(file);

	for (i = t->entry_count; i-- > 0;)
		if (path_len(t->entries[i].file) == len &&
		    memcmp(t->entries[i].file, file, len) == 0)
			return &t->entries[i];
	return NULL;
}

char *fstab_tag_value(const char *spec, const char *tag)
{
	size_t len = strlen(tag);

	if (strncmp(spec, tag, len) != 0 || spec[len] != '=')
		return NULL;
	spec += len + 1;
	len = strlen(spec);
	if (len >= 2 && (spec[0] == '"' || spec[0] == '\'') && spec[len - 1] == spec[0])
		return strndup(spec + 1, len - 2);
	return strdup(spec);
}

void fstab_escape(struct strbuf *out, const char *value)
{
	const char *s;

	for (s = value; *s; s++) {
		if (is_blank(*s) || *s == '\n' || *s == '\r' || *s == '\\' ||
		    (*s == '#' && s == value))
			strbuf_addf(out, "\\%03o", (unsigned char)*s);
		else
			strbuf_addc(out, *s);
	}
}

char *fstab_line_set(const char *line, enum fstab_column column, const char *value)
{
	static const char *const fill[] = { "none", "none", "auto", "defaults", "0", "0" };
	struct strbuf out = STRBUF_INIT;
	struct span f[6];
	unsigned n = split_fields(line, f), i;

	if ((unsigned)column < n) {
		strbuf_add(&out, line, (size_t)(f[column].at - line));
		fstab_escape(&out, value);
		strbuf_adds(&out, f[column].at + f[column].len);
		return strbuf_take(&out);
	}
	if (n)
		strbuf_add(&out, line, (size_t)(f[n - 1].at + f[n - 1].len - line));
	for (i = n; i <= (unsigned)column; i++) {
		if (i)
			strbuf_addc(&out, ' ');
		fstab_escape(&out, i == (unsigned)column ? value : fill[i]);
	}
	return strbuf_take(&out);
}

bool fstab_has_option(const char *options, const char *name)
{
	size_t len = strlen(name);
	bool any_value = len && name[len - 1] == '=';

	while (*options) {
		size_t n = strcspn(options, ",");

		if (any_value ? n >= len && strncmp(options, name, len) == 0
			      : n == len && strncmp(options, name, len) == 0)
			return true;
		options += n + (options[n] == ',');
	}
	return false;
}
