/* SPDX-License-Identifier: MIT */
#include "job/grub_menu.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 4000
#define NESTING_MAX 32

/* ---- words of a line: blanks separate, quotes group, a backslash takes the next byte ---- */

static int split_words(struct strlist *ret, const char *line, size_t len)
{
	size_t i = 0;

	while (i < len) {
		struct strbuf word cleanup_strbuf = STRBUF_INIT;
		char quote = '\0';

		while (i < len && (line[i] == ' ' || line[i] == '\t'))
			i++;
		if (i == len || line[i] == '#')
			return 0;
		for (; i < len; i++) {
			char b = line[i];

			if (quote ? b == quote : b == '\'' || b == '"') {
				quote = quote ? '\0' : b;
				continue;
			}
			if (!quote && (b == ' ' || b == '\t'))
				break;
			if (b == '\\' && quote != '\'' && i + 1 < len)
				b = line[++i];
			strbuf_addc(&word, b);
		}
		if (word.failed || strlist_add(ret, strbuf_str(&word)) < 0)
			return -1;
	}
	return 0;
}

struct block {
	bool is_entry, is_submenu;
};

struct parser {
	struct grub_menu *m;
	struct block open[NESTING_MAX];
	unsigned depth, submenus;
	struct grub_entry *entry; /* being read; NULL: outside */
};

static int set_text(char **to, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -1;
	free(*to);
	*to = copy;
	return 0;
}

static int open_entry(struct parser *p, const struct strlist *w)
{
	struct grub_menu *m = p->m;
	struct grub_entry *grown;
	size_t i;

	if (m->count >= ENTRIES_MAX)
		return -1;
	grown = realloc(m->entries, (m->count + 1) * sizeof(*grown));
	if (!grown)
		return -1;
	m->entries = grown;
	p->entry = &m->entries[m->count++];
	*p->entry = (struct grub_entry){ .depth = p->submenus };
	if (set_text(&p->entry->title, w->count > 1 ? w->items[1] : "") < 0)
		return -1;
	for (i = 2; i + 1 < w->count; i++)
		if ((strcmp(w->items[i], "$menuentry_id_option") == 0 ||
		     strcmp(w->items[i], "--id") == 0) &&
		    set_text(&p->entry->id, w->items[i + 1]) < 0)
			return -1;
	return 0;
}

static int open_block(struct parser *p, const struct strlist *w)
{
	struct block b = {
		.is_entry = strcmp(w->items[0], "menuentry") == 0,
		.is_submenu = strcmp(w->items[0], "submenu") == 0,
	};

	if (p->depth == NESTING_MAX)
		return -1;
	if (b.is_entry && open_entry(p, w) < 0)
		return -1;
	if (b.is_submenu) {
		/* Submenus are entries too: they count in the numbering of the first page. */
		if (open_entry(p, w) < 0)
			return -1;
		p->entry = NULL;
		p->submenus++;
	}
	p->open[p->depth++] = b;
	return 0;
}

static void close_block(struct parser *p)
{
	if (!p->depth)
		return;
	p->depth--;
	if (p->open[p->depth].is_entry)
		p->entry = NULL;
	if (p->open[p->depth].is_submenu)
		p->submenus--;
}

static bool is_search_by_uuid(const struct strlist *w)
{
	return (strcmp(w->items[0], "search") == 0 &&
		(strlist_has(w, "--fs-uuid") || strlist_has(w, "-u"))) ||
	       strcmp(w->items[0], "search.fs_uuid") == 0;
}

static int take_linux(struct grub_entry *entry, const struct strlist *w)
{
	struct strbuf args cleanup_strbuf = STRBUF_INIT;
	size_t i;

	if (w->count < 2)
		return 0;
	for (i = 2; i < w->count; i++)
		strbuf_addf(&args, "%s%s", i > 2 ? " " : "", w->items[i]);
	free(entry->linux_args);
	entry->linux_args = strdup(strbuf_str(&args));
	return entry->linux_args && !args.failed ? set_text(&entry->linux_path, w->items[1]) : -1;
}

static int take_default(struct grub_menu *m, const char *value)
{
	if (strcmp(value, "${saved_entry}") == 0) {
		m->default_is_saved = true;
		return 0;
	}
	if (value[0] == '$') /* ${next_entry}, ${chosen}: set for one boot only */
		return 0;
	return set_text(&m->default_text, value);
}

static int take_line(struct parser *p, const struct strlist *w)
{
	const char *word = w->items[0];
	const char *uuid = w->items[w->count - 1];
	size_t i;

	if (strcmp(w->items[w->count - 1], "{") == 0)
		return open_block(p, w);
	if (strcmp(word, "}") == 0) {
		close_block(p);
		return 0;
	}
	if (strcmp(word, "set") == 0 && w->count > 1 && str_starts(w->items[1], "default="))
		return take_default(p->m, w->items[1] + strlen("default="));
	if (strcmp(word, "blscfg") == 0 && !p->entry && !p->submenus && !p->m->has_blscfg) {
		p->m->has_blscfg = true;
		p->m->bls_at = p->m->count;
		return 0;
	}
	if (strcmp(word, "set") == 0 && w->count > 1 && str_starts(w->items[1], "kernelopts="))
		return set_text(&p->m->kernelopts, w->items[1] + strlen("kernelopts="));
	if (is_search_by_uuid(w)) {
		if (!p->entry && strlist_has(w, "--set=boot"))
			return set_text(&p->m->boot_uuid, uuid);
		if (p->entry)
			return set_text(&p->entry->search_uuid, uuid);
		return strlist_has(&p->m->searches, uuid) ? 0 : strlist_add(&p->m->searches, uuid);
	}
	if (!p->entry)
		return 0;
	if (strcmp(word, "linux") == 0 || strcmp(word, "linux16") == 0 ||
	    strcmp(word, "linuxefi") == 0)
		return take_linux(p->entry, w);
	if (str_starts(word, "initrd"))
		for (i = 1; i < w->count; i++)
			if (strlist_add(&p->entry->initrds, w->items[i]) < 0)
				return -1;
	return 0;
}

int grub_menu_parse(struct grub_menu *ret, const char *text, size_t len, struct err *e)
{
	struct grub_menu m = { 0 };
	struct parser p = { .m = &m };
	const char *end = text + len;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = nl ? (size_t)(nl - text) : (size_t)(end - text);
		struct strlist words cleanup_strlist = STRLIST_INIT;

		if (split_words(&words, text, n) < 0 ||
		    (words.count && take_line(&p, &words) < 0)) {
			grub_menu_done(&m);
			return err_set(e, ERR_LIMIT, 0, "the boot menu is too large");
		}
		text += n + 1;
	}
	*ret = m;
	return 0;
}

void grub_menu_done(struct grub_menu *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		free(m->entries[i].title);
		free(m->entries[i].id);
		free(m->entries[i].search_uuid);
		free(m->entries[i].linux_path);
		free(m->entries[i].linux_args);
		strlist_done(&m->entries[i].initrds);
	}
	free(m->entries);
	free(m->default_text);
	free(m->boot_uuid);
	free(m->kernelopts);
	strlist_done(&m->searches);
	*m = (struct grub_menu){ 0 };
}

/* One step of "A>B": the entry named or numbered name among those of depth that follow from. */
static const struct grub_entry *find_in_page(const struct grub_menu *m, size_t from, unsigned depth,
					     const char *name, size_t len)
{
	char text[512];
	uint32_t number, n = 0;
	bool is_number;
	size_t i;

	if (len >= sizeof(text))
		return NULL;
	memcpy(text, name, len);
	text[len] = '\0';
	is_number = parse_u32(text, &number) == 0;
	for (i = from; i < m->count && m->entries[i].depth >= depth; i++) {
		const struct grub_entry *entry = &m->entries[i];

		if (entry->depth > depth)
			continue;
		if (is_number ? n == number
			      : (entry->id && strcmp(entry->id, text) == 0) ||
					strcmp(entry->title, text) == 0)
			return entry;
		n++;
	}
	return NULL;
}

const struct grub_entry *grub_menu_default(const struct grub_menu *m, const char *saved)
{
	const char *want = m->default_is_saved && !str_is_empty(saved) ? saved : m->default_text;
	const struct grub_entry *found = NULL;
	unsigned depth = 0;
	size_t from = 0;

	if (str_is_empty(want))
		want = "0";
	for (;;) {
		size_t len = strcspn(want, ">");

		found = find_in_page(m, from, depth, want, len);
		if (!found)
			break;
		if (!want[len])
			return found;
		from = (size_t)(found - m->entries) + 1;
		depth++;
		want += len + 1;
	}
	/* GRUB falls back to the first entry when the default names none. */
	return m->count && m->entries[0].depth == 0 ? &m->entries[0] : NULL;
}

char *grubenv_get(const char *text, size_t len, const char *name)
{
	const char *end = text + len;
	size_t key = strlen(name);

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = nl ? (size_t)(nl - text) : (size_t)(end - text);

		if (n > key && memcmp(text, name, key) == 0 && text[key] == '=')
			return strndup(text + key + 1, n - key - 1);
		text += n + 1;
	}
	return NULL;
}

char *grubenv_saved(const char *text, size_t len)
{
	return grubenv_get(text, len, "saved_entry");
}

char *kernel_arg(const char *args, const char *name)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i, len = strlen(name);
	const char *value = NULL;

	if (!args || strlist_split(&words, args, " \t") < 0)
		return NULL;
	for (i = 0; i < words.count; i++) /* the last one counts */
		if (strncmp(words.items[i], name, len) == 0 && words.items[i][len] == '=')
			value = words.items[i] + len + 1;
	return value ? strdup(value) : NULL;
}
