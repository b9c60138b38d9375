/* SPDX-License-Identifier: MIT */
#include "rewrite/tables.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_comment(const char *line)
{
	line += strspn(line, " \t");
	return !*line || *line == '#' || *line == '\r';
}

int table_comment(const char *text, bool continues, table_test wanted, void *arg,
		  struct strbuf *out)
{
	bool commenting = false;
	int changed = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line cleanup_free = strndup(text, len);

		if (!line)
			return -1;
		if (is_comment(line))
			commenting = commenting && continues && *line == '#';
		else if (!continues || !commenting || !is_blank(*line))
			commenting = wanted(arg, line);
		if (commenting && !is_comment(line)) {
			strbuf_adds(out, TABLE_MARK);
			changed++;
		}
		len += text[len] == '\n';
		strbuf_add(out, text, len);
		text += len;
	}
	return out->failed ? -1 : changed;
}

/* ---- LVM ---- */

/* Whether s begins a setting of that name; ret_value: behind its '='. */
static bool is_setting(const char *s, const char *name, const char **ret_value)
{
	size_t n = strlen(name);

	s += strspn(s, " \t");
	if (str_starts(s, "devices/"))
		s += strlen("devices/");
	if (strncmp(s, name, n) != 0)
		return false;
	s += n;
	s += strspn(s, " \t");
	if (*s != '=')
		return false;
	*ret_value = s + 1;
	return true;
}

/*
 * The end of a value, an array over several lines as well. NULL: it has none. accepts: whether one of its strings takes in
 * certain devices only ("a|^/dev/sda2$|"); what only rejects (Proxmox, ceph) hides no disk of this machine.
 */
static const char *scan_filter(const char *s, bool *accepts)
{
	bool array = false;

	for (; *s; s++) {
		if (*s == '#') {
			s += strcspn(s, "\n");
			s -= *s == '\0';
		} else if (*s == '"') {
			const char *end = strchr(s + 1, '"');

			if (!end)
				return NULL;
			if (s[1] == 'a' && memmem(s, (size_t)(end - s), "/dev/", 5))
				*accepts = true;
			s = end;
		} else if (*s == '[') {
			array = true;
		} else if (*s == ']' || (*s == '\n' && !array)) {
			return s + strcspn(s, "\n");
		}
	}
	return array ? NULL : s;
}

/* The setting that begins in the line at s, as a comment. */
static void add_commented(struct strbuf *out, const char *s, const char *end)
{
	while (s < end) {
		size_t len = strcspn(s, "\n");

		if (s + len > end)
			len = (size_t)(end - s);
		strbuf_adds(out, TABLE_MARK);
		strbuf_add(out, s, len);
		s += len;
		if (s < end) {
			strbuf_addc(out, '\n');
			s++;
		}
	}
}

int table_fit_lvm(const char *text, struct strbuf *out)
{
	bool changed = false;

	while (*text) {
		const char *value, *end = text + strcspn(text, "\n");
		bool accepts = false;

		if (is_setting(text, "filter", &value) ||
		    is_setting(text, "global_filter", &value)) {
			end = scan_filter(value, &accepts);
			if (!end)
				return -1;
		}
		if (accepts)
			add_commented(out, text, end);
		else
			strbuf_add(out, text, (size_t)(end - text));
		changed = changed || accepts;
		text = end;
		if (*text == '\n')
			strbuf_addc(out, *text++);
	}
	return changed;
}

/* ---- command lines ---- */

/* One word and the blanks before it. */
static void add_word(const char *blanks, size_t blanks_len, const char *word, const char *root_uuid,
		     struct strbuf *out)
{
	strbuf_add(out, blanks, blanks_len);
	if (str_starts(word, "root="))
		strbuf_addf(out, "root=UUID=%s", root_uuid);
	else
		strbuf_adds(out, word);
}

int table_fit_cmdline(const char *text, const char *root_uuid, bool (*is_foreign)(const char *word),
		      struct strbuf *out, struct strlist *dropped)
{
	bool begins = true; /* of a line */

	while (*text) {
		size_t blanks = strspn(text, " \t"), len = strcspn(text + blanks, " \t\n");
		char *word cleanup_free = strndup(text + blanks, len);

		if (!word)
			return -1;
		if (begins && *word == '#') {
			blanks = 0;
			len = strcspn(text, "\n");
			strbuf_add(out, text, len);
		} else if (len && is_foreign(word) && !str_starts(word, "root=")) {
			if (strlist_add(dropped, word) < 0)
				return -1;
		} else {
			add_word(text, blanks, word, root_uuid, out);
		}
		text += blanks + len;
		begins = *text == '\n';
		if (begins)
			strbuf_addc(out, *text++);
	}
	return out->failed ? -1 : 0;
}
