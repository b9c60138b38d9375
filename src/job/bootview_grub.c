/* SPDX-License-Identifier: MIT */
/* From GRUB's core, or from a configuration on the ESP, over the menu to the root file system. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "disk/grubcore.h"
#include "job/bootview_priv.h"
#include "job/grub_menu.h"
#include "rewrite/bls.h"

#define MENU_MAX ((size_t)4 * 1024 * 1024)
#define ENV_MAX 65536u
#define BLS_FILES_MAX 500

/* ---- the tree that would be mounted ---- */

static char *line_of(struct view_fs *f, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (rawfs_read(f->fs, path, &text, 4096, NULL) < 0)
		return NULL;
	return strndup(strbuf_str(&text), strcspn(strbuf_str(&text), "\n"));
}

static void describe_tree(struct view *v, struct view_fs *root)
{
	char *hostname cleanup_free = line_of(root, "/etc/hostname");
	char *machine_id cleanup_free = line_of(root, "/etc/machine-id");
	json_t *o = json_object();
	struct rawfs_node n;

	json_object_set_new(o, "partition", json_integer(root->part->number));
	json_object_set_new(o, "uuid", json_text(rawfs_uuid(root->fs)));
	json_object_set_new(o, "hostname", json_text(hostname));
	json_object_set_new(o, "machine_id", json_text(machine_id));
	json_object_set_new(o, "etc_ino",
			    rawfs_lookup(root->fs, "/etc", true, &n, NULL) == 0
				    ? json_integer((json_int_t)n.ino)
				    : json_null());
	json_object_set_new(o, "needs_recovery", json_boolean(rawfs_needs_recovery(root->fs)));
	json_decref(v->out->tree);
	v->out->tree = o;
}

/* What a running system needs from its root, before anything else. */
static bool has_init(struct view *v, struct view_fs *root, const char *args)
{
	static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	char *given cleanup_free = kernel_arg(args, "init");
	size_t i;

	if (given && rawfs_is_file(root->fs, given))
		return true;
	for (i = 0; i < ARRAY_SIZE(usual); i++)
		if (rawfs_is_file(root->fs, usual[i]))
			return true;
	return view_step(v, false, "partition %u has no init", root->part->number);
}

/* After release there is no J any more: what the rewriting noted in the tree stays (rewrite/plan.c). */
static bool is_released_clone(struct view_fs *root)
{
	static const char key[] = "root_uuid=";
	char *line cleanup_free = line_of(root, "/var/lib/rehost/state");

	return line && strncmp(line, key, strlen(key)) == 0 &&
	       strcasecmp(line + strlen(key), rawfs_uuid(root->fs)) == 0;
}

/* All file systems of the plan must agree with the root. */
static enum tree_kind common_kind(const struct view *v, const struct view_fs *root)
{
	enum tree_kind kind = root->kind;
	unsigned i;

	for (i = 0; i < v->fs_count; i++) {
		enum tree_kind other = v->fs[i].kind;
		unsigned k;

		for (k = 0; k < v->j.fs_count; k++)
			if (strcasecmp(v->j.filesystems[k].uuid, rawfs_uuid(v->fs[i].fs)) == 0)
				break;
		if (k == v->j.fs_count || other == TREE_UNTOLD)
			continue;
		if (kind == TREE_UNTOLD)
			kind = other;
		else if (other != kind)
			return TREE_MIXED;
	}
	return kind;
}

static enum boot_outcome judge_root(struct view *v, struct view_fs *root, const char *args)
{
	describe_tree(v, root);
	if (!has_init(v, root, args))
		return view_end(v, BOOT_NOTHING, "the root file system has no init");
	if (!rawfs_is_dir(root->fs, "/etc") || !rawfs_is_file(root->fs, "/etc/passwd"))
		return view_end(v, BOOT_NOTHING, "the root file system has no /etc");
	if (v->is_j_damaged)
		return view_end(
			v, BOOT_UNKNOWN,
			"a system starts, and the job record that says which one is damaged");
	if (v->j.state == JOB_NONE && is_released_clone(root))
		return view_end(v, BOOT_CLONE, "the root file system of a clone, partition %u",
				root->part->number);
	switch (common_kind(v, root)) {
	case TREE_MIXED:
		return view_end(v, BOOT_NOTHING,
				"a system would start while old system and clone are mixed");
	case TREE_CLONE:
		return view_end(v, BOOT_CLONE, "the clone's root file system, partition %u",
				root->part->number);
	default:
		return view_end(v, BOOT_OLD, "the old system's root file system, partition %u",
				root->part->number);
	}
}

/* root= as the kernel and initramfs programs read it, among the partitions of this disk. */
static struct view_fs *find_root(struct view *v, const char *root)
{
	static const char by_uuid[] = "/dev/disk/by-uuid/";
	size_t len = strlen(root);
	unsigned i;

	if (strncasecmp(root, "UUID=", 5) == 0)
		return view_find_uuid(v, root + 5);
	if (strncmp(root, by_uuid, strlen(by_uuid)) == 0)
		return view_find_uuid(v, root + strlen(by_uuid));
	for (i = 0; i < v->fs_count; i++) {
		if (strncasecmp(root, "PARTUUID=", 9) == 0 &&
		    strcasecmp(root + 9, v->fs[i].part->uuid) == 0)
			return &v->fs[i];
		if (strncasecmp(root, "LABEL=", 6) == 0 &&
		    strcmp(root + 6, rawfs_label(v->fs[i].fs)) == 0)
			return &v->fs[i];
	}
	if (strncmp(root, "/dev/", 5) != 0 || strncmp(root, "/dev/mapper/", 12) == 0)
		return NULL;
	while (len && isdigit((unsigned char)root[len - 1]))
		len--;
	return root[len] ? view_find_part(v, (unsigned)strtoul(root + len, NULL, 10)) : NULL;
}

/* ---- the menu ---- */

static enum boot_outcome follow_entry(struct view *v, struct view_fs *f,
				      const struct grub_entry *entry)
{
	char *root cleanup_free = kernel_arg(entry->linux_args, "root");
	struct view_fs *root_fs;
	bool ok = true;
	size_t i;

	if (entry->search_uuid) {
		f = view_find_uuid(v, entry->search_uuid);
		if (!f)
			return view_end(v, BOOT_NOTHING,
					"the menu's entry looks for the file system %s",
					entry->search_uuid);
	}
	if (!entry->linux_path)
		return view_end(v, BOOT_NOTHING, "the menu's default entry starts no Linux kernel");
	ok = view_check_file(v, f, entry->linux_path, FILE_KERNEL);
	for (i = 0; i < entry->initrds.count; i++)
		if (!view_check_file(v, f, entry->initrds.items[i], FILE_INITRD))
			ok = false;
	if (!ok)
		return view_end(v, BOOT_NOTHING, "kernel or initramfs of \"%.100s\" cannot be read",
				entry->title);
	root_fs = root ? find_root(v, root) : NULL;
	if (!root_fs)
		return view_end(v, root ? BOOT_UNKNOWN : BOOT_NOTHING,
				"root=%s is no file system of this disk that can be read here",
				root ? root : "");
	view_step(v, true, "root=%s is partition %u", root, root_fs->part->number);
	return judge_root(v, root_fs, entry->linux_args);
}

/* blscfg takes the folder of the file system that holds the kernels; the other place is that of a root with /boot in it. */
static bool add_bls(struct view *v, struct view_fs *f, const char *dir, struct grub_menu *m)
{
	static const char *const dirs[] = BLS_DIRS;
	struct strbuf env cleanup_strbuf = STRBUF_INIT;
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[900];
	size_t i, d = 0;

	if (!m->has_blscfg)
		return true;
	snprintf(path, sizeof(path), "%s/grubenv", dir);
	if (rawfs_read(f->fs, path, &env, ENV_MAX, NULL) < 0)
		strbuf_done(&env);
	if (m->boot_uuid)
		f = view_find_uuid(v, m->boot_uuid);
	while (f && d < ARRAY_SIZE(dirs) && !rawfs_is_dir(f->fs, dirs[d]))
		d++;
	if (!f || d == ARRAY_SIZE(dirs) || rawfs_list(f->fs, dirs[d], &names, NULL) < 0)
		return view_step(v, false, "GRUB finds no folder of boot entries");
	grub_bls_sort(&names);
	for (i = 0; i < names.count && i < BLS_FILES_MAX; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		snprintf(path, sizeof(path), "%s/%s", dirs[d], names.items[i]);
		if (rawfs_read(f->fs, path, &text, BLS_MAX, NULL) == 0 &&
		    grub_menu_add_bls(m, names.items[i], strbuf_str(&text), text.len,
				      strbuf_str(&env), env.len) < 0)
			return false;
	}
	return view_step(v, true, "partition %u: %zu boot entries in %s", f->part->number,
			 m->bls_at, dirs[d]);
}

static const struct grub_entry *pick_entry(struct view *v, struct view_fs *f, const char *dir,
					   struct grub_menu *m)
{
	struct strbuf env cleanup_strbuf = STRBUF_INIT;
	char *saved cleanup_free = NULL, *next cleanup_free = NULL;
	char path[600];

	(void)v;
	snprintf(path, sizeof(path), "%s/grubenv", dir);
	if (rawfs_read(f->fs, path, &env, ENV_MAX, NULL) == 0) {
		saved = grubenv_get(strbuf_str(&env), env.len, "saved_entry");
		next = grubenv_get(strbuf_str(&env), env.len, "next_entry");
	}
	if (next && *next) { /* grub-reboot: for one start only */
		m->default_is_saved = true;
		return grub_menu_default(m, next);
	}
	return grub_menu_default(m, saved);
}

enum boot_outcome view_follow_config(struct view *v, struct view_fs *f, const char *dir,
				     const char *platform)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const struct grub_entry *entry;
	enum boot_outcome end;
	struct grub_menu m;
	char path[600];

	snprintf(path, sizeof(path), "%s/%s/normal.mod", dir, platform ? platform : "");
	if (platform && !view_check_file(v, f, path, FILE_ANY))
		return view_end(v, BOOT_NOTHING, "GRUB does not find its modules");
	snprintf(path, sizeof(path), "%s/grub.cfg", dir);
	if (!view_check_file(v, f, path, FILE_ANY) ||
	    rawfs_read(f->fs, path, &text, MENU_MAX, NULL) < 0 ||
	    grub_menu_parse(&m, strbuf_str(&text), text.len, NULL) < 0)
		return view_end(v, BOOT_NOTHING, "GRUB does not find its menu");
	entry = add_bls(v, f, dir, &m) ? pick_entry(v, f, dir, &m) : NULL;
	if (!entry) {
		end = view_end(v, BOOT_NOTHING, "GRUB's menu has no entry to start");
	} else {
		/* What is outside the entries runs before them: the last search there leaves root set. */
		view_step(v, true, "the menu starts \"%.200s\"", entry->title);
		end = follow_entry(v, f, entry);
	}
	grub_menu_done(&m);
	return end;
}

/* ---- stubs ---- */

/* "($root)'/boot/grub'" or "($root)/boot/grub": the part behind the device, without quotes. */
static void take_dir(struct stub *s, const char *text)
{
	const char *p = strchr(text, ')');
	size_t n = 0;

	for (p = p ? p + 1 : text; *p && n + 1 < sizeof(s->dir); p++)
		if (*p != '\'' && *p != '"')
			s->dir[n++] = *p;
	s->dir[n] = '\0';
}

static void take_stub_line(struct view *v, struct stub *s, const struct strlist *w)
{
	const char *word = w->items[0];
	size_t i;

	if (strcmp(word, "search.fs_uuid") == 0 && w->count > 1)
		s->fs = view_find_uuid(v, w->items[1]);
	else if (strcmp(word, "search") == 0 &&
		 (strlist_has(w, "--fs-uuid") || strlist_has(w, "-u"))) {
		for (i = 1; i < w->count; i++)
			if (w->items[i][0] != '-' && strcmp(w->items[i], "root") != 0 &&
			    view_find_uuid(v, w->items[i]))
				s->fs = view_find_uuid(v, w->items[i]);
	} else if (strcmp(word, "set") == 0 && w->count > 1 &&
		   strncmp(w->items[1], "prefix=", 7) == 0)
		take_dir(s, w->items[1] + 7);
}

bool view_read_stub(struct view *v, const char *text, struct stub *ret)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&lines, text, "\n") < 0)
		return false;
	for (i = 0; i < lines.count && i < 1000; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;

		if (strlist_split(&words, lines.items[i], " \t;") == 0 && words.count)
			take_stub_line(v, ret, &words);
	}
	return ret->fs != NULL;
}

/* ---- the core ---- */

/* "(,msdos1)/boot/grub", "(hd0,gpt2)/grub": the partition's number; 0: none named. */
static unsigned prefix_partition(const char *prefix)
{
	const char *end = strchr(prefix, ')'), *p = end;

	if (prefix[0] != '(' || !end)
		return 0;
	while (p > prefix && isdigit((unsigned char)p[-1]))
		p--;
	return p < end && (p[-1] == ',' || isalpha((unsigned char)p[-1]))
		       ? (unsigned)strtoul(p, NULL, 10)
		       : 0;
}

/*
 * The modules must be of the core's own build, and a core half overwritten by another one may still unpack: what it
 * was made from lies beside the modules.
 */
static bool belongs_to(struct view *v, const struct grub_core *core, const struct stub *s)
{
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	char path[600];

	snprintf(path, sizeof(path), "%s/i386-pc/core.img", s->dir);
	if (rawfs_read(s->fs->fs, path, &image, GRUB_CORE_MAX_BYTES, NULL) == 0 &&
	    grub_core_equals(core, strbuf_str(&image), image.len))
		return true;
	return view_step(v, false, "partition %u: %s is not what the core was made from",
			 s->fs->part->number, path);
}

enum boot_outcome view_follow_core(struct view *v, const struct grub_core *core)
{
	struct stub s = { 0 };

	if (!core->is_decoded)
		return view_end(v, BOOT_NOTHING, "GRUB's core is damaged");
	if (core->prefix) {
		unsigned number = prefix_partition(core->prefix);

		take_dir(&s, core->prefix);
		s.fs = number ? view_find_part(v, number) : NULL;
	}
	if (core->config && !view_read_stub(v, core->config, &s))
		view_step(v, false, "the core's configuration finds no file system of this disk");
	if (!s.fs || !s.dir[0])
		return view_end(v, BOOT_UNKNOWN,
				"GRUB's core looks at %.100s, which cannot be read here",
				core->prefix ? core->prefix : "no place");
	view_step(v, true, "the core looks at partition %u, %s", s.fs->part->number, s.dir);
	if (!belongs_to(v, core, &s))
		return view_end(v, BOOT_NOTHING,
				"GRUB's core and its modules are not of one build");
	snprintf(v->out->via, sizeof(v->out->via), "%s", v->chained ? "private-loader" : "grub");
	return view_follow_config(v, s.fs, s.dir, "i386-pc");
}
