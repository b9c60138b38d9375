/* SPDX-License-Identifier: MIT */
#include "rewrite/shellscript.h"

#include <ctype.h>
#include <string.h>

struct scan {
	const char *s; /* what is left */
	size_t line;
	struct shell_script *f;
	struct err *e;
};

static int nomem(struct scan *c)
{
	return err_set(c->e, ERR_NOMEM, 0, "reading assignments");
}

static void skip_blank(struct scan *c)
{
	for (;;) {
		if (*c->s == ' ' || *c->s == '\t' || *c->s == '\r') {
			c->s++;
		} else if (c->s[0] == '\\' && c->s[1] == '\n') {
			c->s += 2;
			c->line++;
		} else {
			return;
		}
	}
}

static void skip_line(struct scan *c)
{
	c->s += strcspn(c->s, "\n");
	if (*c->s) {
		c->s++;
		c->line++;
	}
}

/* ---- values -------------------------------------------------------------------------------------------------- */

static void read_double(struct scan *c, struct strbuf *out, bool *needs_shell)
{
	for (; *c->s && *c->s != '"'; c->s++) {
		if (c->s[0] == '\\' && c->s[1] == '\n') {
			c->s++;
			c->line++;
			continue;
		}
		if (c->s[0] == '\\' && c->s[1] && strchr("$`\"\\", c->s[1]))
			c->s++;
		else if (*c->s == '$' || *c->s == '`')
			*needs_shell = true;
		c->line += *c->s == '\n';
		strbuf_addc(out, *c->s);
	}
	*needs_shell |= !*c->s;
	c->s += *c->s == '"';
}

static void read_single(struct scan *c, struct strbuf *out, bool *needs_shell)
{
	for (; *c->s && *c->s != '\''; c->s++) {
		c->line += *c->s == '\n';
		strbuf_addc(out, *c->s);
	}
	*needs_shell |= !*c->s;
	c->s += *c->s == '\'';
}

/* One word; false: there is none. globs: the shell would look for files of that name, or for braces. */
static bool read_word(struct scan *c, struct strbuf *out, bool *needs_shell, bool globs)
{
	const char *start = c->s;

	while (*c->s && !strchr(" \t\r\n;&|<>()", *c->s)) {
		char q = *c->s++;

		if (q == '"') {
			read_double(c, out, needs_shell);
		} else if (q == '\'') {
			read_single(c, out, needs_shell);
		} else if (q == '\\' && *c->s == '\n') {
			c->s++;
			c->line++;
		} else if (q == '\\' && *c->s) {
			strbuf_addc(out, *c->s++);
		} else {
			*needs_shell |= q == '$' || q == '`' || (q == '~' && c->s - 1 == start) ||
					(globs && strchr("*?[{", q));
			strbuf_addc(out, q);
		}
	}
	return c->s > start;
}

/* Behind the bracket. False: no end was found, or something that is no word. -1 through *failed: no memory. */
static bool read_array(struct scan *c, struct shell_setting *v, bool *failed)
{
	for (;;) {
		struct strbuf word cleanup_strbuf = STRBUF_INIT;

		skip_blank(c);
		if (*c->s == '\n' || *c->s == '#') {
			skip_line(c);
			continue;
		}
		if (*c->s == ')') {
			c->s++;
			return true;
		}
		if (!read_word(c, &word, &v->needs_shell, true))
			return false;
		if (word.failed || strlist_add(&v->words, strbuf_str(&word)) < 0) {
			*failed = true;
			return false;
		}
	}
}

static bool at_end_of_command(const struct scan *c, const char *value_end)
{
	return !*c->s || *c->s == '\n' || *c->s == ';' || (*c->s == '#' && c->s > value_end);
}

/* ---- settings ------------------------------------------------------------------------------------------------ */

static void setting_done(struct shell_setting *v)
{
	free(v->name);
	strlist_done(&v->words);
	*v = (struct shell_setting){ 0 };
}

const struct shell_setting *shell_script_find(const struct shell_script *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->count; i++)
		if (strcmp(f->settings[i].name, name) == 0)
			return &f->settings[i];
	return NULL;
}

const char *shell_script_value(const struct shell_script *f, const char *name)
{
	const struct shell_setting *v = shell_script_find(f, name);

	return v && !v->needs_shell && v->words.count && *v->words.items[0] ? v->words.items[0]
									    : NULL;
}

/* NAME+=: text behind a plain value, words behind an array. */
static int append(struct shell_setting *to, struct shell_setting *v)
{
	size_t i;

	to->needs_shell |= v->needs_shell;
	if (!to->is_array && !v->is_array && to->words.count && v->words.count) {
		char *joined;

		if (asprintf(&joined, "%s%s", to->words.items[0], v->words.items[0]) < 0)
			return -1;
		free(to->words.items[0]);
		to->words.items[0] = joined;
		return 0;
	}
	to->is_array |= v->is_array;
	for (i = 0; i < v->words.count; i++)
		if (strlist_add(&to->words, v->words.items[i]) < 0)
			return -1;
	return 0;
}

/* Takes v over, whatever comes of it. */
static int keep_setting(struct scan *c, struct shell_setting *v, bool is_append)
{
	struct shell_setting *old = (struct shell_setting *)shell_script_find(c->f, v->name);
	struct shell_setting *grown;
	int rc = 0;

	if (old && is_append) {
		rc = append(old, v);
		setting_done(v);
		return rc < 0 ? nomem(c) : 0;
	}
	if (old) {
		setting_done(old);
		*old = *v;
		return 0;
	}
	grown = c->f->count < SHELL_SETTINGS_MAX
			? reallocarray(c->f->settings, c->f->count + 1, sizeof(*grown))
			: NULL;
	if (!grown) {
		setting_done(v);
		return c->f->count < SHELL_SETTINGS_MAX
			       ? nomem(c)
			       : err_set(c->e, ERR_LIMIT, 0, "more than %d assignments",
					 SHELL_SETTINGS_MAX);
	}
	c->f->settings = grown;
	grown[c->f->count++] = *v;
	return 0;
}

/* Length of NAME in "NAME=" or "NAME+="; 0: no assignment. */
static size_t name_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	if (!n || isdigit((unsigned char)s[0]) || s[n + (s[n] == '+')] != '=')
		return 0;
	return n;
}

/* 1: an assignment was taken; 0: it is something else, c is where it was; -1: e is set. */
static int read_assignment(struct scan *c)
{
	struct scan start = *c;
	struct shell_setting v = { .line = c->line };
	bool is_append, ok, failed = false;
	const char *end;
	size_t n;

	if (str_starts(c->s, "export ") || str_starts(c->s, "export\t")) {
		c->s += 7;
		skip_blank(c);
	}
	n = name_length(c->s);
	if (!n) {
		*c = start;
		return 0;
	}
	is_append = c->s[n] == '+';
	v.name = strndup(c->s, n);
	c->s += n + is_append + 1;
	if (*c->s == '(') {
		c->s++;
		v.is_array = true;
		ok = read_array(c, &v, &failed);
	} else {
		struct strbuf word cleanup_strbuf = STRBUF_INIT;

		read_word(c, &word, &v.needs_shell, false);
		ok = true;
		failed = word.failed || strlist_add(&v.words, strbuf_str(&word)) < 0;
	}
	end = c->s;
	skip_blank(c);
	if (failed || !v.name) {
		setting_done(&v);
		return nomem(c);
	}
	/* "NAME=value command", "NAME=$(command)" and the like */
	if (!ok || !at_end_of_command(c, end)) {
		setting_done(&v);
		*c = start;
		return 0;
	}
	return keep_setting(c, &v, is_append) < 0 ? -1 : 1;
}

/* ---- code ---------------------------------------------------------------------------------------------------- */

/* How much deeper in functions and conditions the line leads. */
static int depth_of(const char *line, size_t len)
{
	static const char *const openers[] = {
		"if", "for", "while", "until", "case", "{", "select"
	};
	static const char *const closers[] = { "fi", "done", "esac", "}" };
	static const char *const starters[] = { "then", "do", "else", "&&", "||", "{", "(" };
	bool is_command = true;
	int depth = 0;
	size_t i, k;

	for (i = 0; i < len;) {
		size_t n = 0;

		while (i < len && strchr(" \t;", line[i])) {
			is_command |= line[i] == ';';
			i++;
		}
		while (i + n < len && !strchr(" \t;", line[i + n]))
			n++;
		if (!n)
			break;
		for (k = 0; k < ARRAY_SIZE(openers); k++)
			depth += (is_command || openers[k][0] == '{') && strlen(openers[k]) == n &&
				 strncmp(line + i, openers[k], n) == 0;
		for (k = 0; k < ARRAY_SIZE(closers); k++)
			depth -= is_command && strlen(closers[k]) == n &&
				 strncmp(line + i, closers[k], n) == 0;
		is_command = false;
		for (k = 0; k < ARRAY_SIZE(starters); k++)
			is_command |= strlen(starters[k]) == n &&
				      strncmp(line + i, starters[k], n) == 0;
		i += n;
	}
	return depth;
}

/* The text that ends a document given with "<<END"; 0: none. */
static size_t here_end(const char *line, size_t len, const char **ret)
{
	const char *s = memmem(line, len, "<<", 2);
	size_t n = 0;

	if (!s || s[2] == '<')
		return 0;
	s += 2 + strspn(s + 2, "-'\"\\ ");
	while (s + n < line + len && (isalnum((unsigned char)s[n]) || s[n] == '_'))
		n++;
	*ret = s;
	return n;
}

static void skip_document(struct scan *c, const char *end, size_t len)
{
	while (*c->s) {
		const char *s = c->s + strspn(c->s, "\t");
		bool is_end = strncmp(s, end, len) == 0 && (!s[len] || s[len] == '\n');

		skip_line(c);
		if (is_end)
			return;
	}
}

/* What would be run: its first line is kept, and nothing in it counts. */
static int skip_code(struct scan *c)
{
	size_t len = strcspn(c->s, "\n");
	char text[121], safe[400];
	int depth = 0;

	snprintf(text, sizeof(text), "%.*s", (int)(len < 120 ? len : 120), c->s);
	str_escape(safe, sizeof(safe), text);
	if (c->f->code.count < 64 && strlist_addf(&c->f->code, "%zu: %s", c->line, safe) < 0)
		return nomem(c);
	do {
		const char *end = NULL;
		size_t end_len;

		len = strcspn(c->s, "\n");
		depth += depth_of(c->s, len);
		end_len = here_end(c->s, len, &end);
		skip_line(c);
		if (end_len)
			skip_document(c, end, end_len);
	} while (depth > 0 && *c->s);
	return 0;
}

int shell_script_parse(struct shell_script *ret, const char *text, size_t len, struct err *e)
{
	struct scan c = { .s = text, .line = 1, .f = ret, .e = e };
	int rc = 0;

	*ret = (struct shell_script){ 0 };
	if (len && memchr(text, '\0', len))
		return err_set(e, ERR_PARSE, 0, "the file holds NUL bytes");
	while (rc >= 0) {
		skip_blank(&c);
		if (!*c.s)
			return 0;
		if (*c.s == ';') {
			c.s++;
		} else if (*c.s == '\n' || *c.s == '#') {
			skip_line(&c);
		} else {
			rc = read_assignment(&c);
			if (rc == 0)
				rc = skip_code(&c);
		}
	}
	shell_script_done(ret);
	return -1;
}

void shell_script_done(struct shell_script *f)
{
	size_t i;

	for (i = 0; i < f->count; i++)
		setting_done(&f->settings[i]);
	free(f->settings);
	strlist_done(&f->code);
	*f = (struct shell_script){ 0 };
}
