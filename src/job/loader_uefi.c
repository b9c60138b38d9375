/* SPDX-License-Identifier: MIT */
/*
 * The private loader on UEFI: Debian's signed shim and GRUB (gcdx64) in a folder of ours on the EFI system partition, with a short
 * configuration beside them that leads to grub.cfg in LOADER_DIR. An entry of ours first in BootOrder is the flip.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>

#include "base/hash.h"
#include "base/log.h"
#include "job/activate_uefi.h"
#include "job/efi_flip.h"
#include "job/loader_priv.h"
#include "job/switch.h"

#define ESP_NEEDS (12u << 20) /* bytes: our files, and as much again for the clone's */
#define STUB_FILE ESP_LOADER_DIR "/grub.cfg"

static const char *const needs[] = { "shimx64.efi", "grubx64.efi", "mmx64.efi", NULL };

/* What the old system starts from: a file system, and the program on it. */
struct old_start {
	char uuid[40];
	char path[EFI_FILE_MAX]; /* "/EFI/debian/shimx64.efi" */
};

/* ---- what is there ---- */

/* It goes into a script of GRUB's. */
static bool is_uuid(const char *s)
{
	size_t len = s ? strlen(s) : 0, i;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-')
			return false;
	return len > 0 && len < sizeof(((struct old_start *)0)->uuid);
}

static bool take_old(struct old_start *ret, const struct volume *on, const char *file)
{
	if (!on || !is_uuid(on->uuid) || !efi_file_to_path(file, ret->path, sizeof(ret->path)))
		return false;
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", on->uuid);
	return true;
}

/* The first entry that names a program we can name too. Those for whole disks, the network and the firmware's menu do not. */
static bool find_old_entry(struct old_start *ret, const struct target *t, const struct efi_boot *b,
			   const struct volume *v, const struct root *esp)
{
	unsigned i;

	for (i = 0; i < b->order_count; i++) {
		const struct efi_entry *entry = efi_boot_find(b, b->order[i]);
		const struct volume *on;

		if (!entry || !entry->is_read || !(entry->option.attributes & EFI_OPTION_ACTIVE) ||
		    !*entry->option.partuuid || efi_flip_is_ours(b, entry->number))
			continue;
		on = esp_find_partuuid(&t->scan, entry->option.partuuid);
		if (take_old(ret, on, entry->option.file) &&
		    (on != v || root_is_file(esp, ret->path)))
			return true;
	}
	return false;
}

/* Without such an entry: the only folder with a loader, else the removable path, which may make entries of its own. */
static bool find_old_file(struct old_start *ret, const struct volume *v, const struct root *esp)
{
	static const char *const loaders[] = { "shimx64.efi", "grubx64.efi" };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char file[EFI_FILE_MAX] = "";
	unsigned found = 0;
	size_t i, k;

	if (root_list(esp, "EFI", &names, NULL) < 0)
		return false;
	for (i = 0; i < names.count; i++) {
		if (strcasecmp(names.items[i], "BOOT") == 0 ||
		    strncasecmp(names.items[i], "rehost", 6) == 0 || strlen(names.items[i]) > 100)
			continue;
		for (k = 0; k < ARRAY_SIZE(loaders); k++) {
			char path[160];

			snprintf(path, sizeof(path), "EFI/%s/%s", names.items[i], loaders[k]);
			if (!root_is_file(esp, path))
				continue;
			snprintf(file, sizeof(file), "\\EFI\\%s\\%s", names.items[i], loaders[k]);
			found++;
			break;
		}
	}
	if (found == 1 && take_old(ret, v, file))
		return true;
	return root_is_file(esp, "EFI/BOOT/BOOTX64.EFI") &&
	       take_old(ret, v, "\\EFI\\BOOT\\BOOTX64.EFI");
}

static bool find_old(struct old_start *ret, const struct target *t, const struct efi_boot *b,
		     const struct volume *v, const struct root *esp)
{
	return find_old_entry(ret, t, b, v, esp) || find_old_file(ret, v, esp);
}

/* ---- assess ---- */

static void assess_esp(const struct target *t, const struct efi_boot *b, const struct volume *v,
		       const struct root *esp, struct loader_verdict *ret)
{
	struct old_start old;
	struct statvfs s;

	if (!find_old(&old, t, b, v, esp))
		loader_say_no(ret, "neither a boot entry nor %s holds a loader of the old system",
			      v->path);
	else if (root_exists(esp, ESP_GRUB_DIR "/grub.cfg") ||
		 root_exists(esp, ESP_GRUB_DIR "/x86_64-efi/grub.cfg"))
		loader_say_no(ret, "%s holds /" ESP_GRUB_DIR ", which our GRUB would read",
			      v->path);
	else if (!root_is_file(esp, ESP_LOADER_DIR "/grubx64.efi") &&
		 (fstatvfs(esp->fd, &s) < 0 || (uint64_t)s.f_bavail * s.f_frsize < ESP_NEEDS))
		loader_say_no(ret, "the EFI system partition %s has less than %u MB free", v->path,
			      ESP_NEEDS / 1000000);
}

static int assess_firmware(const struct target *t, const struct volume *v,
			   struct loader_verdict *ret, struct err *e)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct esp esp cleanup_esp = ESP_INIT;
	struct err own = ERR_INIT;

	if (!b)
		return err_set(e, ERR_NOMEM, 0, "boot entries");
	if (efivars_open(&vars, &own) < 0 || efi_boot_read(b, &vars, &own) < 0)
		return loader_say_no(ret, "the firmware's boot variables: %s", own.ctx[0]);
	if (!vars.is_writable)
		return loader_say_no(ret, "the firmware's boot variables may not be written");
	if (b->is_volatile)
		return loader_say_no(ret, "the firmware forgets its boot variables");
	if (esp_open(&esp, v, false, &own) < 0)
		return loader_say_no(ret, "the EFI system partition: %s", own.ctx[0]);
	assess_esp(t, b, v, &esp.root, ret);
	return esp_close(&esp, e);
}

static int uefi_assess(const struct target *t, struct loader_verdict *ret, struct err *e)
{
	const struct volume *v = esp_find(t);

	if (loader_assess_fs(t, ret, e) < 0)
		return -1;
	if (ret->kind == LOADER_NONE)
		return 0;
	if (!v)
		return loader_say_no(ret, "there is no EFI system partition, or more than one");
	if (!is_uuid(v->uuid) || !is_uuid(loader_target_fs(t)->volume->uuid))
		return loader_say_no(ret, "a file system has no UUID that GRUB could find it by");
	return assess_firmware(t, v, ret, e);
}

/* ---- scripts ---- */

static void make_stub(struct strbuf *ret, const char *uuid)
{
	strbuf_addf(
		ret,
		"# Written by rehost: leads to the script that starts what S says.\n"
		"if search --no-floppy --fs-uuid --set=root %s; then\n"
		"\tconfigfile ($root)/" LOADER_CFG "\n"
		"fi\n"
		"echo \"rehost: nothing on the file system %s can be started.\"\n"
		"echo \"Start the rescue image from outside, or the provider's. Trying again in a "
		"minute.\"\n"
		"sleep 60\n"
		"reboot\n",
		uuid, uuid);
}

/* GRUB's EFI chain loader gives the program the device of $root, and shim looks for GRUB there. */
static void add_chain(struct strbuf *b, const char *path)
{
	strbuf_addf(b, "\t\tif chainloader ($root)%s; then\n\t\t\tboot\n\t\tfi\n", path);
}

static void make_script(const struct old_start *old, const struct volume *v, struct strbuf *ret_old,
			struct strbuf *ret_clone)
{
	static const char search[] = "\tif search --no-floppy --fs-uuid --set=root %s; then\n";

	strbuf_addf(ret_old, search, old->uuid);
	add_chain(ret_old, old->path);
	strbuf_adds(ret_old, "\tfi\n");
	/* Which of the two it will be is known when its files are there. */
	strbuf_addf(ret_clone, search, v->uuid);
	add_chain(ret_clone, "/" ESP_CLONE_DIR "/shimx64.efi");
	add_chain(ret_clone, "/" ESP_CLONE_DIR "/grubx64.efi");
	strbuf_adds(ret_clone, "\tfi\n");
}

/* ---- plant ---- */

/* Everything the steps below look at. */
struct uefi {
	const struct target *t;
	const struct root *fs;	/* of LOADER_DIR */
	const struct volume *v; /* the ESP */
	struct loader_list list;
	struct strbuf stub;
	struct old_start old;
	struct efi_state state;
	bool is_flipped;
};

static void uefi_done(struct uefi *u)
{
	strbuf_done(&u->stub);
	efi_state_done(&u->state);
}

#define cleanup_uefi __attribute__((cleanup(uefi_done)))

/* The state of before is taken once: at a second planting it holds what the switch noted in it. */
static int take_state(struct uefi *u, const struct efivars *vars, const struct root *esp,
		      struct err *e)
{
	if (root_exists(u->fs, EFI_STATE_PATH) &&
	    efi_state_load(&u->state, u->fs, EFI_STATE_PATH, NULL, NULL) == 0 &&
	    strcasecmp(u->state.esp, u->v->partuuid) == 0)
		return 0;
	efi_state_done(&u->state);
	return efi_state_take(&u->state, vars, u->v, esp, e);
}

static int uefi_open(struct uefi *u, struct err *e)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct esp esp cleanup_esp = ESP_INIT;
	const struct efi_entry *ours;

	if (!b)
		return err_set(e, ERR_NOMEM, 0, "boot entries");
	if (loader_list_read(&u->list, u->fs, LOADER_DIR, e) < 0 || efivars_open(&vars, e) < 0 ||
	    efi_boot_read(b, &vars, e) < 0 || esp_open(&esp, u->v, false, e) < 0)
		return -1;
	if (!find_old(&u->old, u->t, b, u->v, &esp.root))
		return err_set(e, ERR_ESP, 0, "no loader of the old system was found");
	ours = efi_boot_find_file(b, u->v->partuuid, ESP_LOADER_FILE);
	u->is_flipped = ours && b->order_count && b->order[0] == ours->number;
	if (take_state(u, &vars, &esp.root, e) < 0)
		return -1;
	return esp_close(&esp, e);
}

static int write_files(const struct uefi *u, struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;
	size_t i;

	if (esp_open(&esp, u->v, true, e) < 0)
		return -1;
	for (i = 0; needs[i]; i++) {
		struct strbuf content cleanup_strbuf = STRBUF_INIT;
		char from[64], to[64];

		snprintf(from, sizeof(from), LOADER_DIR "/%s", needs[i]);
		snprintf(to, sizeof(to), ESP_LOADER_DIR "/%s", needs[i]);
		if (root_read(u->fs, from, &content, ESP_FILE_MAX, e) < 0 ||
		    esp_write_file(&esp.root, to, strbuf_str(&content), content.len, e) < 0)
			return -1;
	}
	if (esp_write_file(&esp.root, STUB_FILE, u->stub.data, u->stub.len, e) < 0)
		return -1;
	if (!root_exists(&esp.root, ESP_GRUB_DIR) &&
	    (esp_write_file(&esp.root, ESP_GRUB_MARK, "rehost\n", 7, e) < 0 ||
	     root_mkdirs(&esp.root, ESP_GRUB_DIR, 0700, e) < 0))
		return -1;
	return esp_close(&esp, e);
}

static int verify_file(const struct uefi *u, const struct root *esp, const char *name,
		       struct err *e)
{
	const struct loader_file *want = loader_list_find(&u->list, name);
	struct strbuf content cleanup_strbuf = STRBUF_INIT;
	char path[64], hex[SHA256_HEX_LEN + 1];
	uint8_t digest[SHA256_LEN];

	snprintf(path, sizeof(path), ESP_LOADER_DIR "/%s", name);
	if (root_read(esp, path, &content, ESP_FILE_MAX, e) < 0)
		return -1;
	sha256_of(strbuf_str(&content), content.len, digest);
	hex_of(digest, sizeof(digest), hex);
	if (!want || strcmp(want->sha256, hex) != 0)
		return err_set(e, ERR_ESP, 0, "%s does not read back as it was written", path);
	return 0;
}

/* On a mount of its own: what is read comes from the disk. */
static int verify_files(const struct uefi *u, struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;
	struct strbuf stub cleanup_strbuf = STRBUF_INIT;
	size_t i;

	if (esp_open(&esp, u->v, false, e) < 0)
		return -1;
	for (i = 0; needs[i]; i++)
		if (verify_file(u, &esp.root, needs[i], e) < 0)
			return -1;
	if (root_read(&esp.root, STUB_FILE, &stub, 65536, e) < 0)
		return -1;
	if (strcmp(strbuf_str(&stub), strbuf_str(&u->stub)) != 0)
		return err_set(e, ERR_ESP, 0, STUB_FILE " does not read back as it was written");
	return esp_close(&esp, e);
}

static void fill_record(const struct uefi *u, struct record *r)
{
	const struct disk *disk = &u->t->scan.disks[u->v->disk];

	r->loader = LOADER_UEFI;
	r->loader_lba = 0;
	r->loader_sectors = 0;
	snprintf(r->loader_fs_uuid, sizeof(r->loader_fs_uuid), "%s",
		 loader_target_fs(u->t)->volume->uuid);
	snprintf(r->boot_disk, sizeof(r->boot_disk), "%s", disk->path);
	snprintf(r->boot_table_id, sizeof(r->boot_table_id), "%s",
		 disk->table_id ? disk->table_id : "");
}

/* Writes all that the flip will count on. */
static int prepare(const struct uefi *u, struct err *e)
{
	struct strbuf old cleanup_strbuf = STRBUF_INIT;
	struct strbuf clone cleanup_strbuf = STRBUF_INIT;
	struct loader_script script;

	make_script(&u->old, u->v, &old, &clone);
	if (old.failed || clone.failed)
		return err_set(e, ERR_NOMEM, 0, LOADER_CFG);
	script = (struct loader_script){ strbuf_str(&old), strbuf_str(&clone) };
	if (efi_state_store(&u->state, u->fs, EFI_STATE_PATH, NULL, NULL, e) < 0 ||
	    loader_s_make(u->fs, LOADER_OLD, e) < 0 || loader_write_config(u->t, &script, e) < 0 ||
	    write_files(u, e) < 0 || verify_files(u, e) < 0)
		return -1;
	/* GRUB reads no journal: all of it must be in its place. */
	return switch_settle(u->t, e);
}

static int uefi_plant(const struct target *t, struct record *r, struct err *e)
{
	struct uefi u cleanup_uefi = { .t = t, .fs = loader_fs(t), .v = esp_find(t) };
	struct err damage = ERR_INIT;
	enum loader_choice now;

	if (!u.v)
		return err_set(e, ERR_ESP, 0, "there is none, or more than one");
	if (uefi_open(&u, e) < 0)
		return -1;
	make_stub(&u.stub, loader_target_fs(t)->volume->uuid);
	if (u.stub.failed)
		return err_set(e, ERR_NOMEM, 0, STUB_FILE);
	/* Planted and whole: S stays as it is. What is damaged is made again, with S=old. */
	if (!u.is_flipped || !root_exists(u.fs, LOADER_CFG) || !root_exists(u.fs, EFI_STATE_PATH) ||
	    loader_selected(u.fs, &now, &damage) < 0 || verify_files(&u, &damage) < 0) {
		if (prepare(&u, e) < 0)
			return -1;
	}
	err_clear(&damage);
	fill_record(&u, r);
	if (record_store(r, &t->fs[0].root, e) < 0)
		return -1;
	if (!u.is_flipped && efi_flip_to(&t->scan, u.v, "rehost", ESP_LOADER_FILE, e) < 0)
		return err_ctx(e, "telling the firmware to start the private loader");
	log_info("loader: planted on %s", u.v->path);
	return 0;
}

/* ---- taking it away ---- */

static int uefi_restore(const struct target *t, const struct record *r, struct err *e)
{
	struct efi_state s cleanup_efi_state = { 0 };
	struct esp esp cleanup_esp = ESP_INIT;
	const struct volume *v;

	(void)r;
	/* Without it nothing was planted; that there is no entry of ours is seen to all the same. */
	if (root_exists(loader_fs(t), EFI_STATE_PATH) &&
	    efi_state_load(&s, loader_fs(t), EFI_STATE_PATH, NULL, e) < 0)
		return -1;
	v = *s.esp ? esp_find_partuuid(&t->scan, s.esp) : esp_find(t);
	if (!v)
		return err_set(e, ERR_ESP, 0, "the partition %s is not there", s.esp);
	if (efi_flip_back(&s, ESP_OWN_PREFIX, e) < 0)
		return -1;
	if (esp_open(&esp, v, true, e) < 0 || activate_uefi_remove_loader(&esp.root, e) < 0 ||
	    esp_close(&esp, e) < 0)
		return err_ctx(e, "taking the loader off the EFI system partition");
	log_info("loader: the firmware starts the old system's own");
	return 0;
}

/* ---- release ---- */

static int uefi_finish(const struct root *fs, const struct record *r, struct err *e)
{
	(void)r;
	return activate_uefi_finish(fs, e);
}

const struct loader_ops loader_uefi_ops = {
	.kind = LOADER_UEFI,
	.assess = uefi_assess,
	.plant = uefi_plant,
	.finish = uefi_finish,
	.restore = uefi_restore,
	.needs = needs,
};
