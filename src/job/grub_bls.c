/* SPDX-License-Identifier: MIT */
/* The entries that GRUB's blscfg (Fedora, RHEL 8 and later) shows in the place of a menu's own. */
#include <stdlib.h>
#include <string.h>

#include "job/grub_menu.h"
#include "rewrite/bls.h"

#define ENTRIES_MAX 4000
#define EXPANDED_MAX 65536

/* A variable's value: of grubenv, else what the menu sets when grubenv has none. To be freed; NULL: empty. */
static char *value_of(const struct grub_menu *m, const char *name, const char *env, size_t env_len)
{
	char *value = env ? grubenv_get(env, env_len, name) : NULL;

	if (!value && strcmp(name, "kernelopts") == 0 && m->kernelopts)
		value = strdup(m->kernelopts);
	return value;
}

/* "$kernelopts $tuned_params rhgb" with the values in their place. */
static void expand(const struct grub_menu *m, const char *s, const char *env, size_t env_len,
		   struct strbuf *out)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	while (*s && out->len < EXPANDED_MAX) {
		size_t plain = strcspn(s, "$"), n;
		char name[64], *value cleanup_free = NULL;
		bool braces;

		strbuf_add(out, s, plain);
		s += plain;
		if (!*s)
			return;
		braces = s[1] == '{';
		s += braces ? 2 : 1;
		n = strspn(s, letters);
		snprintf(name, sizeof(name), "%.*s", n < 60 ? (int)n : 60, s);
		s += n + (braces && s[n] == '}');
		value = n ? value_of(m, name, env, env_len) : NULL;
		strbuf_adds(out, value ? value : "");
	}
}

static char *expanded(const struct grub_menu *m, const struct bls_entry *b, const char *key,
		      const char *env, size_t env_len)
{
	struct strbuf joined cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;

	bls_join(b, key, &joined);
	expand(m, strbuf_str(&joined), env, env_len, &out);
	if (joined.failed || out.failed)
		return NULL;
	return out.len ? strbuf_take(&out) : strdup("");
}

static int fill(const struct grub_menu *m, struct grub_entry *entry, const struct bls_entry *b,
		const char *env, size_t env_len)
{
	const char *title = bls_get(b, "title");
	char *initrds cleanup_free = expanded(m, b, "initrd", env, env_len);

	entry->title = strdup(title ? title : entry->id);
	entry->linux_path = expanded(m, b, "linux", env, env_len);
	entry->linux_args = expanded(m, b, "options", env, env_len);
	if (m->boot_uuid)
		entry->search_uuid = strdup(m->boot_uuid);
	if (!initrds || strlist_split(&entry->initrds, initrds, " \t") < 0)
		return -1;
	return entry->title && entry->linux_path && entry->linux_args ? 0 : -1;
}

/* Behind those that were added before. */
static struct grub_entry *make_place(struct grub_menu *m)
{
	struct grub_entry *grown = m->count < ENTRIES_MAX
					   ? realloc(m->entries, (m->count + 1) * sizeof(*grown))
					   : NULL;
	struct grub_entry *at;

	if (!grown)
		return NULL;
	m->entries = grown;
	at = &grown[m->bls_at];
	memmove(at + 1, at, (m->count - m->bls_at) * sizeof(*at));
	*at = (struct grub_entry){ .depth = 0 };
	m->count++;
	m->bls_at++;
	return at;
}

int grub_menu_add_bls(struct grub_menu *m, const char *file, const char *text, size_t len,
		      const char *env, size_t env_len)
{
	struct err local = ERR_INIT;
	struct grub_entry *entry;
	struct bls_entry b;
	int rc;

	if (!str_ends(file, ".conf") || len > BLS_MAX)
		return 0;
	if (bls_parse(&b, text, len, &local) < 0)
		return local.code == ERR_NOMEM ? -1 : 0;
	if (!bls_get(&b, "linux")) {
		bls_done(&b);
		return 0;
	}
	entry = make_place(m);
	if (entry)
		entry->id = strndup(file, strlen(file) - strlen(".conf"));
	rc = entry && entry->id ? fill(m, entry, &b, env, env_len) : -1;
	bls_done(&b);
	return rc;
}

/* By the file's name, numbers as numbers: what RPM's comparison gives for names of one kind. */
static int compare(const void *a, const void *b)
{
	return strverscmp(*(char *const *)b, *(char *const *)a);
}

void grub_bls_sort(struct strlist *names)
{
	size_t i, kept = 0;

	for (i = 0; i < names->count; i++) {
		if (str_ends(names->items[i], ".conf"))
			names->items[kept++] = names->items[i];
		else
			free(names->items[i]);
	}
	names->count = kept;
	if (kept > 1)
		qsort(names->items, kept, sizeof(*names->items), compare);
}
