/* SPDX-License-Identifier: MIT */
/* GRUB's settings: /etc/default/grub with grub.d, debconf. Parsed, never sourced. */
#include <limits.h>
#include <string.h>

#include "rewrite/plan_boot_priv.h"
#include "rewrite/plan_initramfs.h"
#include "rewrite/shellfile.h"
#include "rewrite/tables.h"

#define DEFAULTS "/etc/default/grub"
#define DEFAULTS_DIR "/etc/default/grub.d"
#define FILES_MAX 64

struct grub_file {
	char *path;
	struct shell_file f;
	bool present;
};

struct grub_files {
	struct planner *p;
	struct grub_file files[FILES_MAX]; /* in the order grub-mkconfig sources them */
	size_t count;
	const char *extra; /* a word that is missing; NULL: none */
};

static bool is_cmdline(const char *name)
{
	return strcmp(name, "GRUB_CMDLINE_LINUX") == 0 ||
	       strcmp(name, "GRUB_CMDLINE_LINUX_DEFAULT") == 0 ||
	       strcmp(name, "GRUB_CMDLINE_LINUX_RECOVERY") == 0;
}

bool boot_is_foreign_word(const char *word)
{
	static const char *const prefixes[] = {
		"root=",    "resume=",	   "resume_offset=", "rootflags=", "rd.lvm.",
		"rd.luks.", "rd.md.",	   "cryptdevice=",   "cryptopts=", "ip=",
		"BOOTIF=",  "netroot=",	   "nfsroot=",	     "rd.iscsi",   "systemd.machine_id=",
		"ds=",	    "cloud-init=", "ci.ds=",	     "ci.di.",	   "network-config=",
		"initrd=",  "BOOT_IMAGE=", "rehost.",	     NULL
	};
	size_t i;

	for (i = 0; prefixes[i]; i++)
		if (str_starts(word, prefixes[i]))
			return true;
	return false;
}

static bool has_item(const char *list, const char *item)
{
	size_t n = strlen(item);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == n && strncmp(list, item, n) == 0)
			return true;
	return false;
}

/* rootfstype=, and Alpine's modules= (mkinitfs-bootparam(7)), with the type of this machine's root. NULL: it stays. */
static char *fit_word(const struct planner *p, const char *word)
{
	const char *type = rewrite_facts_fs(p->facts, "/")->type;
	struct strbuf b = STRBUF_INIT;

	if (str_starts(word, "rootfstype=") && !has_item(word + strlen("rootfstype="), type))
		strbuf_addf(&b, "rootfstype=%s", type);
	else if (str_starts(word, "modules=") && strcmp(p->tree.family, "alpine") == 0 &&
		 !has_item(word + strlen("modules="), type))
		strbuf_addf(&b, "%s,%s", word, type);
	else
		return NULL;
	return strbuf_take(&b);
}

/* A word that the clone's initramfs wants for a root on what it assembles; NULL: none. */
static const char *stack_word(const struct planner *p)
{
	const struct initramfs_maker *maker = initramfs_maker_of(&p->tree);

	return maker && rewrite_facts_fs(p->facts, "/")->stack ? maker->stack_word : NULL;
}

/*
 * The value's words without the foreign ones. drop_consoles: without console= too; add: appended. A value that
 * stays the same gives false.
 */
static bool edit_words(const struct planner *p, const char *raw, bool drop_consoles,
		       const char *const *add, struct strbuf *out, struct strlist *dropped)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	bool changed = false;
	size_t i;

	if (strlist_split(&words, raw, " \t") < 0) {
		out->failed = true;
		return true;
	}
	for (i = 0; i < words.count; i++) {
		const char *w = words.items[i];
		char *fitted cleanup_free = fit_word(p, w);

		if (boot_is_foreign_word(w) || (drop_consoles && str_starts(w, "console="))) {
			if (strlist_add(dropped, w) < 0)
				out->failed = true;
			changed = true;
			continue;
		}
		strbuf_addf(out, "%s%s", out->len ? " " : "", fitted ? fitted : w);
		changed = changed || fitted;
	}
	for (; add && *add; add++) {
		strbuf_addf(out, "%sconsole=%s", out->len ? " " : "", *add);
		changed = true;
	}
	return changed;
}

static bool refers_to_itself(const struct shell_var *v)
{
	return v->is_append || strstr(v->raw, "$GRUB_CMDLINE_LINUX") ||
	       strstr(v->raw, "${GRUB_CMDLINE_LINUX");
}

/* The last plain assignment of GRUB_CMDLINE_LINUX: what follows it only adds. NULL: there is none. */
static struct shell_var *console_home(struct grub_files *g, size_t *ret_file)
{
	size_t i, n;

	for (i = g->count; i-- > 0;)
		for (n = g->files[i].f.count; n-- > 0;) {
			struct shell_var *v = &g->files[i].f.vars[n];

			if (strcmp(v->name, "GRUB_CMDLINE_LINUX") == 0 && !refers_to_itself(v)) {
				*ret_file = i;
				return v;
			}
		}
	return NULL;
}

/* Collects every console= of all command lines, in order. */
static int find_consoles(struct grub_files *g, struct strlist *ret)
{
	size_t i, n, k;

	for (i = 0; i < g->count; i++)
		for (n = 0; n < g->files[i].f.count; n++) {
			const struct shell_var *v = &g->files[i].f.vars[n];
			struct strlist words cleanup_strlist = STRLIST_INIT;

			if (!is_cmdline(v->name))
				continue;
			if (strlist_split(&words, v->raw, " \t") < 0)
				return plan_nomem(g->p);
			for (k = 0; k < words.count; k++)
				if (str_starts(words.items[k], "console=") &&
				    strlist_add(ret, words.items[k] + 8) < 0)
					return plan_nomem(g->p);
		}
	return 0;
}

static bool has_word(const struct grub_files *g, const char *word)
{
	size_t i, n;

	for (i = 0; i < g->count; i++)
		for (n = 0; n < g->files[i].f.count; n++) {
			const struct shell_var *v = &g->files[i].f.vars[n];
			struct strlist words cleanup_strlist = STRLIST_INIT;

			if (is_cmdline(v->name) && strlist_split(&words, v->raw, " \t") == 0 &&
			    strlist_has(&words, word))
				return true;
		}
	return false;
}

static bool same_consoles(const struct strlist *have, const char *const *want)
{
	size_t i;

	for (i = 0; i < have->count && want[i]; i++)
		if (strcmp(have->items[i], want[i]) != 0)
			return false;
	return i == have->count && !want[i];
}

int boot_note_dropped(struct planner *p, const char *path, const struct strlist *dropped)
{
	size_t i;

	for (i = 0; i < dropped->count; i++)
		if (plan_note(p, "%s: %s was taken off the kernel command line", path,
			      dropped->items[i]) < 0)
			return -1;
	return 0;
}

/* One command line variable. home: the consoles go here. */
static int edit_cmdline(struct grub_files *g, struct grub_file *file, struct shell_var *v,
			bool replace_consoles, bool home)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	struct strlist dropped cleanup_strlist = STRLIST_INIT;

	bool changed = edit_words(g->p, v->raw, replace_consoles,
				  replace_consoles && home ? g->p->facts->consoles : NULL, &out,
				  &dropped);

	if (home && g->extra) {
		strbuf_addf(&out, "%s%s", out.len ? " " : "", g->extra);
		changed = true;
	}
	if (!changed)
		return 0;
	if (!v->is_simple)
		return plan_block(g->p,
				  "%s line %zu cannot be changed safely: take %s off %s on the "
				  "source",
				  file->path, v->line + 1,
				  dropped.count ? dropped.items[0] : "console=", v->name);
	if (out.failed || shell_file_set(&file->f, v, strbuf_str(&out)) < 0)
		return plan_nomem(g->p);
	return boot_note_dropped(g->p, file->path, &dropped);
}

/* Adds GRUB_CMDLINE_LINUX to the main file, which has none. */
static int add_cmdline(struct grub_files *g)
{
	struct strbuf line cleanup_strbuf = STRBUF_INIT;
	const char *const *c;

	strbuf_adds(&line, "GRUB_CMDLINE_LINUX=\"");
	for (c = g->p->facts->consoles; c && *c; c++)
		strbuf_addf(&line, "%sconsole=%s", c == g->p->facts->consoles ? "" : " ", *c);
	if (g->extra)
		strbuf_addf(&line, "%s%s", c == g->p->facts->consoles ? "" : " ", g->extra);
	strbuf_addc(&line, '"');
	if (line.failed || strlist_add(&g->files[0].f.lines, strbuf_str(&line)) < 0)
		return plan_nomem(g->p);
	g->files[0].f.ends_with_newline = true;
	g->files[0].present = true;
	return 0;
}

static int edit_cmdlines(struct grub_files *g)
{
	struct strlist have cleanup_strlist = STRLIST_INIT;
	bool replace = g->p->facts->consoles && g->p->facts->consoles[0];
	struct shell_var *home;
	size_t i, n, home_file = 0;

	if (find_consoles(g, &have) < 0)
		return -1;
	if (!replace && have.count &&
	    plan_note(g->p,
		      "which consoles this machine has is not known: console=%s stays as the "
		      "source had it",
		      have.items[have.count - 1]) < 0)
		return -1;
	if (replace && same_consoles(&have, g->p->facts->consoles))
		replace = false;
	home = console_home(g, &home_file);
	g->extra = stack_word(g->p);
	if (g->extra && has_word(g, g->extra))
		g->extra = NULL;
	for (i = 0; i < g->count; i++)
		for (n = 0; n < g->files[i].f.count; n++) {
			struct shell_var *v = &g->files[i].f.vars[n];

			if (is_cmdline(v->name) &&
			    edit_cmdline(g, &g->files[i], v, replace, v == home) < 0)
				return -1;
		}
	return (replace || g->extra) && !home ? add_cmdline(g) : 0;
}

int boot_fit_words(struct planner *p, const char *words, struct strbuf *out,
		   struct strlist *dropped)
{
	const char *const *consoles = p->facts->consoles, *extra = stack_word(p);
	struct strbuf rooted cleanup_strbuf = STRBUF_INIT;
	struct strlist have cleanup_strlist = STRLIST_INIT, now cleanup_strlist = STRLIST_INIT;
	bool replace;
	size_t i;

	if (table_fit_cmdline(words, rewrite_facts_fs(p->facts, "/")->uuid, boot_is_foreign_word,
			      &rooted, dropped) < 0 ||
	    strlist_split(&now, strbuf_str(&rooted), " \t") < 0)
		return plan_nomem(p);
	for (i = 0; i < now.count; i++)
		if (str_starts(now.items[i], "console=") &&
		    strlist_add(&have, now.items[i] + strlen("console=")) < 0)
			return plan_nomem(p);
	replace = consoles && *consoles && !same_consoles(&have, consoles);
	for (i = 0; i < now.count; i++) {
		char *fitted cleanup_free = fit_word(p, now.items[i]);

		if (!replace || !str_starts(now.items[i], "console="))
			strbuf_addf(out, "%s%s", out->len ? " " : "",
				    fitted ? fitted : now.items[i]);
	}
	for (; replace && *consoles; consoles++)
		strbuf_addf(out, " console=%s", *consoles);
	if (extra && !strlist_has(&now, extra))
		strbuf_addf(out, " %s", extra);
	return out->failed ? plan_nomem(p) : 0;
}

/* Settings that bind the menu to the source's disk: commented out, or given the new id. */
static int edit_setting(struct grub_files *g, struct grub_file *file, struct shell_var *v)
{
	static const char *const unwanted[] = { "GRUB_FORCE_PARTUUID", "GRUB_DEVICE",
						"GRUB_DEVICE_UUID", "GRUB_DEVICE_PARTUUID",
						"GRUB_DISABLE_LINUX_UUID" };
	const char *old = g->p->old_root_uuid, *new = rewrite_facts_fs(g->p->facts, "/")->uuid, *at;
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unwanted); i++) {
		if (strcmp(v->name, unwanted[i]) != 0 || !*v->raw || strcmp(v->raw, "false") == 0)
			continue;
		strbuf_addf(&b, "# rehost: %s", file->f.lines.items[v->line]);
		if (b.failed || shell_file_replace_line(&file->f, v->line, strbuf_str(&b)) < 0)
			return plan_nomem(g->p);
		return plan_note(g->p, "%s: %s was commented out", file->path, v->name);
	}
	if (strcmp(v->name, "GRUB_DEFAULT") != 0 || !old || !(at = strstr(v->raw, old)) ||
	    !v->is_simple)
		return 0;
	strbuf_add(&b, v->raw, (size_t)(at - v->raw));
	strbuf_adds(&b, new);
	strbuf_adds(&b, at + strlen(old));
	return b.failed || shell_file_set(&file->f, v, strbuf_str(&b)) < 0 ? plan_nomem(g->p) : 0;
}

static int load_file(struct grub_files *g, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct grub_file *file = &g->files[g->count];
	struct err local = ERR_INIT;
	int rc;

	if (g->count == FILES_MAX)
		return err_set(g->p->e, ERR_LIMIT, 0, "more than %d files in %s", FILES_MAX,
			       DEFAULTS_DIR);
	rc = plan_read(g->p, path, &text);
	if (rc < 0)
		return -1;
	file->path = strdup(path);
	file->present = rc > 0;
	if (!file->path)
		return plan_nomem(g->p);
	g->count++;
	if (shell_file_parse(&file->f, strbuf_str(&text), text.len, &local) == 0)
		return 0;
	if (local.code == ERR_NOMEM)
		return plan_nomem(g->p);
	file->present = false;
	return plan_block(g->p, "%s cannot be understood", path);
}

static int load_files(struct grub_files *g)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (load_file(g, DEFAULTS) < 0)
		return -1;
	if (!root_is_dir(g->p->clone, DEFAULTS_DIR))
		return 0;
	if (root_list(g->p->clone, DEFAULTS_DIR, &names, g->p->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		snprintf(path, sizeof(path), "%s/%s", DEFAULTS_DIR, names.items[i]);
		if (str_ends(path, ".cfg") && root_is_file(g->p->clone, path) &&
		    load_file(g, path) < 0)
			return -1;
	}
	return 0;
}

static int edit_settings(struct grub_files *g)
{
	size_t i, n;

	for (i = 0; i < g->count; i++)
		for (n = 0; n < g->files[i].f.count; n++)
			if (edit_setting(g, &g->files[i], &g->files[i].f.vars[n]) < 0)
				return -1;
	return 0;
}

static int write_files(struct grub_files *g)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		struct strbuf out cleanup_strbuf = STRBUF_INIT;

		if (!g->files[i].present)
			continue;
		shell_file_print(&g->files[i].f, &out);
		if (plan_rewrite(g->p, g->files[i].path, &out,
				 "the kernel command line fits this machine") < 0)
			return -1;
	}
	return 0;
}

/* Warns of a GRUB that talks to a serial port which this machine does not have. */
static int note_terminal(struct grub_files *g)
{
	const char *const *c;
	size_t i;

	for (c = g->p->facts->consoles; c && *c; c++)
		if (str_starts(*c, "ttyS"))
			return 0;
	for (i = 0; i < g->count; i++) {
		struct shell_var *v = shell_file_find(&g->files[i].f, "GRUB_TERMINAL");

		if (v && strstr(v->raw, "serial") &&
		    plan_note(g->p,
			      "%s: GRUB_TERMINAL uses a serial port, this machine's old system "
			      "did not",
			      g->files[i].path) < 0)
			return -1;
	}
	return 0;
}

int boot_edit_grub_defaults(struct planner *p)
{
	struct grub_files g = { .p = p };
	size_t i;
	int rc = load_files(&g);

	if (rc == 0)
		rc = edit_cmdlines(&g);
	if (rc == 0)
		rc = edit_settings(&g);
	if (rc == 0)
		rc = note_terminal(&g);
	if (rc == 0)
		rc = write_files(&g);
	for (i = 0; i < g.count; i++) {
		free(g.files[i].path);
		shell_file_done(&g.files[i].f);
	}
	return rc;
}

/*
 * debconf's database: stanzas of "Field: value" lines parted by empty lines. Only the Value of one stanza is changed;
 * lines that begin with a blank continue the field before them.
 */
int boot_edit_debconf(struct planner *p)
{
	static const char path[] = "/var/cache/debconf/config.dat";
	static const char name[] = "Name: grub-pc/install_devices";
	const char *disk = p->facts->boot_disk_by_id ? p->facts->boot_disk_by_id
						     : p->facts->boot_disk;
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	bool ours = false, in_value = false, changed = false;
	const char *s;
	int rc = plan_read(p, path, &text);

	if (rc <= 0)
		return rc;
	for (s = strbuf_str(&text); *s;) {
		size_t len = strcspn(s, "\n");
		bool continued = in_value && (*s == ' ' || *s == '\t');

		if (len == 0)
			ours = false;
		if (strncmp(s, "Name: ", 6) == 0)
			ours = len == strlen(name) && strncmp(s, name, len) == 0;
		in_value = continued || (ours && strncmp(s, "Value:", 6) == 0);
		if (in_value && !continued) {
			size_t before = out.len;

			strbuf_addf(&out, "Value: %s", disk);
			changed = changed || out.len - before != len ||
				  memcmp(out.data + before, s, len) != 0;
			strbuf_add(&out, s + len, s[len] == '\n');
		} else if (continued) {
			changed = true;
		} else {
			strbuf_add(&out, s, len + (s[len] == '\n'));
		}
		s += len + (s[len] == '\n');
	}
	if (!changed)
		return 0;
	if (out.failed)
		return plan_nomem(p);
	if (plan_note(p, "upgrades of GRUB will install it on %s", disk) < 0)
		return -1;
	return plan_write(p, path, strbuf_str(&out), out.len, -1,
			  "GRUB's upgrades install to this machine's disk");
}
