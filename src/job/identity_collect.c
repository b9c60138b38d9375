/* SPDX-License-Identifier: MIT */
/* Taking the identity down: reads the old system's view, writes into a folder of the rescue. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "disk/efivars.h"
#include "job/esp.h"
#include "job/identity.h"
#include "job/links.h"
#include "job/machine.h"
#include "rewrite/inspect.h"
#include "rewrite/net.h"

#define FILE_MAX (1024 * 1024)
#define FILES_MAX 512 /* more than any machine's; against a hostile folder */

struct collection {
	const struct target *t;
	const struct root *old;
	const struct root *into;
	unsigned files;
};

/* Single files of section 6 of docs/architecture.md. */
static const char *const single_files[] = {
	"/etc/network/interfaces",
	"/etc/resolv.conf",
	"/etc/hostname",
	"/etc/hosts",
	"/etc/fstab",
	"/etc/machine-id",
	"/etc/default/grub",
	"/etc/crypttab",
	"/etc/nsswitch.conf",
	"/etc/default/keyboard",
	"/etc/debian_version",
	"/etc/NetworkManager/NetworkManager.conf",
	"/etc/sysconfig/network",
	"/etc/iproute2/rt_tables",
	"/etc/systemd/networkd.conf",
	"/etc/systemd/resolved.conf",
	"/etc/conf.d/net",
	"/etc/dhcp/dhclient.conf",
	"/etc/dhcpcd.conf",
	"/etc/dhcpcd.duid",
	"/root/.ssh/authorized_keys",
};

/* Folders of which all files with this beginning are taken. */
static const struct {
	const char *dir, *prefix;
} whole_folders[] = {
	{ "/etc/network/interfaces.d", "" },
	{ "/etc/ssh", "ssh_host_" },
	{ "/etc/udev/rules.d", "70-" },
	{ "/etc/systemd/network", "" },
	{ "/etc/netplan", "" },
	{ "/etc/NetworkManager/system-connections", "" },
	{ "/etc/NetworkManager/conf.d", "" },
	{ "/etc/cloud/cloud.cfg.d", "" },
	{ "/etc/sysconfig/network-scripts", "ifcfg-" },
	{ "/etc/sysconfig/network-scripts", "route" },
	{ "/etc/sysconfig/network-scripts", "rule" },
	{ "/etc/sysconfig/network", "if" }, /* ifcfg-, ifroute-, ifrule-, ifsysctl */
	{ "/etc/sysconfig/network", "routes" },
	{ "/etc/sysconfig/network", "config" },
	{ "/etc/sysconfig/network", "dhcp" },
	{ "/etc/iproute2/rt_tables.d", "" },
	{ "/etc/default/grub.d", "" },
	{ "/etc/netctl", "" },
	/* which links netctl and netifrc start: by their names */
	{ "/etc/systemd/system/multi-user.target.wants", "netctl@" },
	{ "/etc/systemd/system/multi-user.target.wants", "dhcpcd@" },
	{ "/etc/runlevels/default", "net." },
	{ "/etc/runlevels/boot", "net." },
	/* how this machine is known to its DHCP server */
	{ "/var/lib/dhcp", "dhclient" },
	{ "/var/lib/dhcpcd", "duid" },
	{ "/var/lib/dhcpcd5", "duid" },
};

/* Absent files and what is no regular file are passed over. */
static int take_file(struct collection *c, const char *path, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strbuf to cleanup_strbuf = STRBUF_INIT;
	struct root_meta meta = { 0, 0, 0600 };
	struct err own = ERR_INIT;
	struct stat st;

	if (root_stat(c->old, path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	strbuf_addf(&to, "files%s%s", *path == '/' ? "" : "/", path);
	if (root_exists(c->into, strbuf_str(&to)))
		return 0;
	if (++c->files > FILES_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d files of the target's own",
			       FILES_MAX);
	if (root_read(c->old, path, &text, FILE_MAX, &own) < 0) {
		log_warn("identity: %s was left out: %s", path, own.ctx[0]);
		return own.code == ERR_NOMEM ? err_set(e, ERR_NOMEM, 0, "%s", path) : 0;
	}
	meta.mode = st.st_mode & 0777;
	return root_replace(c->into, strbuf_str(&to), strbuf_str(&text), text.len, &meta, e);
}

static int take_folder(struct collection *c, const char *dir, const char *prefix, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_dir(c->old, dir) || root_list(c->old, dir, &names, NULL) < 0)
		return 0;
	for (i = 0; i < names.count; i++) {
		struct strbuf path cleanup_strbuf = STRBUF_INIT;

		if (!str_starts(names.items[i], prefix))
			continue;
		strbuf_addf(&path, "%s/%s", dir, names.items[i]);
		if (take_file(c, strbuf_str(&path), e) < 0)
			return -1;
	}
	return 0;
}

static int take_files(struct collection *c, const struct net_model *net, struct err *e)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(single_files); i++) {
		if (take_file(c, single_files[i], e) < 0)
			return -1;
	}
	for (i = 0; i < ARRAY_SIZE(whole_folders); i++) {
		if (take_folder(c, whole_folders[i].dir, whole_folders[i].prefix, e) < 0)
			return -1;
	}
	for (i = 0; i < net->files.count; i++) {
		if (take_file(c, net->files.items[i], e) < 0)
			return -1;
	}
	return 0;
}

/* ---- network cards --------------------------------------------------------------------------------- */

static int read_mac_names(const struct root *old, struct mac_names *m, struct err *e)
{
	static const char *const dirs[] = { "/etc/udev/rules.d", "/etc/systemd/network" };
	size_t i, k;

	for (k = 0; k < ARRAY_SIZE(dirs); k++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (!root_is_dir(old, dirs[k]) || root_list(old, dirs[k], &names, NULL) < 0)
			continue;
		for (i = 0; i < names.count && i < FILES_MAX; i++) {
			struct strbuf path cleanup_strbuf = STRBUF_INIT;
			struct strbuf text cleanup_strbuf = STRBUF_INIT;
			bool is_rule = str_ends(names.items[i], ".rules");

			strbuf_addf(&path, "%s/%s", dirs[k], names.items[i]);
			if ((!is_rule && !str_ends(names.items[i], ".link")) ||
			    root_read(old, strbuf_str(&path), &text, FILE_MAX, NULL) < 0)
				continue;
			if (is_rule ? mac_names_add_udev(m, strbuf_str(&text), e) < 0
				    : mac_names_add_link(m, strbuf_str(&text), e) < 0)
				return -1;
		}
	}
	return 0;
}

/* What init wrote down, or else what the kernel says now. New reference, never NULL unless out of memory. */
static json_t *read_net(void)
{
	struct root sys cleanup_root = ROOT_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[256];
	json_t *net = NULL;

	if (file_slurp(run_path(path, sizeof(path), "net.json"), &text, FILE_MAX, NULL) == 0)
		net = json_loadb(strbuf_str(&text), text.len, 0, NULL);
	if (json_is_object(net))
		return net;
	json_decref(net);
	if (root_open(&sys, "/sys", NULL) < 0)
		return json_object();
	return machine_links(&sys);
}

static json_t *links_json(const struct rescue_links *links)
{
	json_t *a = json_array();
	unsigned i;

	for (i = 0; i < links->count; i++) {
		const struct rescue_link *k = &links->items[i];

		json_array_append_new(a,
				      json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "mac",
						json_text(k->mac), "name",
						json_text(k->target_name), "rescue_name",
						json_text(k->name), "driver", json_text(k->driver),
						"addresses", json_text_list(&k->addresses),
						"gateway", json_text(k->gateway)));
	}
	return a;
}

static int add_links(struct collection *c, const struct net_model *net, json_t *out, struct err *e)
{
	struct rescue_links links = { 0 };
	struct mac_names macs = { 0 };
	json_t *now = read_net();
	int rc = -1;

	if (!now)
		err_set(e, ERR_NOMEM, 0, "network cards");
	else if (links_from_json(&links, now, e) == 0 && read_mac_names(c->old, &macs, e) == 0 &&
		 links_match(&links, net, &macs, e) == 0)
		rc = json_object_set_new(out, "links", links_json(&links));
	json_decref(now);
	mac_names_done(&macs);
	links_done(&links);
	return rc;
}

/* ---- disks and file systems --------------------------------------------------------------------------- */

static json_t *disks_json(const struct target *t)
{
	json_t *a = json_array();
	unsigned i;

	for (i = 0; i < t->scan.disk_count; i++) {
		const struct disk *d = &t->scan.disks[i];

		json_array_append_new(a, json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "path",
						   json_text(d->path), "size_bytes",
						   (json_int_t)d->size_bytes, "model",
						   json_text(d->model), "serial",
						   json_text(d->serial), "wwid", json_text(d->wwid),
						   "table", json_text(d->table), "table_id",
						   json_text(d->table_id)));
	}
	return a;
}

static json_t *filesystem_json(const struct volume *v, const char *mount, const char *options)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "device", json_text(v->path), "uuid",
			 json_text(v->uuid), "type", json_text(v->type), "mount", json_text(mount),
			 "options", json_text(options), "size_bytes", (json_int_t)v->size_bytes);
}

static json_t *filesystems_json(const struct target *t)
{
	json_t *a = json_array();
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		const struct target_fs *f = &t->fs[i];
		json_t *o = filesystem_json(f->volume, f->mount, f->options);

		if (f->volume->stack)
			json_object_set_new(o, "stack", json_string(f->volume->stack));
		json_object_set_new(o, "size_bytes", json_integer((json_int_t)f->size_bytes));
		json_object_set_new(o, "free_bytes", json_integer((json_int_t)f->free_bytes));
		json_object_set_new(o, "free_inodes", json_integer((json_int_t)f->free_inodes));
		json_array_append_new(a, o);
	}
	for (i = 0; i < t->other_count; i++)
		json_array_append_new(a, filesystem_json(t->others[i].volume, t->others[i].mount,
							 t->others[i].options));
	return a;
}

static json_t *swaps_json(const struct target *t)
{
	json_t *a = json_array();
	unsigned i;

	for (i = 0; i < t->swap_count; i++)
		json_array_append_new(a, json_pack("{s:o, s:o}", "device",
						   json_text(t->swaps[i]->path), "uuid",
						   json_text(t->swaps[i]->uuid)));
	return a;
}

/* ---- boot configuration and the rest -------------------------------------------------------------- */

static char *read_cmdline(const struct root *old)
{
	static const char *const configs[] = { "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg" };
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char *line = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(configs) && !line; i++) {
		strbuf_done(&text);
		if (root_read(old, configs[i], &text, FILE_MAX, NULL) == 0)
			line = grub_cfg_cmdline(strbuf_str(&text));
	}
	strbuf_done(&text);
	if (!line && root_read(old, "/etc/default/grub", &text, FILE_MAX, NULL) == 0)
		line = grub_default_cmdline(strbuf_str(&text));
	return line;
}

static int add_boot(struct collection *c, json_t *out, struct err *e)
{
	char *line cleanup_free = read_cmdline(c->old);
	struct strlist consoles cleanup_strlist = STRLIST_INIT;

	if (line && cmdline_consoles(line, &consoles, e) < 0)
		return -1;
	json_object_set_new(out, "consoles", json_text_list(&consoles));
	json_object_set_new(out, "kernel_cmdline", json_text(line));
	return 0;
}

/* Boot entries and their order, as far as they can be read. */
static void add_boot_entries(json_t *firmware)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	json_t *order = json_array(), *entries = json_array();
	struct err e = ERR_INIT;
	unsigned i;

	json_object_set_new(firmware, "boot_order", order);
	json_object_set_new(firmware, "boot_entries", entries);
	if (!b || efivars_open(&vars, &e) < 0 || efi_boot_read(b, &vars, &e) < 0) {
		log_warn("identity: the firmware's boot entries were left out: %s", e.ctx[0]);
		return;
	}
	for (i = 0; i < b->order_count; i++)
		json_array_append_new(order, json_integer(b->order[i]));
	for (i = 0; i < b->entry_count; i++) {
		const struct efi_option *o = &b->entries[i].option;

		if (b->entries[i].is_read)
			json_array_append_new(entries,
					      json_pack("{s:i, s:o, s:o, s:o, s:b}", "number",
							(int)b->entries[i].number, "description",
							json_text(o->description), "file",
							json_text(o->file), "partition",
							json_text(o->partuuid), "active",
							(int)(o->attributes & EFI_OPTION_ACTIVE)));
	}
	json_object_set_new(firmware, "variables_writable", json_boolean(vars.is_writable));
	json_object_set_new(firmware, "variables_volatile", json_boolean(b->is_volatile));
	json_object_set_new(firmware, "secure_boot", json_boolean(b->is_secure));
}

static void list_folder(const struct root *esp, const char *path, json_t *list, unsigned depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (depth > 4 || root_list(esp, path, &names, NULL) < 0)
		return;
	for (i = 0; i < names.count && json_array_size(list) < FILES_MAX; i++) {
		char below[512];

		if (snprintf(below, sizeof(below), "%s/%s", path, names.items[i]) >=
		    (int)sizeof(below))
			continue;
		if (root_is_dir(esp, below))
			list_folder(esp, below, list, depth + 1);
		else
			json_array_append_new(list, json_text(below));
	}
}

static void add_esp(const struct target *t, json_t *firmware)
{
	const struct volume *v = esp_find(t);
	struct esp esp cleanup_esp = ESP_INIT;
	json_t *files = json_array();
	struct err e = ERR_INIT;

	json_object_set_new(firmware, "esp", json_text(v ? v->partuuid : NULL));
	json_object_set_new(firmware, "esp_files", files);
	if (!v)
		return;
	if (esp_open(&esp, v, false, &e) < 0)
		log_warn("identity: the EFI system partition was left out: %s", e.ctx[0]);
	else
		list_folder(&esp.root, "", files, 0);
}

static json_t *firmware_json(const struct target *t)
{
	struct root sys cleanup_root = ROOT_INIT;
	json_t *firmware = root_open(&sys, "/sys", NULL) < 0 ? json_object()
							     : machine_firmware(&sys);

	json_object_set_new(firmware, "uefi", json_boolean(t->is_uefi));
	if (t->is_uefi) {
		add_boot_entries(firmware);
		add_esp(t, firmware);
	}
	return firmware;
}

static int add_system(struct collection *c, json_t *out, struct err *e)
{
	struct inspection seen = { 0 };
	struct tm tm;
	time_t now = time(NULL);
	char stamp[32] = "";

	if (inspect_tree(&seen, c->old, e) < 0)
		return -1;
	if (gmtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(out, "version", json_integer(1));
	json_object_set_new(out, "provisional", json_boolean(c->t->is_provisional));
	json_object_set_new(out, "collected_at", json_string(stamp));
	json_object_set_new(out, "hostname", json_text(seen.hostname));
	json_object_set_new(out, "machine_id", json_text(seen.machine_id));
	json_object_set_new(out, "distribution", json_text(seen.pretty_name));
	json_object_set_new(out, "token", json_text(c->t->token));
	json_object_set_new(out, "firmware", firmware_json(c->t));
	json_object_set_new(out, "disks", disks_json(c->t));
	json_object_set_new(out, "filesystems", filesystems_json(c->t));
	json_object_set_new(out, "swaps", swaps_json(c->t));
	inspect_done(&seen);
	return 0;
}

int identity_collect(const struct target *t, const struct root *old, const struct root *into,
		     struct err *e)
{
	struct collection c = { .t = t, .old = old, .into = into };
	struct net_model net = { 0 };
	json_t *out = json_object();
	char *text = NULL;
	int rc;

	if (!out)
		return err_set(e, ERR_NOMEM, 0, "identity");
	if (net_read(&net, old, e) < 0) {
		json_decref(out);
		return err_ctx(e, "reading the target's network configuration");
	}
	rc = root_mkdirs(into, "files", 0700, e);
	if (rc == 0)
		rc = take_files(&c, &net, e);
	if (rc == 0)
		rc = add_system(&c, out, e);
	if (rc == 0)
		rc = add_links(&c, &net, out, e);
	if (rc == 0)
		rc = add_boot(&c, out, e);
	if (rc == 0) {
		json_object_set_new(out, "network", net_json(&net));
		text = json_dumps(out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		rc = text ? root_replace(into, "identity.json", text, strlen(text),
					 &(struct root_meta){ 0, 0, 0600 }, e)
			  : err_set(e, ERR_NOMEM, 0, "identity");
	}
	free(text);
	net_done(&net);
	json_decref(out);
	return rc < 0 ? -1 : 0;
}
