/* SPDX-License-Identifier: MIT */
/* Release on UEFI: the clone's loader becomes the firmware's own, from the ESP and the saved state alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/log.h"
#include "job/activate_uefi.h"
#include "job/efi_flip.h"
#include "job/efi_removable.h"

#define CFG_MAX 16384
#define GRUB_FILE "grubx64.efi"

/* ---- files ---- */

static int copy_file(const struct root *esp, const char *from, const char *to, struct err *e)
{
	struct strbuf content cleanup_strbuf = STRBUF_INIT;

	if (root_read(esp, from, &content, ESP_FILE_MAX, e) < 0)
		return -1;
	return esp_write_file(esp, to, strbuf_str(&content), content.len, e);
}

/* \EFI\BOOT, as Debian's grub-install --force-extra-removable fills it; what was not there but is not needed stays away. */
static int copy_removable(const struct efi_state *s, const struct root *esp, struct err *e)
{
	static const struct {
		const char *name;
		bool is_needed;
	} beside[] = { { GRUB_FILE, true }, { "mmx64.efi", true }, { "fbx64.efi", false } };
	char from[128], to[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(beside); i++) {
		snprintf(from, sizeof(from), ESP_CLONE_DIR "/%s", beside[i].name);
		snprintf(to, sizeof(to), "EFI/BOOT/%s", beside[i].name);
		if (root_is_file(esp, from) && (beside[i].is_needed || root_is_file(esp, to)) &&
		    copy_file(esp, from, to, e) < 0)
			return -1;
	}
	snprintf(from, sizeof(from), ESP_CLONE_DIR "/%s", s->loader);
	/* what the firmware starts is exchanged, and when all it leads to is there */
	return *s->removable ? 0 : copy_file(esp, from, EFI_REMOVABLE, e);
}

static int finish_files(const struct efi_state *s, const struct volume *v, struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;
	struct strbuf program cleanup_strbuf = STRBUF_INIT;
	char vendor[80], path[128], hex[SHA256_HEX_LEN + 1];
	bool is_ready;

	if (esp_open(&esp, v, true, e) < 0)
		return -1;
	snprintf(vendor, sizeof(vendor), "EFI/%s", s->vendor);
	snprintf(path, sizeof(path), "%s/" GRUB_FILE, vendor);
	if (esp_hash_file(&esp.root, path, hex, e) < 0)
		return -1;
	snprintf(path, sizeof(path), ESP_CLONE_DIR "/%s", s->loader);
	is_ready = !root_is_file(&esp.root, path);
	/* changed since: the running clone's own grub-install was at work, and its files are newer */
	if (!is_ready && strcmp(hex, s->vendor_hash) == 0) {
		if (esp_copy_folder(&esp.root, ESP_CLONE_DIR, &esp.root, vendor, e) < 0 ||
		    esp_compare_folder(&esp.root, ESP_CLONE_DIR, &esp.root, vendor, e) < 0)
			return -1;
	}
	if (!is_ready && s->has_removable && copy_removable(s, &esp.root, e) < 0)
		return -1;
	if (!is_ready && *s->removable && root_read(&esp.root, path, &program, ESP_FILE_MAX, e) < 0)
		return -1;
	if (esp_close(&esp, e) < 0)
		return -1;
	return program.len ? efi_removable_set(v, &program, e) : 0;
}

/* The old system's own entry: as it was written down, and not the one that is now the clone's. */
static bool is_old(const struct efi_state *s, const struct efi_boot *b, uint16_t number,
		   uint16_t final)
{
	const struct efi_entry *entry = efi_boot_find(b, number);

	return s->has_old && number == s->old_number && number != final && entry &&
	       entry->is_read && *s->old_file && strcasecmp(s->old_esp, s->esp) == 0 &&
	       strcmp(entry->option.file, s->old_file) == 0 &&
	       strcasecmp(entry->option.partuuid, s->old_esp) == 0;
}

static int finish_entries(const struct efi_state *s, const struct disk_scan *scan,
			  const struct volume *v, struct err *e)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct efi_flip order = { .count = 0 };
	char file[EFI_FILE_MAX];
	const struct efi_entry *same;
	uint16_t final;
	unsigned i;

	if (!b)
		return err_set(e, ERR_NOMEM, 0, "boot entries");
	if (efivars_open(&vars, e) < 0 || efi_boot_read(b, &vars, e) < 0)
		return -1;
	snprintf(file, sizeof(file), "\\EFI\\%s\\%s", s->vendor, s->loader);
	same = efi_boot_find_file(b, s->esp, file);
	if (same) /* as it is: with the name and the data its maker gave it */
		final = same->number;
	else if (efi_flip_make_entry(&vars, b, scan, v, s->vendor, file, &final, e) < 0)
		return -1;
	efi_flip_add(&order, final);
	for (i = 0; i < b->order_count; i++)
		if (!efi_flip_is_ours(b, b->order[i]) && !is_old(s, b, b->order[i], final))
			efi_flip_add(&order, b->order[i]);
	if (efi_order_write(&vars, order.items, order.count, e) < 0)
		return -1;
	for (i = 0; i < b->entry_count; i++)
		if ((efi_flip_is_ours(b, b->entries[i].number) ||
		     is_old(s, b, b->entries[i].number, final)) &&
		    efi_entry_remove(&vars, b->entries[i].number, e) < 0)
			return -1;
	return 0;
}

#define OURS "# Written by rehost"

static int remove_own_config(const struct root *esp, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	if (!root_is_file(esp, ESP_GRUB_CFG) ||
	    root_read(esp, ESP_GRUB_CFG, &text, CFG_MAX, NULL) < 0 ||
	    !str_starts(strbuf_str(&text), OURS))
		return 0;
	return root_remove(esp, ESP_GRUB_CFG, e);
}

int activate_uefi_remove_loader(const struct root *esp, struct err *e)
{
	static const char *const empty[] = { ESP_GRUB_DIR, "boot" };
	size_t i;

	if (remove_own_config(esp, e) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(empty) && root_is_file(esp, ESP_GRUB_MARK); i++) {
		const char *name;
		int dir cleanup_fd = root_parent(esp, empty[i], false, &name, NULL);

		if (dir >= 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			log_info("esp: %s stays", empty[i]);
	}
	return root_remove_tree(esp, ESP_LOADER_DIR, e);
}

/* ---- the old system's folders ---- */

static bool stub_of(const struct root *esp, const char *folder, char *ret, size_t size)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[160];

	snprintf(path, sizeof(path), "EFI/%s/grub.cfg", folder);
	return root_is_file(esp, path) && root_read(esp, path, &text, CFG_MAX, NULL) == 0 &&
	       efi_stub_uuid(strbuf_str(&text), ret, size);
}

/* It leads to the very file system that is the clone's now: there is no other system there. */
static bool is_of_the_old_system(const struct efi_state *s, const struct root *esp,
				 const char *folder)
{
	char theirs[64], clones[64];

	return stub_of(esp, folder, theirs, sizeof(theirs)) &&
	       stub_of(esp, s->vendor, clones, sizeof(clones)) && strcmp(theirs, clones) == 0;
}

static int tell(struct strlist *notes, const char *folder, const char *what, struct err *e)
{
	char text[256], safe[600];

	snprintf(text, sizeof(text), "EFI system partition: /EFI/%s %s", folder, what);
	str_escape(safe, sizeof(safe), text);
	return strlist_add(notes, safe) < 0 ? err_set(e, ERR_NOMEM, 0, "%s", folder) : 0;
}

static int finish_vendors(const struct efi_state *s, const struct root *esp, struct strlist *notes,
			  struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (root_list(esp, "EFI", &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		char path[160];

		snprintf(path, sizeof(path), "EFI/%s", name);
		if (strcasecmp(name, "BOOT") == 0 || strcasecmp(name, s->vendor) == 0 ||
		    strncasecmp(name, "rehost", 6) == 0 || strlen(name) > 100 ||
		    !root_is_dir(esp, path))
			continue;
		if (!is_of_the_old_system(s, esp, name)) {
			if (tell(notes, name, "stays, it may be another system's", e) < 0)
				return -1;
			continue;
		}
		if (root_remove_tree(esp, path, e) < 0 ||
		    tell(notes, name, "of the old system is deleted", e) < 0)
			return -1;
	}
	return 0;
}

static int finish_folders(const struct efi_state *s, const struct volume *v, struct strlist *notes,
			  struct err *e)
{
	struct esp esp cleanup_esp = ESP_INIT;

	if (esp_open(&esp, v, true, e) < 0 || finish_vendors(s, &esp.root, notes, e) < 0 ||
	    (*s->removable && root_remove(&esp.root, EFI_SPARE, e) < 0) ||
	    root_remove_tree(&esp.root, ESP_CLONE_DIR, e) < 0 ||
	    activate_uefi_remove_loader(&esp.root, e) < 0)
		return -1;
	return esp_close(&esp, e);
}

int activate_uefi_finish_on(const struct disk_scan *scan, const struct root *fs,
			    struct strlist *notes, struct err *e)
{
	struct efi_state s cleanup_efi_state = { 0 };
	const struct volume *v;

	if (!root_exists(fs, EFI_STATE_PATH))
		return 0;
	if (efi_state_load(&s, fs, EFI_STATE_PATH, NULL, e) < 0)
		return -1;
	v = esp_find_partuuid(scan, s.esp);
	if (!v || !*s.vendor)
		return err_set(e, ERR_ESP, 0, "the partition %s is not there", s.esp);
	if (finish_files(&s, v, e) < 0 || (!*s.removable && finish_entries(&s, scan, v, e) < 0) ||
	    finish_folders(&s, v, notes, e) < 0)
		return -1;
	return root_remove(fs, EFI_STATE_PATH, e);
}

int activate_uefi_finish(const struct root *fs, struct strlist *notes, struct err *e)
{
	struct disk_scan scan = { 0 };
	int rc = -1;

	if (!root_exists(fs, EFI_STATE_PATH))
		return 0;
	if (disk_scan_all(&scan, getenv("REHOST_SCAN_LOOP") != NULL, e) == 0)
		rc = activate_uefi_finish_on(&scan, fs, notes, e);
	disk_scan_done(&scan);
	return rc < 0 ? err_ctx(e, "making the clone's loader the firmware's own") : 0;
}
