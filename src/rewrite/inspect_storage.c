/* SPDX-License-Identifier: MIT */
/* What the tree mounts, opens and assembles: fstab, crypttab, mdadm.conf, LVM; and SELinux, which labels it. */
#include <limits.h>
#include <string.h>

#include "rewrite/fstab.h"
#include "rewrite/inspect_priv.h"
#include "rewrite/shellfile.h"

json_t *inspect_mounts(struct inspect_look *l)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	json_t *list = json_array();
	struct fstab t;
	size_t i;

	if (!inspect_read(l, "/etc/fstab", &text) ||
	    fstab_parse(&t, strbuf_str(&text), text.len, NULL) < 0)
		return list;
	for (i = 0; i < t.entry_count && i < INSPECT_ITEMS_MAX; i++) {
		const struct fstab_entry *f = &t.entries[i];
		json_t *o = json_object();

		json_object_set_new(o, "spec", json_text(f->spec));
		json_object_set_new(o, "mount", json_text(f->file));
		json_object_set_new(o, "type", json_text(f->vfstype));
		json_object_set_new(o, "options", json_text(f->options));
		json_object_set_new(o, "freq", json_integer(f->freq));
		json_object_set_new(o, "passno", json_integer(f->passno));
		json_object_set_new(o, "line", json_integer((json_int_t)f->line + 1));
		json_array_append_new(list, o);
	}
	fstab_done(&t);
	return list;
}

/* crypttab(5): name, device, key file, options. */
static json_t *read_crypttab(struct inspect_look *l)
{
	static const char *const keys[] = { "name", "device", "key", "options" };
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct inspect_lines s;
	json_t *list = json_array();

	if (!inspect_read(l, "/etc/crypttab", &text))
		return list;
	inspect_lines_begin(&s, &text);
	while (inspect_lines_entry(&s) && json_array_size(list) < INSPECT_ITEMS_MAX) {
		struct strlist words cleanup_strlist = STRLIST_INIT;
		json_t *o;
		size_t i;

		if (strlist_split(&words, s.line, " \t") < 0)
			break;
		if (words.count < 2) {
			inspect_note(l, "/etc/crypttab:%zu: a name without a device", s.number);
			continue;
		}
		o = json_object();
		for (i = 0; i < ARRAY_SIZE(keys); i++)
			json_object_set_new(o, keys[i],
					    json_text(i < words.count ? words.items[i] : NULL));
		json_object_set_new(o, "line", json_integer((json_int_t)s.number));
		json_array_append_new(list, o);
	}
	return list;
}

/* mdadm.conf(5): ARRAY, a device, then words of the form name=value. */
static void read_mdadm(struct inspect_look *l, const char *path, json_t *list)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct inspect_lines s;

	if (!inspect_read(l, path, &text))
		return;
	inspect_lines_begin(&s, &text);
	while (inspect_lines_entry(&s) && json_array_size(list) < INSPECT_ITEMS_MAX) {
		struct strlist words cleanup_strlist = STRLIST_INIT;
		const char *uuid = NULL, *name = NULL;
		json_t *o;
		size_t i;

		if (strlist_split(&words, s.line, " \t") < 0)
			break;
		if (!words.count || strcasecmp(words.items[0], "ARRAY") != 0)
			continue;
		for (i = 1; i < words.count; i++) {
			if (strncasecmp(words.items[i], "uuid=", 5) == 0)
				uuid = words.items[i] + 5;
			else if (strncasecmp(words.items[i], "name=", 5) == 0)
				name = words.items[i] + 5;
		}
		o = json_object();
		json_object_set_new(o, "device",
				    json_text(words.count > 1 && !strchr(words.items[1], '=')
						      ? words.items[1]
						      : NULL));
		json_object_set_new(o, "uuid", json_text(uuid));
		json_object_set_new(o, "name", json_text(name));
		json_object_set_new(o, "file", json_text(path));
		json_object_set_new(o, "line", json_integer((json_int_t)s.number));
		json_array_append_new(list, o);
	}
}

static json_t *list_arrays(struct inspect_look *l)
{
	static const char *const paths[] = { "/etc/mdadm/mdadm.conf", "/etc/mdadm.conf" };
	struct strlist more cleanup_strlist = STRLIST_INIT;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		read_mdadm(l, paths[i], list);
	inspect_glob(l->root, "/etc/mdadm/mdadm.conf.d", "*.conf", &more);
	inspect_glob(l->root, "/etc/mdadm.conf.d", "*.conf", &more);
	for (i = 0; i < more.count; i++)
		read_mdadm(l, more.items[i], list);
	return list;
}

/* What of lvm.conf or the devices file restricts LVM to disks of this machine. */
static json_t *list_filters(struct inspect_look *l)
{
	static const char *const words[] = { "filter", "global_filter", "use_devicesfile" };
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct inspect_lines s;
	json_t *list = json_array();
	size_t i;

	if (!inspect_read(l, "/etc/lvm/lvm.conf", &text))
		return list;
	inspect_lines_begin(&s, &text);
	while (inspect_lines_entry(&s) && json_array_size(list) < INSPECT_ITEMS_MAX)
		for (i = 0; i < ARRAY_SIZE(words); i++) {
			size_t n = strlen(words[i]);
			json_t *o;

			if (strncmp(s.line, words[i], n) != 0 || !strchr(" \t=", s.line[n]))
				continue;
			o = json_object();
			json_object_set_new(o, "line", json_integer((json_int_t)s.number));
			json_object_set_new(o, "text", json_text(s.line));
			json_array_append_new(list, o);
		}
	return list;
}

/* Volume groups by the copies of their metadata: the tree itself does not say more. */
static json_t *read_lvm(struct inspect_look *l)
{
	static const char devices[] = "/etc/lvm/devices/system.devices";
	struct strlist copies cleanup_strlist = STRLIST_INIT;
	json_t *o = json_object(), *groups = json_array();
	size_t i;

	inspect_glob(l->root, "/etc/lvm/backup", "*", &copies);
	for (i = 0; i < copies.count; i++)
		json_array_append_new(groups, json_text(strrchr(copies.items[i], '/') + 1));
	json_object_set_new(o, "volume_groups", groups);
	json_object_set_new(o, "devices_file",
			    json_text(root_is_file(l->root, devices) ? devices : NULL));
	json_object_set_new(o, "filters", list_filters(l));
	return o;
}

/* Other files that hold names of this machine's disks. */
static json_t *list_others(struct inspect_look *l)
{
	static const char *const paths[] = { "/etc/multipath.conf",
					     "/etc/multipath/wwids",
					     "/etc/multipath/bindings",
					     "/etc/zfs/zpool.cache",
					     "/etc/hostid",
					     "/etc/iscsi/initiatorname.iscsi",
					     "/etc/initramfs-tools/conf.d/resume",
					     "/boot/grub/device.map",
					     "/boot/grub2/device.map",
					     "/etc/blkid.tab",
					     "/etc/blkid/blkid.tab" };
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (root_is_file(l->root, paths[i]))
			json_array_append_new(list, json_text(paths[i]));
	return list;
}

json_t *inspect_storage(struct inspect_look *l)
{
	json_t *o = json_object();

	json_object_set_new(o, "crypttab", read_crypttab(l));
	json_object_set_new(o, "arrays", list_arrays(l));
	json_object_set_new(o, "lvm", read_lvm(l));
	json_object_set_new(o, "other_files", list_others(l));
	return o;
}

static char *read_variable(const struct shell_file *f, const char *name)
{
	struct shell_var *v = shell_file_find(f, name);

	return v ? shell_var_decode(v) : NULL;
}

/* selinux(8): a policy and its configuration; without load_policy nothing would load it. */
json_t *inspect_selinux(struct inspect_look *l)
{
	static const char *const paths[] = { "/etc/selinux/config", "/etc/sysconfig/selinux",
					     NULL };
	const char *path = inspect_first(l->root, paths);
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char *mode cleanup_free = NULL, *policy cleanup_free = NULL;
	char folder[PATH_MAX];
	struct shell_file f;
	json_t *o;

	if (!path || !inspect_read(l, path, &text) ||
	    shell_file_parse(&f, strbuf_str(&text), text.len, NULL) < 0)
		return json_null();
	mode = read_variable(&f, "SELINUX");
	policy = read_variable(&f, "SELINUXTYPE");
	shell_file_done(&f);
	snprintf(folder, sizeof(folder), "/etc/selinux/%s/policy", policy ? policy : "");
	o = json_object();
	json_object_set_new(o, "mode", json_text(mode));
	json_object_set_new(o, "policy", json_text(policy));
	json_object_set_new(o, "policy_installed",
			    json_boolean(policy && root_is_dir(l->root, folder) &&
					 inspect_has_program(l->root, "load_policy")));
	json_object_set_new(o, "relabel_pending",
			    json_boolean(root_is_file(l->root, "/.autorelabel")));
	return o;
}
