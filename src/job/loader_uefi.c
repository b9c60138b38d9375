/* SPDX-License-Identifier: MIT */
/*
 * The private loader on UEFI: Debian's signed shim and GRUB (gcdx64) in a folder of ours on the EFI system partition, with a short
 * configuration beside them that leads to grub.cfg in LOADER_DIR. An entry of ours first in BootOrder is the flip; where the
 * firmware knows no entries (loader_uefi_place.c), that GRUB in the place of \EFI\BOOT\BOOTX64.EFI, with its configuration in the
 * folder it takes for its prefix.
 */
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/log.h"
#include "job/activate_uefi.h"
#include "job/efi_flip.h"
#include "job/efi_removable.h"
#include "job/loader_uefi_priv.h"
#include "job/switch.h"

#define GRUB "grubx64.efi"
#define STUB_FILE ESP_LOADER_DIR "/grub.cfg"

static const char *const needs[] = { "shimx64.efi", "grubx64.efi", "mmx64.efi", NULL };

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
	bool is_removable; /* the place, else an entry */
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
		      enum uefi_place place, struct err *e)
{
	if (root_exists(u->fs, EFI_STATE_PATH) &&
	    efi_state_load(&u->state, u->fs, EFI_STATE_PATH, NULL, NULL) == 0 &&
	    strcasecmp(u->state.esp, u->v->partuuid) == 0)
		return 0;
	efi_state_done(&u->state);
	if (efi_state_take(&u->state, vars, u->v, esp, e) < 0)
		return -1;
	return place == UEFI_REMOVABLE ? esp_hash_file(esp, EFI_REMOVABLE, u->state.removable, e)
				       : 0;
}

static int look_whether_flipped(struct uefi *u, const struct efi_boot *b, const struct root *esp,
				struct err *e)
{
	const struct efi_entry *ours = efi_boot_find_file(b, u->v->partuuid, ESP_LOADER_FILE);
	const struct loader_file *grub = loader_list_find(&u->list, GRUB);
	char hex[SHA256_HEX_LEN + 1];

	u->is_flipped = ours && b->order_count && b->order[0] == ours->number;
	if (!u->is_removable)
		return 0;
	if (esp_hash_file(esp, EFI_REMOVABLE, hex, e) < 0)
		return -1;
	u->is_flipped = grub && strcmp(hex, grub->sha256) == 0;
	return 0;
}

static int uefi_open(struct uefi *u, struct err *e)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct esp esp cleanup_esp = ESP_INIT;
	struct uefi_find found;

	if (!b)
		return err_set(e, ERR_NOMEM, 0, "boot entries");
	if (loader_list_read(&u->list, u->fs, LOADER_DIR, e) < 0 || efivars_open(&vars, e) < 0 ||
	    efi_boot_read(b, &vars, e) < 0 || esp_open(&esp, u->v, false, e) < 0)
		return -1;
	uefi_find_place(&found, u->t, &vars, b, u->v, &esp.root);
	if (found.place == UEFI_NOWHERE)
		return err_set(e, ERR_LOADER_PLACE, 0, "%s", found.why);
	u->old = found.old;
	if (take_state(u, &vars, &esp.root, found.place, e) < 0)
		return -1;
	u->is_removable = *u->state.removable != '\0';
	if (look_whether_flipped(u, b, &esp.root, e) < 0)
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
	if (u->is_removable &&
	    esp_write_file(&esp.root, ESP_GRUB_CFG, u->stub.data, u->stub.len, e) < 0)
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

static int verify_stub(const struct uefi *u, const struct root *esp, const char *path,
		       struct err *e)
{
	struct strbuf stub cleanup_strbuf = STRBUF_INIT;

	if (root_read(esp, path, &stub, 65536, e) < 0)
		return -1;
	if (strcmp(strbuf_str(&stub), strbuf_str(&u->stub)) != 0)
		return err_set(e, ERR_ESP, 0, "%s does not read back as it was written", path);
	return 0;
}

/* On a mount of its own: what is read comes from the disk. */
static int verify_files(const struct uefi *u, struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;
	size_t i;

	if (esp_open(&esp, u->v, false, e) < 0)
		return -1;
	for (i = 0; needs[i]; i++)
		if (verify_file(u, &esp.root, needs[i], e) < 0)
			return -1;
	if (verify_stub(u, &esp.root, STUB_FILE, e) < 0 ||
	    (u->is_removable && verify_stub(u, &esp.root, ESP_GRUB_CFG, e) < 0))
		return -1;
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

static int flip(const struct uefi *u, struct err *e)
{
	struct strbuf grub cleanup_strbuf = STRBUF_INIT;

	if (!u->is_removable)
		return efi_flip_to(&u->t->scan, u->v, "rehost", ESP_LOADER_FILE, e);
	if (root_read(u->fs, LOADER_DIR "/" GRUB, &grub, ESP_FILE_MAX, e) < 0)
		return -1;
	return efi_removable_set(u->v, &grub, e);
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
	if (!u.is_flipped && flip(&u, e) < 0)
		return err_ctx(e, "making the firmware start the private loader");
	log_info("loader: planted on %s", u.v->path);
	return 0;
}

/* ---- taking it away ---- */

static int give_back(const struct target *t, const struct efi_state *s, const struct volume *v,
		     struct err *e)
{
	const struct loader_file *grub;
	struct loader_list list;

	if (!*s->removable)
		return efi_flip_back(s, ESP_OWN_PREFIX, e);
	if (loader_list_read(&list, loader_fs(t), LOADER_DIR, e) < 0)
		return -1;
	grub = loader_list_find(&list, GRUB);
	return efi_removable_give_back(v, s->removable, grub ? grub->sha256 : "", e);
}

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
	if (give_back(t, &s, v, e) < 0)
		return -1;
	if (esp_open(&esp, v, true, e) < 0 || activate_uefi_remove_loader(&esp.root, e) < 0 ||
	    esp_close(&esp, e) < 0)
		return err_ctx(e, "taking the loader off the EFI system partition");
	log_info("loader: the firmware starts the old system's own");
	return 0;
}

/* ---- release ---- */

static int uefi_finish(const struct root *fs, const struct record *r, struct strlist *notes,
		       struct err *e)
{
	(void)r;
	return activate_uefi_finish(fs, notes, e);
}

bool loader_is_removable(const struct target *t, const struct record *r)
{
	struct efi_state s cleanup_efi_state = { 0 };

	return r->loader == LOADER_UEFI &&
	       efi_state_load(&s, loader_fs(t), EFI_STATE_PATH, NULL, NULL) == 0 && *s.removable;
}

/* ---- entries that were forgotten ---- */

static const struct volume *find_own_esp(const struct target *t, struct efi_state *s)
{
	*s = (struct efi_state){ 0 };
	return efi_state_load(s, loader_fs(t), EFI_STATE_PATH, NULL, NULL) == 0
		       ? esp_find_partuuid(&t->scan, s->esp)
		       : NULL;
}

bool loader_is_first(const struct target *t, const struct record *r)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct efi_state s cleanup_efi_state = { 0 };
	const struct efi_entry *ours;
	const struct volume *v;

	if (r->loader != LOADER_UEFI || !b || efivars_open(&vars, NULL) < 0 ||
	    efi_boot_read(b, &vars, NULL) < 0)
		return true;
	v = find_own_esp(t, &s);
	if (!v || *s.removable)
		return true;
	ours = efi_boot_find_file(b, v->partuuid, ESP_LOADER_FILE);
	return ours && b->order_count && b->order[0] == ours->number;
}

int loader_renew(const struct target *t, const struct record *r, struct err *e)
{
	struct efi_state s cleanup_efi_state = { 0 };
	const struct volume *v = find_own_esp(t, &s);

	if (loader_is_first(t, r) || !v)
		return 0;
	log_warn("loader: the firmware's first boot entry was not the private loader's");
	return efi_flip_to(&t->scan, v, "rehost", ESP_LOADER_FILE, e);
}

const struct loader_ops loader_uefi_ops = {
	.kind = LOADER_UEFI,
	.assess = uefi_assess,
	.plant = uefi_plant,
	.finish = uefi_finish,
	.restore = uefi_restore,
	.needs = needs,
};
