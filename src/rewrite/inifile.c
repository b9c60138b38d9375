/* SPDX-License-Identifier: MIT */
#include "rewrite/inifile.h"

#include <stdint.h>
#include <string.h>

struct parser {
	struct ini_file *f;
	enum ini_dialect dialect;
	struct strbuf joined; /* a continued line so far */
	size_t joined_line;
	bool is_joined;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\n';
}

/* Grows an array whose count alone tells its room: powers of two. */
static void *grow(void *items, size_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	return reallocarray(items, count ? count * 2 : 1, size);
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s;
}

/* A copy without blanks at the end. */
static char *copy_trimmed(const char *s, const char *end)
{
	while (end > s && is_blank(end[-1]))
		end--;
	return strndup(s, (size_t)(end - s));
}

static void mark_bad(struct ini_file *f, size_t line)
{
	if (f->bad_line == SIZE_MAX)
		f->bad_line = line;
}

static int add_section(struct ini_file *f, const char *s, const char *end, size_t line)
{
	struct ini_section *grown = grow(f->sections, f->section_count, sizeof(*grown));

	if (!grown)
		return -1;
	f->sections = grown;
	grown = &f->sections[f->section_count++];
	*grown = (struct ini_section){ .name = strndup(s, (size_t)(end - s)), .line = line };
	return grown->name ? 0 : -1;
}

static int add_entry(struct ini_section *to, const char *s, const char *eq, const char *end,
		     size_t line)
{
	struct ini_entry *grown = grow(to->entries, to->entry_count, sizeof(*grown));

	if (!grown)
		return -1;
	to->entries = grown;
	grown = &to->entries[to->entry_count++];
	*grown = (struct ini_entry){ .key = copy_trimmed(s, eq),
				     .value = copy_trimmed(skip_blanks(eq + 1, end), end),
				     .line = line };
	return grown->key && grown->value ? 0 : -1;
}

/* One logical line, neither empty nor a comment, without blanks before it. */
static int add_logical(struct ini_file *f, const char *s, const char *end, size_t line)
{
	const char *eq = memchr(s, '=', (size_t)(end - s));

	while (end > s && is_blank(end[-1]))
		end--;
	if (s == end)
		return 0;
	if (*s == '[') {
		if (end[-1] == ']' && end - s > 2)
			return add_section(f, s + 1, end - 1, line);
		mark_bad(f, line);
		return 0;
	}
	if (!eq || eq == s || !f->section_count) {
		mark_bad(f, line);
		return 0;
	}
	return add_entry(&f->sections[f->section_count - 1], s, eq, end, line);
}

/* Whether a line goes on: an odd number of backslashes at its end. */
static bool is_continued(const char *s, const char *end)
{
	size_t n = 0;

	while (end > s && end[-1] == '\\') {
		end--;
		n++;
	}
	return n & 1;
}

static int end_joined(struct parser *p)
{
	const char *s, *end;
	int rc;

	if (!p->is_joined)
		return 0;
	end = strbuf_str(&p->joined) + p->joined.len;
	s = skip_blanks(strbuf_str(&p->joined), end);
	rc = p->joined.failed ? -1 : add_logical(p->f, s, end, p->joined_line);
	strbuf_done(&p->joined);
	p->is_joined = false;
	return rc;
}

static int add_physical(struct parser *p, const char *s, const char *end, size_t line)
{
	const char *first = skip_blanks(s, end);

	if (end > s && end[-1] == '\r')
		end--;
	/* a comment within a continued line is left out, and the line goes on */
	if (first < end && (*first == '#' || (*first == ';' && p->dialect == INI_SYSTEMD)))
		return 0;
	if (p->dialect == INI_KEYFILE || (!p->is_joined && !is_continued(s, end)))
		return first < end ? add_logical(p->f, first, end, line) : 0;
	if (!p->is_joined) {
		p->is_joined = true;
		p->joined_line = line;
	}
	if (is_continued(s, end)) {
		strbuf_add(&p->joined, s, (size_t)(end - s - 1));
		strbuf_addc(&p->joined, ' ');
		return p->joined.failed ? -1 : 0;
	}
	strbuf_add(&p->joined, s, (size_t)(end - s));
	return end_joined(p);
}

int ini_parse(struct ini_file *ret, enum ini_dialect dialect, const char *text, size_t len,
	      struct err *e)
{
	struct parser p = { .f = ret, .dialect = dialect };
	const char *end = text + len;
	size_t line = 0;

	*ret = (struct ini_file){ .bad_line = SIZE_MAX };
	if (len > INI_MAX_BYTES)
		return err_set(e, ERR_LIMIT, 0, "a configuration file has %zu bytes", len);
	if (len && memchr(text, '\0', len))
		return err_set(e, ERR_PARSE, 0, "a configuration file holds NUL bytes");
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		if (add_physical(&p, text, nl ? nl : end, line++) < 0)
			goto nomem;
		text = nl ? nl + 1 : end;
	}
	if (end_joined(&p) == 0)
		return 0;
nomem:
	strbuf_done(&p.joined);
	ini_done(ret);
	return err_set(e, ERR_NOMEM, 0, "reading a configuration file");
}

void ini_done(struct ini_file *f)
{
	size_t i, n;

	for (i = 0; i < f->section_count; i++) {
		for (n = 0; n < f->sections[i].entry_count; n++) {
			free(f->sections[i].entries[n].key);
			free(f->sections[i].entries[n].value);
		}
		free(f->sections[i].entries);
		free(f->sections[i].name);
	}
	free(f->sections);
	*f = (struct ini_file){ .bad_line = SIZE_MAX };
}

const char *ini_get(const struct ini_file *f, const char *section, const char *key)
{
	const char *found = NULL;
	size_t i, n;

	for (i = 0; i < f->section_count; i++)
		for (n = 0; n < f->sections[i].entry_count; n++)
			if (strcmp(f->sections[i].name, section) == 0 &&
			    strcmp(f->sections[i].entries[n].key, key) == 0)
				found = f->sections[i].entries[n].value;
	return found;
}

void ini_unescape(char *value)
{
	static const char letters[] = "sntr\\", bytes[] = " \n\t\r\\";
	char *to = value;

	for (; *value; value++) {
		const char *found = *value == '\\' && value[1] ? strchr(letters, value[1]) : NULL;

		if (found) {
			*to++ = bytes[found - letters];
			value++;
		} else {
			*to++ = *value;
		}
	}
	*to = '\0';
}
