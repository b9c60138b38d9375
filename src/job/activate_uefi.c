/* SPDX-License-Identifier: MIT */
#include "job/activate_uefi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>

#include "base/hash.h"
#include "base/log.h"
#include "job/efi_flip.h"
#include "job/efi_removable.h"

#define ESP_SPARE (1u << 20) /* bytes that stay free on the ESP */
#define CFG_MAX 16384
#define GRUB_FILE "grubx64.efi"

/* ---- places ---- */

/* The file system of t that holds a path of the tree, and the path on it. */
static const struct target_fs *fs_of(const struct target *t, const char *path, const char **rest)
{
	const struct target_fs *best = &t->fs[0];
	size_t best_len = 0;
	unsigned i;

	for (i = 1; i < t->fs_count; i++) {
		size_t len = strlen(t->fs[i].mount);

		if (len > best_len && strncmp(path, t->fs[i].mount, len) == 0 &&
		    (path[len] == '/' || path[len] == '\0')) {
			best = &t->fs[i];
			best_len = len;
		}
	}
	*rest = path + best_len;
	return best;
}

const struct root *activate_uefi_fs(const struct target *t)
{
	const char *rest;

	return &fs_of(t, "/boot", &rest)->root;
}

/* What grub-install made, in the stage or in the live root. */
static int open_clone(const struct target *t, bool staged, struct root *ret, struct err *e)
{
	struct root top cleanup_root = ROOT_INIT;
	const char *rest;
	const struct target_fs *fs = fs_of(t, CLONE_EFI_DIR, &rest);

	if (root_open_below(&top, &fs->root, staged ? TREE_DIR : "/", e) < 0 ||
	    root_open_below(ret, &top, rest, e) < 0)
		return err_ctx(e, "looking for the clone's loader in %s", CLONE_EFI_DIR);
	return 0;
}

int activate_uefi_find_loader(const struct root *efi, char *vendor, size_t vendor_size,
			      char *loader, size_t loader_size, struct err *e)
{
	static const char *const loaders[] = { "shimx64.efi", GRUB_FILE };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i, k;

	if (root_list(efi, "/", &names, e) < 0)
		return -1;
	for (k = 0; k < ARRAY_SIZE(loaders); k++)
		for (i = 0; i < names.count; i++) {
			char path[400];

			snprintf(path, sizeof(path), "%s/%s", names.items[i], loaders[k]);
			if (strcasecmp(names.items[i], "BOOT") == 0 || !root_is_file(efi, path) ||
			    strlen(names.items[i]) >= vendor_size)
				continue;
			snprintf(vendor, vendor_size, "%s", names.items[i]);
			snprintf(loader, loader_size, "%s", loaders[k]);
			return 0;
		}
	return err_set(e, ERR_ESP, 0, "%s holds no loader", CLONE_EFI_DIR);
}

static const struct volume *need_esp(const struct target *t, const char *partuuid, struct err *e)
{
	const struct volume *v = partuuid ? esp_find_partuuid(&t->scan, partuuid) : esp_find(t);

	if (!v)
		err_set(e, ERR_ESP, 0,
			partuuid ? "the partition %s is not there"
				 : "there is none, or more than one%s",
			partuuid ? partuuid : "");
	return v;
}

/* ---- before the exchange ---- */

/*
 * A GRUB signed by a distribution reads the grub.cfg of the distribution's folder wherever it lies itself. Both systems'
 * files are on the same partitions, so that the old one mostly leads to the clone too.
 */
static int judge_stub(struct efi_state *s, const struct root *clone, const struct root *esp,
		      struct err *e)
{
	struct strbuf ours cleanup_strbuf = STRBUF_INIT, theirs cleanup_strbuf = STRBUF_INIT;
	char path[128];

	snprintf(path, sizeof(path), "%s/grub.cfg", s->vendor);
	if (!root_is_file(clone, path))
		return 0;
	if (root_read(clone, path, &ours, CFG_MAX, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "EFI/%s/grub.cfg", s->vendor);
	if (!root_is_file(esp, path)) {
		s->has_stub = true;
		return 0;
	}
	if (root_read(esp, path, &theirs, CFG_MAX, e) < 0)
		return -1;
	if (efi_stub_is_same(strbuf_str(&ours), strbuf_str(&theirs)))
		return 0;
	s->has_stub = true;
	s->stub = strbuf_take(&theirs);
	return s->stub ? 0 : err_set(e, ERR_NOMEM, 0, "%s", path);
}

static int check_room(const struct root *esp, uint64_t bytes, struct err *e)
{
	struct statvfs s;

	if (fstatvfs(esp->fd, &s) < 0 || (uint64_t)s.f_bavail * s.f_frsize < bytes + ESP_SPARE)
		return err_set(e, ERR_ESP, 0, "%llu MB more must be free on it",
			       (unsigned long long)(bytes + ESP_SPARE) / 1000000 + 1);
	return 0;
}

/* Fills in the clone's part of the state. */
static int look_at_clone(struct efi_state *s, const struct target *t, const struct root *esp,
			 struct record *r, struct err *e)
{
	struct root clone cleanup_root = ROOT_INIT;
	char path[128];
	uint64_t bytes;

	efi_state_done(s);
	s->has_stub = false;
	if (open_clone(t, true, &clone, e) < 0 ||
	    activate_uefi_find_loader(&clone, s->vendor, sizeof(s->vendor), s->loader,
				      sizeof(s->loader), e) < 0 ||
	    esp_hash_folder(&clone, s->vendor, r->boot_new_sha256, &bytes, e) < 0 ||
	    judge_stub(s, &clone, esp, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "EFI/%s/" GRUB_FILE, s->vendor);
	if (esp_hash_file(esp, path, s->vendor_hash, e) < 0)
		return -1;
	return check_room(esp, bytes, e);
}

int activate_uefi_prepare(const struct target *t, struct record *r, struct err *e)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_state s cleanup_efi_state = { 0 };
	struct esp esp cleanup_esp = ESP_INIT;
	const struct root *fs = activate_uefi_fs(t);
	const struct volume *v = need_esp(t, NULL, e);

	if (!v || (r->loader != LOADER_UEFI && efivars_open(&vars, e) < 0) ||
	    esp_open(&esp, v, false, e) < 0)
		return -1;
	/* planted: the state of before is known, and the order is no longer the old system's */
	if (r->loader == LOADER_UEFI ? efi_state_load(&s, fs, EFI_STATE_PATH, NULL, e) < 0
				     : efi_state_take(&s, &vars, v, &esp.root, e) < 0)
		return -1;
	if (r->loader != LOADER_UEFI && !vars.is_writable)
		return err_set(e, ERR_EFI_VARS, 0, "the kernel may only read them");
	if (look_at_clone(&s, t, &esp.root, r, e) < 0 ||
	    efi_state_store(&s, fs, EFI_STATE_PATH, r->boot_saved_sha256, &r->boot_saved_bytes, e) <
		    0)
		return -1;
	snprintf(r->boot_disk, sizeof(r->boot_disk), "%s", t->scan.disks[v->disk].path);
	snprintf(r->boot_table_id, sizeof(r->boot_table_id), "%s",
		 t->scan.disks[v->disk].table_id ? t->scan.disks[v->disk].table_id : "");
	return 0;
}

/* ---- after the exchange ---- */

static int write_stub(const struct efi_state *s, const struct root *clone, const struct root *esp,
		      struct err *e)
{
	struct strbuf stub cleanup_strbuf = STRBUF_INIT;
	char path[128];

	if (!s->has_stub)
		return 0;
	snprintf(path, sizeof(path), "%s/grub.cfg", s->vendor);
	if (root_read(clone, path, &stub, CFG_MAX, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "EFI/%s/grub.cfg", s->vendor);
	return esp_write_file(esp, path, strbuf_str(&stub), stub.len, e);
}

static int write_files(const struct efi_state *s, const struct root *clone, const struct volume *v,
		       struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;

	if (esp_open(&esp, v, true, e) < 0 ||
	    esp_copy_folder(clone, s->vendor, &esp.root, ESP_CLONE_DIR, e) < 0 ||
	    write_stub(s, clone, &esp.root, e) < 0 || esp_close(&esp, e) < 0)
		return -1;
	/* mounted anew: what is compared comes from the disk */
	if (esp_open(&esp, v, false, e) < 0 ||
	    esp_compare_folder(clone, s->vendor, &esp.root, ESP_CLONE_DIR, e) < 0)
		return -1;
	return esp_close(&esp, e);
}

int activate_uefi_write(const struct target *t, const struct record *r, struct err *e)
{
	struct efi_state s cleanup_efi_state = { 0 };
	struct root clone cleanup_root = ROOT_INIT;
	const struct volume *v;
	char hex[SHA256_HEX_LEN + 1], file[EFI_FILE_MAX];
	uint64_t bytes;

	if (efi_state_load(&s, activate_uefi_fs(t), EFI_STATE_PATH, r->boot_saved_sha256, e) < 0)
		return -1;
	v = need_esp(t, s.esp, e);
	if (!v || open_clone(t, false, &clone, e) < 0 ||
	    esp_hash_folder(&clone, s.vendor, hex, &bytes, e) < 0)
		return -1;
	if (strcmp(hex, r->boot_new_sha256) != 0)
		return err_set(e, ERR_BOOT_AREA, 0, "%s changed since the switch began",
			       CLONE_EFI_DIR);
	if (write_files(&s, &clone, v, e) < 0)
		return err_ctx(e, "putting the clone's loader on the EFI system partition");
	if (r->loader == LOADER_UEFI)
		return 0;
	snprintf(file, sizeof(file), "\\EFI\\rehost-clone\\%s", s.loader);
	if (efi_flip_to(&t->scan, v, "rehost clone", file, e) < 0)
		return err_ctx(e, "telling the firmware to start the clone");
	log_info("switch: the firmware starts the clone's %s", s.loader);
	return 0;
}

/* ---- back ---- */

static int put_stub_back(const struct efi_state *s, const struct root *esp, struct err *e)
{
	char path[128];

	if (!s->has_stub)
		return 0;
	snprintf(path, sizeof(path), "EFI/%s/grub.cfg", s->vendor);
	if (s->stub)
		return esp_write_file(esp, path, s->stub, strlen(s->stub), e);
	if (root_remove(esp, path, e) < 0)
		return -1;
	if (!*s->vendor_hash) { /* the folder was not there either; with other files in it, it stays */
		const char *name;
		int dir cleanup_fd = -1;

		snprintf(path, sizeof(path), "EFI/%s", s->vendor);
		dir = root_parent(esp, path, false, &name, NULL);
		if (dir >= 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0)
			log_info("esp: %s stays", path);
	}
	return 0;
}

int activate_uefi_restore(const struct target *t, const struct record *r, struct err *e)
{
	struct efi_state s cleanup_efi_state = { 0 };
	struct esp esp cleanup_esp = ESP_INIT;
	const struct volume *v;

	if (!*r->boot_saved_sha256)
		return 0;
	if (efi_state_load(&s, activate_uefi_fs(t), EFI_STATE_PATH, r->boot_saved_sha256, e) < 0)
		return -1;
	v = need_esp(t, s.esp, e);
	if (!v || (r->loader != LOADER_UEFI && efi_flip_back(&s, ESP_OWN_PREFIX "-clone", e) < 0))
		return -1;
	if (esp_open(&esp, v, true, e) < 0 || put_stub_back(&s, &esp.root, e) < 0 ||
	    root_remove_tree(&esp.root, ESP_CLONE_DIR, e) < 0 || esp_close(&esp, e) < 0)
		return err_ctx(e, "taking the clone's loader off the EFI system partition");
	log_info("rollback: the firmware starts the old system");
	return 0;
}
