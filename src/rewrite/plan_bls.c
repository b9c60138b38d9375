/* SPDX-License-Identifier: MIT */
/*
 * Entries of the Boot Loader Specification and the grubenv that they refer to. grub2-mkconfig of RHEL 9.2 and later leaves
 * entries as they are, and older ones write them anew from /etc/default/grub, which by then says the same.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "rewrite/bls.h"
#include "rewrite/plan_boot_priv.h"

#define ENTRIES "/boot/loader/entries"
#define ENTRIES_MAX 500
#define GRUBENV_SIZE 1024
#define GRUBENV_HEAD "# GRUB Environment Block\n"

/* The id that a copy gets in the place of the tree's; NULL: it stays. */
static const char *new_id(const struct planner *p)
{
	return p->tree.machine_id && p->done_machine_id &&
			       strcmp(p->tree.machine_id, p->done_machine_id) != 0
		       ? p->done_machine_id
		       : NULL;
}

/* "OLDID-VERSION" -> "NEWID-VERSION"; NULL: the name does not begin with the id. */
static char *rename_by_id(const struct planner *p, const char *name)
{
	struct strbuf b = STRBUF_INIT;
	const char *id = new_id(p);
	size_t n = id ? strlen(p->tree.machine_id) : 0;

	if (!id || strlen(name) <= n || strncmp(name, p->tree.machine_id, n) != 0 || name[n] != '-')
		return NULL;
	strbuf_addf(&b, "%s%s", id, name + n);
	return strbuf_take(&b);
}

/* ---- entries ---- */

/*
 * Paths are those of the file system that holds /boot: "/vmlinuz-X" where that is one of its own, else "/boot/vmlinuz-X". The
 * source may have had it the other way round.
 */
static void fit_path(const struct planner *p, const char *word, struct strbuf *out)
{
	const char *bare = str_starts(word, "/boot/") ? word + strlen("/boot") : word;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/boot%s", bare);
	if (bare[0] != '/' || !root_is_file(p->clone, path)) {
		strbuf_adds(out, word);
		return;
	}
	strbuf_adds(out, rewrite_facts_fs(p->facts, "/boot") ? bare : path);
}

static int fit_paths(struct planner *p, struct bls_entry *b, size_t line, const char *value)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&words, value, " \t") < 0)
		return plan_nomem(p);
	for (i = 0; i < words.count; i++) {
		strbuf_adds(&out, i ? " " : "");
		fit_path(p, words.items[i], &out);
	}
	if (out.failed)
		return plan_nomem(p);
	return strcmp(strbuf_str(&out), value) != 0 && bls_set(b, line, strbuf_str(&out)) < 0
		       ? plan_nomem(p)
		       : 0;
}

static int fit_options(struct planner *p, const char *path, struct bls_entry *b, size_t line,
		       const char *value)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	struct strlist dropped cleanup_strlist = STRLIST_INIT;

	/* RHEL 8: the words are in grubenv, those behind it belong to this kernel */
	if (strstr(value, "$kernelopts"))
		return 0;
	if (boot_fit_words(p, value, &out, &dropped) < 0)
		return -1;
	if (strcmp(strbuf_str(&out), value) == 0)
		return 0;
	if (bls_set(b, line, strbuf_str(&out)) < 0)
		return plan_nomem(p);
	return boot_note_dropped(p, path, &dropped);
}

static int fit_lines(struct planner *p, const char *path, struct bls_entry *b)
{
	static const char *const paths[] = { "linux", "initrd", "devicetree" };
	const char *value;
	size_t i, k;

	for (i = 0; i < b->lines.count; i++) {
		for (k = 0; k < ARRAY_SIZE(paths); k++) {
			value = bls_value(b->lines.items[i], paths[k]);
			if (value && fit_paths(p, b, i, value) < 0)
				return -1;
		}
		value = bls_value(b->lines.items[i], "options");
		if (value && fit_options(p, path, b, i, value) < 0)
			return -1;
		value = bls_value(b->lines.items[i], "machine-id");
		if (value && new_id(p) && strcmp(value, p->tree.machine_id) == 0 &&
		    bls_set(b, i, new_id(p)) < 0)
			return plan_nomem(p);
	}
	return 0;
}

static int fit_entry(struct planner *p, const char *path)
{
	static const char why[] = "the boot entry fits this machine";
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	char *name cleanup_free = rename_by_id(p, strrchr(path, '/') + 1);
	struct bls_entry b;
	char to[PATH_MAX];
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	if (text.len > BLS_MAX || bls_parse(&b, strbuf_str(&text), text.len, NULL) < 0)
		return plan_block(p, "%s cannot be understood", path);
	rc = fit_lines(p, path, &b);
	bls_print(&b, &out);
	bls_done(&b);
	if (rc < 0 || !name)
		return rc < 0 ? -1 : plan_rewrite(p, path, &out, why);
	snprintf(to, sizeof(to), ENTRIES "/%s", name);
	return plan_write(p, to, strbuf_str(&out), out.len, 0644, why) < 0 ||
			       plan_move_aside(p, path,
					       "boot entries are called after the machine-id") < 0
		       ? -1
		       : 0;
}

/* kernel-install(8) goes on with the folder that it began: named by the old id. */
static int pin_token(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char dir[PATH_MAX];

	if (!new_id(p) || root_exists(p->clone, "/etc/kernel/entry-token"))
		return 0;
	snprintf(dir, sizeof(dir), "/boot/%.64s", p->tree.machine_id);
	if (!root_is_dir(p->clone, dir))
		return 0;
	strbuf_addf(&text, "%s\n", p->tree.machine_id);
	return plan_write(p, "/etc/kernel/entry-token", strbuf_str(&text), text.len, 0644,
			  "new kernels find the folder of the old ones");
}

int plan_bls(struct planner *p)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (!root_is_dir(p->clone, ENTRIES))
		return 0;
	if (root_list(p->clone, ENTRIES, &names, p->e) < 0)
		return -1;
	if (names.count > ENTRIES_MAX)
		return plan_block(p, ENTRIES " has more than %d files", ENTRIES_MAX);
	for (i = 0; i < names.count; i++) {
		if (strlen(names.items[i]) > NAME_MAX || !str_ends(names.items[i], ".conf"))
			continue;
		snprintf(path, sizeof(path), ENTRIES "/%s", names.items[i]);
		if (root_is_file(p->clone, path) && fit_entry(p, path) < 0)
			return -1;
	}
	return pin_token(p);
}

/* ---- grubenv ---- */

/* One "name=value" line, as it will be; an empty out leaves it out. */
static int fit_variable(struct planner *p, const char *path, const char *line, struct strbuf *out)
{
	static const char opts[] = "kernelopts=", saved[] = "saved_entry=";
	struct strbuf words cleanup_strbuf = STRBUF_INIT;
	struct strlist dropped cleanup_strlist = STRLIST_INIT;
	char *name cleanup_free = NULL;

	if (line[0] == '#') {
		strbuf_addf(out, "%s\n", line);
		return 0;
	}
	if (str_starts(line, opts)) {
		if (boot_fit_words(p, line + strlen(opts), &words, &dropped) < 0)
			return -1;
		strbuf_addf(out, "%s%s\n", opts, strbuf_str(&words));
		return strcmp(strbuf_str(&words), line + strlen(opts)) != 0
			       ? boot_note_dropped(p, path, &dropped)
			       : 0;
	}
	if (str_starts(line, saved))
		name = rename_by_id(p, line + strlen(saved));
	if (name)
		strbuf_addf(out, "%s%s\n", saved, name);
	else if (!p->old_root_uuid || !strstr(line, p->old_root_uuid))
		strbuf_addf(out, "%s\n", line);
	return 0;
}

/* Exactly 1024 bytes: the head, a line a variable, the rest filled with '#'. */
static int fit_block(struct planner *p, const char *path, const struct strbuf *text,
		     struct strbuf *out)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&lines, strbuf_str(text), "\n") < 0)
		return plan_nomem(p);
	if (!lines.count)
		strbuf_adds(out, GRUBENV_HEAD);
	for (i = 0; i < lines.count; i++) {
		if (str_starts(lines.items[i], "##")) /* what fills it */
			continue;
		if (fit_variable(p, path, lines.items[i], out) < 0)
			return -1;
	}
	if (out->len > GRUBENV_SIZE)
		return plan_block(p, "%s has no room for this machine's words: shorten kernelopts",
				  path);
	while (!out->failed && out->len < GRUBENV_SIZE)
		strbuf_addc(out, '#');
	return 0;
}

int boot_edit_grubenv(struct planner *p, const char *dir)
{
	static const char why[] = "it remembered a menu entry of the source's disk";
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	bool has_old, is_link;
	struct stat st;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "%s/grubenv", dir);
	is_link = root_lstat(p->clone, path, &st) == 0 && S_ISLNK(st.st_mode);
	rc = plan_read(p, path, &text);
	if (rc < 0 || (rc == 0 && !is_link))
		return rc;
	if (!strstr(strbuf_str(&text), "kernelopts=") && !is_link) {
		has_old = p->old_root_uuid && strstr(strbuf_str(&text), p->old_root_uuid);
		if (!has_old && !new_id(p))
			return 0;
		if (has_old) /* it names an entry of the source's menu */
			strbuf_done(&text);
	}
	if (fit_block(p, path, &text, &out) < 0)
		return -1;
	/* a link (RHEL 8 keeps it on the ESP) becomes a file: GRUB follows none to another file system */
	return plan_write(p, path, strbuf_str(&out), out.len, is_link ? 0644 : -1, why);
}
