/* SPDX-License-Identifier: MIT */
/* The boot chain as the tree has it: loaders by their files, entries, GRUB's platforms, programs of the ESP, words for the kernel. */
#include <limits.h>
#include <string.h>

#include "rewrite/inspect_priv.h"
#include "rewrite/shellfile.h"

#define EFI_DEPTH 4
#define EFI_FILES_MAX 128

/* A loader is there when one of its files is. */
static const struct {
	const char *name;
	const char *files[7];
} loaders[] = {
	{ "grub2", { "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg" } },
	{ "grub2",
	  { "/boot/efi/EFI/redhat/grub.cfg", "/boot/efi/EFI/centos/grub.cfg",
	    "/boot/efi/EFI/fedora/grub.cfg" } },
	{ "grub-legacy", { "/boot/grub/menu.lst", "/boot/grub/grub.conf" } },
	{ "systemd-boot",
	  { "/boot/loader/loader.conf", "/efi/loader/loader.conf",
	    "/boot/efi/loader/loader.conf" } },
	{ "extlinux",
	  { "/boot/extlinux.conf", "/boot/extlinux/extlinux.conf", "/boot/syslinux/syslinux.cfg",
	    "/extlinux.conf" } },
	{ "lilo", { "/etc/lilo.conf" } },
	{ "refind", { "/boot/efi/EFI/refind/refind.conf", "/boot/EFI/refind/refind.conf" } },
	{ "limine", { "/boot/limine.conf", "/boot/limine/limine.conf" } },
	{ "zipl", { "/etc/zipl.conf" } },
};

/* Folders of the ESP and where it is mounted. */
static const char *const esp_dirs[] = { "/boot/efi/EFI", "/efi/EFI", "/boot/EFI", "/boot/efi/efi" };
static const char *const entry_dirs[] = { "/boot/loader/entries", "/efi/loader/entries",
					  "/boot/efi/loader/entries" };

static json_t *list_loaders(struct inspect_look *l)
{
	json_t *list = json_array(), *last = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(loaders); i++) {
		const char *file = inspect_first(l->root, loaders[i].files);
		json_t *o;

		if (!file)
			continue;
		if (last &&
		    strcmp(json_string_value(json_object_get(last, "name")), loaders[i].name) == 0)
			continue;
		o = json_object();
		json_object_set_new(o, "name", json_text(loaders[i].name));
		json_object_set_new(o, "file", json_text(file));
		json_array_append_new(list, o);
		last = o;
	}
	return list;
}

/* GRUB's modules by platform: what grub-install can make, and what was installed. */
static json_t *list_platforms(struct inspect_look *l)
{
	static const char *const dirs[] = { "/usr/lib/grub", "/usr/lib/grub2", "/usr/share/grub2",
					    "/boot/grub", "/boot/grub2" };
	static const char *const names[] = { "i386-pc",	  "x86_64-efi",	     "i386-efi",
					     "arm64-efi", "riscv64-efi",     "x86_64-xen",
					     "arm-efi",	  "powerpc-ieee1275" };
	json_t *list = json_array();
	char path[PATH_MAX];
	size_t d, n;

	for (d = 0; d < ARRAY_SIZE(dirs); d++)
		for (n = 0; n < ARRAY_SIZE(names); n++) {
			json_t *o;

			snprintf(path, sizeof(path), "%s/%s", dirs[d], names[n]);
			if (!root_is_dir(l->root, path))
				continue;
			o = json_object();
			json_object_set_new(o, "platform", json_text(names[n]));
			json_object_set_new(o, "folder", json_text(path));
			json_object_set_new(o, "installed",
					    json_boolean(str_starts(path, "/boot")));
			json_array_append_new(list, o);
		}
	return list;
}

/* UAPI.1 Boot Loader Specification: a key, blanks, the value. */
static json_t *read_entry(struct inspect_look *l, const char *path)
{
	static const char *const keys[] = {
		"title", "version", "linux", "initrd", "options", "efi"
	};
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct inspect_lines s;
	json_t *o = json_object();
	size_t i;

	json_object_set_new(o, "file", json_text(path));
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		json_object_set_new(o, keys[i], json_null());
	if (!inspect_read(l, path, &text))
		return o;
	inspect_lines_begin(&s, &text);
	while (inspect_lines_entry(&s)) {
		size_t n = strcspn(s.line, " \t");
		const char *value = s.line + n + strspn(s.line + n, " \t");

		for (i = 0; i < ARRAY_SIZE(keys); i++)
			if (strlen(keys[i]) == n && memcmp(keys[i], s.line, n) == 0)
				json_object_set_new(o, keys[i], json_text(value));
	}
	return o;
}

static json_t *list_entries(struct inspect_look *l)
{
	struct strlist files cleanup_strlist = STRLIST_INIT;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entry_dirs); i++)
		inspect_glob(l->root, entry_dirs[i], "*.conf", &files);
	for (i = 0; i < files.count && i < INSPECT_ITEMS_MAX; i++)
		json_array_append_new(list, read_entry(l, files.items[i]));
	return list;
}

static void walk_efi(struct inspect_look *l, const char *dir, unsigned depth, json_t *list)
{
	struct strlist found cleanup_strlist = STRLIST_INIT;
	struct stat st;
	size_t i;

	inspect_glob(l->root, dir, "*", &found);
	for (i = 0; i < found.count && json_array_size(list) < EFI_FILES_MAX; i++) {
		const char *path = found.items[i];
		size_t len = strlen(path);

		if (root_lstat(l->root, path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < EFI_DEPTH)
			walk_efi(l, path, depth + 1, list);
		else if (S_ISREG(st.st_mode) && len > 4 && strcasecmp(path + len - 4, ".efi") == 0)
			json_array_append_new(list, json_text(path));
	}
}

static json_t *list_efi(struct inspect_look *l)
{
	json_t *list = json_array();
	struct stat seen[ARRAY_SIZE(esp_dirs)] = { 0 }, st;
	size_t i, n, count = 0;

	for (i = 0; i < ARRAY_SIZE(esp_dirs); i++) {
		if (root_stat(l->root, esp_dirs[i], &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		for (n = 0; n < count; n++) /* FAT knows no case: the same folder by two names */
			if (seen[n].st_ino == st.st_ino && seen[n].st_dev == st.st_dev)
				break;
		if (n < count)
			continue;
		seen[count++] = st;
		walk_efi(l, esp_dirs[i], 0, list);
	}
	return list;
}

static void add_words(json_t *list, const char *file, const char *variable, const char *text)
{
	json_t *o = json_object();

	json_object_set_new(o, "file", json_text(file));
	json_object_set_new(o, "variable", json_text(variable));
	json_object_set_new(o, "text", json_text(text));
	json_array_append_new(list, o);
}

/* Where the words for the kernel are kept; the generated menus are not listed. */
static json_t *list_words(struct inspect_look *l)
{
	static const char *const variables[] = {
		"GRUB_CMDLINE_LINUX",	   "GRUB_CMDLINE_LINUX_DEFAULT", "GRUB_ENABLE_BLSCFG",
		"GRUB_DISABLE_LINUX_UUID", "GRUB_FORCE_PARTUUID",	 "default_kernel_opts"
	};
	struct strlist files cleanup_strlist = STRLIST_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	json_t *list = json_array();
	size_t i, n;

	inspect_glob(l->root, "/etc/default", "grub", &files);
	inspect_glob(l->root, "/etc/default/grub.d", "*.cfg", &files);
	inspect_glob(l->root, "/etc", "update-extlinux.conf", &files);
	for (i = 0; i < files.count; i++) {
		struct shell_file f;

		if (!inspect_read(l, files.items[i], &text) ||
		    shell_file_parse(&f, strbuf_str(&text), text.len, NULL) < 0)
			continue;
		for (n = 0; n < ARRAY_SIZE(variables); n++) {
			struct shell_var *v = shell_file_find(&f, variables[n]);
			char *value cleanup_free = v ? shell_var_decode(v) : NULL;

			if (value)
				add_words(list, files.items[i], variables[n], value);
		}
		shell_file_done(&f);
	}
	if (inspect_read(l, "/etc/kernel/cmdline", &text) && text.len) {
		text.data[strcspn(text.data, "\n")] = '\0';
		add_words(list, "/etc/kernel/cmdline", NULL, text.data);
	}
	return list;
}

json_t *inspect_boot(struct inspect_look *l)
{
	json_t *o = json_object();

	json_object_set_new(o, "loaders", list_loaders(l));
	json_object_set_new(o, "grub_platforms", list_platforms(l));
	json_object_set_new(o, "has_grub_pc", json_boolean(l->tree.has_grub_pc));
	json_object_set_new(o, "has_grub_efi", json_boolean(l->tree.has_grub_efi));
	json_object_set_new(o, "entries", list_entries(l));
	json_object_set_new(o, "efi_files", list_efi(l));
	json_object_set_new(o, "kernel_words", list_words(l));
	return o;
}
