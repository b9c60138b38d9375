/* SPDX-License-Identifier: MIT */
#include "rewrite/initramfs.h"

#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "rewrite/inspect.h"
#include "rewrite/plan_boot_priv.h"
#include "rewrite/shellfile.h"

#define BUILTIN_MAX (4 * 1024 * 1024)
#define RENAMES_AGAIN 240 /* systemd with the naming flag allow_rerenames */

/* What a file inside means for the answer. */
enum meaning { CONF, CRYPT, ARRAYS, LINK, RULES, WORDS, LVM_DEVICES };

static const struct {
	const char *pattern; /* fnmatch without FNM_PATHNAME */
	enum meaning meaning;
} interesting[] = {
	{ "conf/initramfs.conf", CONF },
	{ "conf/param.conf", CONF },
	{ "conf/conf.d/*", CONF },
	{ "cryptroot/crypttab", CRYPT },
	{ "conf/conf.d/cryptroot", CRYPT },
	{ "etc/crypttab", CRYPT },
	{ "etc/mdadm/mdadm.conf", ARRAYS },
	{ "etc/mdadm.conf", ARRAYS },
	{ "etc/cmdline.d/*", WORDS }, /* dracut, mkinitcpio's unified images */
	{ "etc/lvm/devices/system.devices", LVM_DEVICES },
	{ "lib/systemd/network/*.link", LINK },
	{ "usr/lib/systemd/network/*.link", LINK },
	{ "etc/systemd/network/*.link", LINK },
	{ "*/udev/rules.d/*persistent-net*.rules", RULES },
};

static int meaning_of(const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(interesting); i++)
		if (fnmatch(interesting[i].pattern, path, 0) == 0)
			return (int)interesting[i].meaning;
	return -1;
}

bool initramfs_wants(const char *path)
{
	return meaning_of(path) >= 0;
}

/* ---- drivers ---- */

static bool image_has_module(const struct initramfs_file *files, size_t count, const char *kernel,
			     const char *module)
{
	char prefix[256];
	size_t i;

	snprintf(prefix, sizeof(prefix), "lib/modules/%.200s/", kernel);
	for (i = 0; i < count; i++) {
		const char *path = files[i].path, *base, *dot;

		if (str_starts(path, "usr/"))
			path += 4;
		if (!str_starts(path, prefix))
			continue;
		base = strrchr(path, '/') + 1;
		dot = strstr(base, ".ko");
		if (dot && boot_same_module(base, (size_t)(dot - base), module))
			return true;
	}
	return false;
}

/* What assembles a root on stack. */
static bool image_has_program(const struct initramfs_file *files, size_t count, const char *stack)
{
	const char *program = strcmp(stack, "lvm") == 0	   ? "sbin/lvm"
			      : strcmp(stack, "raid") == 0 ? "sbin/mdadm"
							   : NULL;
	size_t i;

	for (i = 0; program && i < count; i++) {
		const char *path = files[i].path;

		if (strcmp(str_starts(path, "usr/") ? path + 4 : path, program) == 0)
			return true;
	}
	return false;
}

/* A driver of a network card only; the root file system does not need it. */
static bool is_nic_driver(const struct rewrite_facts *facts, const char *driver)
{
	unsigned i;

	for (i = 0; i < facts->link_count; i++)
		if (facts->links[i].driver &&
		    boot_same_module(driver, strlen(driver), facts->links[i].driver))
			return true;
	return false;
}

static bool lacks_driver(const struct initramfs_file *files, size_t count, const char *kernel,
			 const struct rewrite_facts *facts, const char *builtin,
			 struct strbuf *reason)
{
	const struct fact_fs *root = rewrite_facts_fs(facts, "/");
	size_t i;

	for (i = 0; facts->drivers && facts->drivers[i]; i++) {
		const char *d = facts->drivers[i];

		if (is_nic_driver(facts, d) || boot_list_has_module(builtin, d) ||
		    image_has_module(files, count, kernel, d))
			continue;
		strbuf_addf(reason, "it has no driver %s, which this machine's disk needs", d);
		return true;
	}
	if (root && root->stack && !image_has_program(files, count, root->stack)) {
		strbuf_addf(reason, "it cannot assemble what this machine's root is on (%s)",
			    root->stack);
		return true;
	}
	if (root && !boot_list_has_module(builtin, boot_fs_module(root->type)) &&
	    !image_has_module(files, count, kernel, boot_fs_module(root->type))) {
		strbuf_addf(reason, "it cannot read the file system %s of this machine's root",
			    root->type);
		return true;
	}
	return false;
}

/* ---- what is written inside ---- */

/* A swap or root file system the clone has, as UUID=. */
static bool is_known_device(const struct rewrite_facts *facts, const char *value)
{
	unsigned i;

	if (!str_starts(value, "UUID="))
		return false;
	for (i = 0; i < facts->fs_count; i++)
		if (strcasecmp(value + 5, facts->filesystems[i].uuid) == 0)
			return true;
	return false;
}

static bool conf_misfits(const struct initramfs_file *file, const struct rewrite_facts *facts,
			 struct strbuf *reason)
{
	struct shell_file f;
	bool misfits = false;
	size_t i;

	if (shell_file_parse(&f, file->data, file->len, NULL) < 0) {
		strbuf_addf(reason, "its %s cannot be understood", file->path);
		return true;
	}
	for (i = 0; i < f.count && !misfits; i++) {
		const struct shell_var *v = &f.vars[i];
		bool is_resume = strcmp(v->name, "RESUME") == 0;

		if (!is_resume && strcmp(v->name, "ROOT") != 0)
			continue;
		misfits = *v->raw && strcmp(v->raw, "none") != 0 && strcmp(v->raw, "auto") != 0 &&
			  !is_known_device(facts, v->raw);
		if (misfits)
			strbuf_addf(reason, "its %s names a device of the source (%s=%s)",
				    file->path, v->name, v->raw);
	}
	shell_file_done(&f);
	return misfits;
}

/* Any line that is no comment; for arrays only ARRAY lines. */
static bool has_entries(const struct initramfs_file *file, const char *keyword)
{
	const char *s = file->data, *end = s + file->len;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t len = (size_t)((nl ? nl : end) - s);

		while (len && (*s == ' ' || *s == '\t')) {
			s++;
			len--;
		}
		if (len && *s != '#' && *s != '\r' &&
		    (!keyword ||
		     (len >= strlen(keyword) && strncasecmp(s, keyword, strlen(keyword)) == 0)))
			return true;
		s += len + 1;
	}
	return false;
}

/* Whether one of the clone's folders has the very same file. */
static bool clone_has_same(const struct root *clone, const struct initramfs_file *file,
			   const char *const *dirs)
{
	const char *base = strrchr(file->path, '/') + 1;
	char path[PATH_MAX];

	for (; *dirs; dirs++) {
		struct strbuf b cleanup_strbuf = STRBUF_INIT;

		snprintf(path, sizeof(path), "%s/%s", *dirs, base);
		if (root_read(clone, path, &b, file->len + 1, NULL) == 0)
			return b.len == file->len &&
			       (!b.len || memcmp(b.data, file->data, b.len) == 0);
	}
	return false;
}

static bool names_card(const struct initramfs_file *file)
{
	/* Defaults of the distribution choose by policy; what binds a name has Name= or an address. */
	return memmem(file->data, file->len, "\nName=", 6) ||
	       memmem(file->data, file->len, "Address=", 8) ||
	       memmem(file->data, file->len, "NAME=", 5);
}

/* Words for the kernel that an image was given when it was made (dracut's hostonly_cmdline). */
static bool words_misfit(const struct initramfs_file *file, const struct rewrite_facts *facts,
			 struct strbuf *reason)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&words, file->data, " \t\n") < 0) {
		reason->failed = true;
		return true;
	}
	for (i = 0; i < words.count; i++) {
		const char *w = words.items[i], *value = strchr(w, '=');

		if (!boot_is_foreign_word(w) || (value && is_known_device(facts, value + 1)))
			continue;
		strbuf_addf(reason, "its %s was made for the source (%.100s)", file->path, w);
		return true;
	}
	return false;
}

/*
 * A hook or unit by which dracut waits for a disk of the machine it was made on:
 * "devexists-\x2fdev\x2fdisk\x2fby-uuid\x2fUUID.sh", "dev-disk-by\x2duuid-UUID.device.d/timeout.conf".
 */
static bool waits_for_other(const char *path, const struct rewrite_facts *facts)
{
	static const char *const marks[] = { "by-uuid\\x2f", "by\\x2duuid-" };
	const char *at = NULL;
	char uuid[80];
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(marks) && !at; i++) {
		at = strstr(path, marks[i]);
		at = at ? at + strlen(marks[i]) : NULL;
	}
	if (!at)
		return false;
	for (; *at && *at != '.' && *at != '/' && n + 1 < sizeof(uuid); at++) {
		bool is_dash = strncmp(at, "\\x2d", 4) == 0;

		uuid[n++] = is_dash ? '-' : *at;
		at += is_dash ? 3 : 0;
	}
	uuid[n] = '\0';
	for (i = 0; i < facts->fs_count; i++)
		if (strcasecmp(facts->filesystems[i].uuid, uuid) == 0)
			return false;
	return true;
}

static bool file_misfits(const struct initramfs_file *file, const struct root *clone,
			 const struct rewrite_facts *facts, struct strbuf *reason)
{
	static const char *const link_dirs[] = { "/etc/systemd/network", "/usr/lib/systemd/network",
						 "/lib/systemd/network", NULL };
	static const char *const rules_dirs[] = { "/etc/udev/rules.d", "/usr/lib/udev/rules.d",
						  "/lib/udev/rules.d", NULL };

	switch ((enum meaning)meaning_of(file->path)) {
	case CONF:
		return conf_misfits(file, facts, reason);
	case CRYPT:
		if (!has_entries(file, NULL))
			return false;
		strbuf_addf(reason, "its %s names encrypted disks of the source", file->path);
		return true;
	case ARRAYS:
		if (!has_entries(file, "array"))
			return false;
		strbuf_addf(reason, "its %s names disk arrays of the source", file->path);
		return true;
	case WORDS:
		return words_misfit(file, facts, reason);
	case LVM_DEVICES:
		if (!has_entries(file, "IDTYPE"))
			return false;
		strbuf_addf(reason, "its %s names disks of the source", file->path);
		return true;
	case LINK:
	case RULES:
		if (!names_card(file) ||
		    clone_has_same(clone, file,
				   meaning_of(file->path) == LINK ? link_dirs : rules_dirs))
			return false;
		strbuf_addf(reason, "its %s names network cards in another way than the clone",
			    file->path);
		return true;
	}
	return false;
}

/* Whether a .link file that pins a card is in the image as it is in the clone. */
static bool image_has_pin(const struct initramfs_file *files, size_t count,
			  const struct root *clone, const char *name)
{
	static const char *const dirs[] = { "/etc/systemd/network", NULL };
	char want[64];
	size_t i;

	snprintf(want, sizeof(want), "/10-rehost-%s.link", name);
	for (i = 0; i < count; i++)
		if (files[i].data && str_ends(files[i].path, want))
			return clone_has_same(clone, &files[i], dirs);
	return false;
}

/*
 * One card that the start named otherwise is named again later; several might want one another's names, and old udev
 * keeps what the start gave.
 */
static bool lacks_pins(const struct initramfs_file *files, size_t count, const struct root *clone,
		       const struct rewrite_facts *facts, struct strbuf *reason)
{
	unsigned i;

	if (facts->link_count < 2 && inspect_systemd_version(clone) >= RENAMES_AGAIN)
		return false;
	for (i = 0; i < facts->link_count; i++) {
		const char *name = facts->links[i].target_name;

		if (!name || image_has_pin(files, count, clone, name))
			continue;
		strbuf_addf(reason, "it does not know which network card is %s", name);
		return true;
	}
	return false;
}

int initramfs_fits(const struct initramfs_file *files, size_t count, const struct root *clone,
		   const char *kernel, const struct rewrite_facts *facts, struct strbuf *reason)
{
	struct strbuf builtin cleanup_strbuf = STRBUF_INIT;
	char path[PATH_MAX];
	size_t i;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", kernel);
	if (root_read(clone, path, &builtin, BUILTIN_MAX, NULL) < 0)
		strbuf_done(&builtin);
	if (lacks_driver(files, count, kernel, facts, strbuf_str(&builtin), reason) ||
	    lacks_pins(files, count, clone, facts, reason))
		return reason->failed ? -1 : 0;
	for (i = 0; i < count; i++)
		if (waits_for_other(files[i].path, facts)) {
			strbuf_addf(reason, "it waits for a disk of the source (%.150s)",
				    files[i].path);
			return reason->failed ? -1 : 0;
		}
	for (i = 0; i < count; i++)
		if (files[i].data && meaning_of(files[i].path) >= 0 &&
		    file_misfits(&files[i], clone, facts, reason))
			return reason->failed ? -1 : 0;
	return 1;
}
