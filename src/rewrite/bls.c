/* SPDX-License-Identifier: MIT */
#include "rewrite/bls.h"

#include <string.h>

int bls_parse(struct bls_entry *ret, const char *text, size_t len, struct err *e)
{
	struct bls_entry b = { .ends_with_newline = len && text[len - 1] == '\n' };
	const char *end = text + len;

	if (memchr(text, '\0', len))
		return err_set(e, ERR_PARSE, 0, "it has NUL bytes");
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl ? nl : end) - text);

		if (strlist_addn(&b.lines, text, n) < 0) {
			bls_done(&b);
			return err_set(e, ERR_NOMEM, 0, "a boot entry");
		}
		text += n + 1;
	}
	*ret = b;
	return 0;
}

void bls_done(struct bls_entry *b)
{
	strlist_done(&b->lines);
}

void bls_print(const struct bls_entry *b, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < b->lines.count; i++)
		strbuf_addf(out, "%s%s", b->lines.items[i],
			    i + 1 < b->lines.count || b->ends_with_newline ? "\n" : "");
}

const char *bls_value(const char *line, const char *key)
{
	size_t n = strlen(key);

	line += strspn(line, " \t");
	if (strncmp(line, key, n) != 0 || !strchr(" \t", line[n]))
		return NULL;
	return line + n + strspn(line + n, " \t");
}

const char *bls_get(const struct bls_entry *b, const char *key)
{
	const char *value = NULL;
	size_t i;

	for (i = 0; i < b->lines.count && !value; i++)
		value = bls_value(b->lines.items[i], key);
	return value;
}

int bls_set(struct bls_entry *b, size_t line, const char *value)
{
	const char *old = b->lines.items[line];
	size_t head = strspn(old, " \t");
	struct strbuf text = STRBUF_INIT;
	char *made;

	head += strcspn(old + head, " \t");
	head += strspn(old + head, " \t");
	strbuf_add(&text, old, head);
	if (head && !strchr(" \t", old[head - 1]))
		strbuf_addc(&text, ' ');
	strbuf_adds(&text, value);
	made = strbuf_take(&text);
	if (!made)
		return -1;
	free(b->lines.items[line]);
	b->lines.items[line] = made;
	return 0;
}

void bls_join(const struct bls_entry *b, const char *key, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < b->lines.count; i++) {
		const char *value = bls_value(b->lines.items[i], key);

		if (value)
			strbuf_addf(out, "%s%s", out->len ? " " : "", value);
	}
}
