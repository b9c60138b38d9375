/* SPDX-License-Identifier: MIT */
/* The chain from sector 0 to the root file system, read the way GRUB and the kernel will. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "disk/bootarea.h"
#include "job/check_priv.h"
#include "job/grub_menu.h"
#include "rewrite/bls.h"
#include "rewrite/family.h"
#include "rewrite/inspect.h"

#define PLATFORM "i386-pc"
#define BLS_FILES_MAX 500
#define MENU_MAX (4 * 1024 * 1024)
#define CORE_MAX (1024 * 1024)

/* A loader's path on a file system as a path in the clone. */
static void path_in_clone(const struct check *c, int fs, const char *path, char *buf, size_t size)
{
	const char *mount = c->t->fs[fs].mount;

	snprintf(buf, size, "%s%s%s", strcmp(mount, "/") == 0 ? "" : mount,
		 path[0] == '/' ? "" : "/", path);
}

static bool is_file_with_content(const struct check *c, const char *path)
{
	struct stat st;

	return root_stat(c->view, path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

/* The network comes up after the root is mounted: its drivers are read from there. */
static int check_nic_drivers(struct check *c, const char *version, struct err *e)
{
	struct strlist modules cleanup_strlist = STRLIST_INIT;
	unsigned i;

	if (initrd_modules_of(&modules, c->view, version, e) < 0)
		return -1;
	for (i = 0; i < c->facts->link_count; i++) {
		char name[64];
		char *p;

		if (!c->facts->links[i].driver)
			continue;
		snprintf(name, sizeof(name), "%s", c->facts->links[i].driver);
		for (p = name; *p; p++)
			if (*p == '-')
				*p = '_';
		if (!strlist_has(&modules, name))
			check_add(c, FINDING_BLOCKER, "network-driver",
				  "kernel %s has no driver %s for the network card %s", version,
				  name, c->facts->links[i].mac);
	}
	return 0;
}

static int check_image(struct check *c, const char *image, const char *version, struct err *e)
{
	struct strbuf reason cleanup_strbuf = STRBUF_INIT;
	struct initrd_content content = { 0 };
	struct err local = ERR_INIT;
	size_t i;
	int fits, rc = 0;

	if (initrd_content_read(&content, c->view, image, &local) < 0) {
		check_add(c, FINDING_BLOCKER, "initramfs", "%s cannot be read: %s", image,
			  local.nctx ? local.ctx[0] : "damaged");
		return 0;
	}
	if (!content.has_init)
		check_add(c, FINDING_BLOCKER, "initramfs", "%s holds no /init", image);
	fits = initramfs_fits(content.files, content.count, c->view, version, c->facts, &reason);
	if (fits == 0)
		check_add(c, FINDING_BLOCKER, "initramfs-fit", "%s does not fit this machine: %s",
			  image, strbuf_str(&reason));
	for (i = 0; i < content.count && rc == 0; i++) {
		const struct initramfs_file *f = &content.files[i];
		char name[1200];

		if (!f->data || strstr(f->path, ".ko"))
			continue;
		snprintf(name, sizeof(name), "%.600s(%.500s)", image, f->path);
		rc = check_text(c, name, f->data, f->len, e);
	}
	initrd_content_done(&content);
	return fits < 0 ? err_set(e, ERR_NOMEM, 0, "judging an initramfs") : rc;
}

static int check_kernel(struct check *c, const struct grub_entry *entry, int fs, struct err *e)
{
	char path[1024], image[1024], modules[300], *version cleanup_free = NULL;
	size_t i;

	path_in_clone(c, fs, entry->linux_path, path, sizeof(path));
	if (!is_file_with_content(c, path))
		check_add(c, FINDING_BLOCKER, "kernel", "the menu starts %s, which is not there",
			  path);
	version = inspect_kernel_version(c->view, path);
	if (!version) {
		const char *dash = strchr(strrchr(path, '/'), '-');

		snprintf(modules, sizeof(modules), "/lib/modules/%.200s", dash ? dash + 1 : "");
		check_add(c, FINDING_BLOCKER, "modules", "%s has no modules: %s is missing", path,
			  modules);
		return 0;
	}
	if (check_nic_drivers(c, version, e) < 0)
		return -1;
	if (!entry->initrds.count)
		check_add(c, FINDING_BLOCKER, "initramfs", "the menu starts %s without initramfs",
			  path);
	for (i = 0; i < entry->initrds.count; i++) {
		path_in_clone(c, fs, entry->initrds.items[i], image, sizeof(image));
		if (!is_file_with_content(c, image))
			check_add(c, FINDING_BLOCKER, "initramfs",
				  "the menu loads %s, which is not there", image);
		else if (i + 1 == entry->initrds.count && check_image(c, image, version, e) < 0)
			return -1;
	}
	return 0;
}

static void check_root_arg(struct check *c, const struct grub_entry *entry)
{
	const char *uuid = c->t->fs[0].volume->uuid;
	char *root cleanup_free = kernel_arg(entry->linux_args, "root");

	if (!root)
		check_add(c, FINDING_BLOCKER, "root-argument",
			  "the menu's entry \"%s\" has no root=", entry->title);
	else if (strncasecmp(root, "UUID=", 5) == 0) {
		if (!uuid || strcasecmp(root + 5, uuid) != 0)
			check_add(c, FINDING_BLOCKER, "root-argument",
				  "the menu names root=%s, this machine's root is UUID=%s", root,
				  uuid ? uuid : "?");
	} else if (disk_find(&c->t->scan, root) != c->t->fs[0].volume)
		check_add(c, FINDING_BLOCKER, "root-argument",
			  "the menu names root=%s, which is not this machine's root", root);
	else if (str_starts(root, "/dev/") && !str_starts(root, "/dev/disk/"))
		check_add(c, FINDING_WARNING, "root-argument",
			  "the menu names root=%s; kernel names may change", root);
}

static int check_entry(struct check *c, const struct grub_menu *m, const struct grub_entry *entry,
		       struct err *e)
{
	const char *uuid = entry->search_uuid;
	int fs;

	if (!uuid && m->searches.count == 1)
		uuid = m->searches.items[0];
	fs = uuid ? check_find_fs(c, uuid) : -1;
	if (!entry->linux_path) {
		check_add(c, FINDING_BLOCKER, "menu",
			  "the menu's default entry \"%s\" starts no Linux kernel", entry->title);
		return 0;
	}
	if (fs < 0) {
		check_add(
			c, FINDING_BLOCKER, "menu",
			"the menu's entry \"%s\" looks for the file system %s, which this machine "
			"does not have",
			entry->title, uuid ? uuid : "(none named)");
		return 0;
	}
	check_root_arg(c, entry);
	return check_kernel(c, entry, fs, e);
}

/* Kernels that only a person at the menu can choose: their entries are no reason to withhold the switch. */
static int check_other_kernels(struct check *c, const struct grub_entry *chosen, struct err *e)
{
	struct strlist unfit cleanup_strlist = STRLIST_INIT;
	char *besides cleanup_free = NULL, path[1024];
	size_t i;

	if (chosen && chosen->linux_path) { /* its folder is told by the last part alone */
		const char *base = strrchr(chosen->linux_path, '/');

		snprintf(path, sizeof(path), "/boot/%s", base ? base + 1 : chosen->linux_path);
		besides = inspect_kernel_version(c->view, path);
	}

	if (initrd_list_unfit(&unfit, c->view, besides, c->facts, e) < 0)
		return -1;
	for (i = 0; i < unfit.count; i++)
		check_add(c, FINDING_WARNING, "other-kernel",
			  "the menu's entries of another kernel may not boot here: its initramfs "
			  "does not fit, %s",
			  unfit.items[i]);
	return 0;
}

/* What blscfg would show: from the file system of /boot, else from below it. */
static int add_bls(struct check *c, struct grub_menu *m, const struct strbuf *env, struct err *e)
{
	static const char *const dirs[] = BLS_DIRS;
	struct strlist names cleanup_strlist = STRLIST_INIT;
	int fs = m->boot_uuid		  ? check_find_fs(c, m->boot_uuid)
		 : m->searches.count == 1 ? check_find_fs(c, m->searches.items[0])
					  : -1;
	char dir[600], path[900];
	size_t i, d;

	if (!m->has_blscfg || fs < 0)
		return 0;
	for (d = 0; d < ARRAY_SIZE(dirs); d++) {
		path_in_clone(c, fs, dirs[d], dir, sizeof(dir));
		if (root_is_dir(c->view, dir))
			break;
	}
	if (d == ARRAY_SIZE(dirs))
		return 0;
	if (root_list(c->view, dir, &names, e) < 0)
		return -1;
	grub_bls_sort(&names);
	for (i = 0; i < names.count && i < BLS_FILES_MAX; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		snprintf(path, sizeof(path), "%s/%.255s", dir, names.items[i]);
		if (root_read(c->view, path, &text, BLS_MAX, NULL) == 0 &&
		    grub_menu_add_bls(m, names.items[i], strbuf_str(&text), text.len,
				      strbuf_str(env), env->len) < 0)
			return err_set(e, ERR_LIMIT, 0, "the boot menu is too large");
	}
	return 0;
}

static int check_entries(struct check *c, struct grub_menu *m, const char *path, const char *saved,
			 struct err *e)
{
	const struct grub_entry *chosen;
	size_t i;

	for (i = 0; i < m->searches.count; i++)
		if (check_find_fs(c, m->searches.items[i]) < 0)
			check_add(c, FINDING_WARNING, "menu",
				  "the menu looks for the file system %s, which this machine does "
				  "not have",
				  m->searches.items[i]);
	chosen = grub_menu_default(m, saved);
	if (!chosen)
		check_add(c, FINDING_BLOCKER, "menu", "%s has no entry to start", path);
	else if (check_entry(c, m, chosen, e) < 0)
		return -1;
	return check_other_kernels(c, chosen, e);
}

static int check_menu(struct check *c, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, env cleanup_strbuf = STRBUF_INIT;
	const char *dir = family_grub_dir(c->view);
	char *saved cleanup_free = NULL, path[64], env_path[64];
	struct err local = ERR_INIT;
	struct grub_menu m;
	int rc;

	snprintf(path, sizeof(path), "%s/grub.cfg", dir);
	snprintf(env_path, sizeof(env_path), "%s/grubenv", dir);
	if (root_read(c->view, path, &text, MENU_MAX, &local) < 0) {
		check_add(c, FINDING_BLOCKER, "menu", "%s cannot be read", path);
		return 0;
	}
	if (grub_menu_parse(&m, strbuf_str(&text), text.len, e) < 0)
		return -1;
	if (root_read(c->view, env_path, &env, 65536, NULL) == 0)
		saved = grubenv_saved(strbuf_str(&env), env.len);
	rc = add_bls(c, &m, &env, e);
	if (rc == 0)
		rc = check_entries(c, &m, path, saved, e);
	grub_menu_done(&m);
	return rc;
}

/* boot.img and core.img are built into a copy of the boot area, in memory, as activation will. */
static int check_embedding(struct check *c, struct err *e)
{
	struct strbuf boot cleanup_strbuf = STRBUF_INIT, core cleanup_strbuf = STRBUF_INIT;
	const char *disk = c->t->scan.disks[c->t->boot_disk].path, *dir = family_grub_dir(c->view);
	char boot_path[64], core_path[64];
	int fd cleanup_fd = open(disk, O_RDONLY | O_CLOEXEC);
	struct err local = ERR_INIT;
	struct bootarea area = { 0 };

	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", disk);
	snprintf(boot_path, sizeof(boot_path), "%s/" PLATFORM "/boot.img", dir);
	snprintf(core_path, sizeof(core_path), "%s/" PLATFORM "/core.img", dir);
	if (root_read(c->view, boot_path, &boot, 4096, &local) < 0 ||
	    root_read(c->view, core_path, &core, CORE_MAX, &local) < 0) {
		check_add(c, FINDING_BLOCKER, "loader",
			  "GRUB was not prepared: boot.img or core.img is not in %s/" PLATFORM,
			  dir);
		return 0;
	}
	if (bootarea_read(&area, fd, &c->t->scan, c->t->boot_disk, &local) < 0 ||
	    bootarea_embed_grub(&area, strbuf_str(&boot), boot.len, strbuf_str(&core), core.len,
				&local) < 0)
		check_add(c, FINDING_BLOCKER, "loader", "GRUB cannot be put on %s: %s", disk,
			  local.nctx ? local.ctx[0] : err_info(local.code)->title);
	bootarea_done(&area);
	return 0;
}

static void check_loader_modules(struct check *c)
{
	static const char *const modules[] = { "normal.mod",	     "linux.mod", "search.mod",
					       "search_fs_uuid.mod", "ext2.mod",  "part_msdos.mod",
					       "part_gpt.mod" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modules); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/" PLATFORM "/%s", family_grub_dir(c->view),
			 modules[i]);
		if (!is_file_with_content(c, path))
			check_add(c, FINDING_BLOCKER, "loader", "GRUB's %s is missing", path);
	}
}

int check_boot(struct check *c, struct err *e)
{
	if (check_menu(c, e) < 0)
		return err_ctx(e, "checking the boot menu");
	if (c->facts->uefi)
		return check_boot_efi(c, e) < 0 ? err_ctx(e, "checking the boot loader") : 0;
	check_loader_modules(c);
	if (check_embedding(c, e) < 0)
		return err_ctx(e, "checking the boot loader");
	return 0;
}
