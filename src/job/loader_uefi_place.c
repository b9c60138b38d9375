/* SPDX-License-Identifier: MIT */
/*
 * What the old system starts from, and where the private loader has to be for the firmware to start it instead. An entry of ours is
 * worth as much as the old system's: where that one has none, the firmware may forget entries, and only \EFI\BOOT is sure.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>

#include "job/activate_uefi.h"
#include "job/efi_flip.h"
#include "job/efi_removable.h"
#include "job/loader_uefi_priv.h"

#define ESP_NEEDS (12u << 20) /* bytes: our files, and as much again for the clone's */

/* ---- what the old system starts from ---- */

bool uefi_is_uuid(const char *s)
{
	size_t len = s ? strlen(s) : 0, i;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-')
			return false;
	return len > 0 && len < sizeof(((struct old_start *)0)->uuid);
}

static bool take_old(struct old_start *ret, const struct volume *on, const char *file)
{
	if (!on || !uefi_is_uuid(on->uuid) || !efi_file_to_path(file, ret->path, sizeof(ret->path)))
		return false;
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", on->uuid);
	return true;
}

/*
 * The first entry that names a program we can name too. Those for whole disks, the network and the firmware's menu do not; one for
 * the removable path the firmware makes by itself.
 */
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
		    strcasecmp(ret->path, "/" EFI_REMOVABLE) != 0 &&
		    (on != v || root_is_file(esp, ret->path)))
			return true;
	}
	return false;
}

/* Without such an entry: the only folder of a vendor with a loader. */
static bool find_vendor(struct old_start *ret, const struct volume *v, const struct root *esp)
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
	return found == 1 && take_old(ret, v, file);
}

/*
 * What the removable path starts. shim with its fallback beside it goes to the vendor's folder when it is started by that path; all others
 * start what they start from the spare's name, too.
 */
static bool find_removable(struct old_start *ret, const struct volume *v, const struct root *esp)
{
	return root_is_file(esp, EFI_FALLBACK) ? find_vendor(ret, v, esp)
					       : take_old(ret, v, "\\EFI\\BOOT\\REHOST.EFI");
}

/* ---- where ours has to be ---- */

static void say_nowhere(struct uefi_find *ret, const char *why)
{
	ret->place = UEFI_NOWHERE;
	snprintf(ret->why, sizeof(ret->why), "%s", why);
}

static void find_without_entry(struct uefi_find *ret, const struct efi_boot *b, bool keeps,
			       const struct volume *v, const struct root *esp)
{
	bool removable = root_is_file(esp, EFI_REMOVABLE);

	if (removable && !b->is_secure) {
		ret->place = UEFI_REMOVABLE;
		ret->ask = LOADER_ASK_REMOVABLE;
		if (!find_removable(&ret->old, v, esp))
			say_nowhere(ret, "\\EFI\\BOOT starts what it finds in the vendors' folders "
					 "of the EFI system partition, and there is not just one");
		return;
	}
	if (!keeps) {
		say_nowhere(ret, removable
					 ? "the firmware keeps no boot variables, and Secure Boot "
					   "lets nothing unsigned take the place of \\EFI\\BOOT"
					 : "the firmware keeps no boot variables");
		return;
	}
	ret->place = UEFI_ENTRY;
	ret->ask = LOADER_ASK_FORGETS;
	if (!find_vendor(&ret->old, v, esp) &&
	    !(removable && take_old(&ret->old, v, "\\EFI\\BOOT\\BOOTX64.EFI")))
		say_nowhere(ret, "neither a boot entry nor the EFI system partition holds a loader "
				 "of the old system");
}

void uefi_find_place(struct uefi_find *ret, const struct target *t, const struct efivars *vars,
		     const struct efi_boot *b, const struct volume *v, const struct root *esp)
{
	bool keeps = vars->is_writable && !b->is_volatile;

	*ret = (struct uefi_find){ .place = UEFI_ENTRY };
	if (b->is_secure && !efivars_trusts_microsoft(vars))
		say_nowhere(ret, "Secure Boot is enforced, without the key of Microsoft's that "
				 "signed the loader's shim");
	else if (!find_old_entry(&ret->old, t, b, v, esp))
		find_without_entry(ret, b, keeps, v, esp);
	else if (!keeps)
		say_nowhere(ret, b->is_volatile ? "the firmware forgets its boot variables"
						: "the firmware's boot variables may not be "
						  "written");
}

/* ---- assess ---- */

static void assess_esp(const struct target *t, const struct efivars *vars, const struct efi_boot *b,
		       const struct volume *v, const struct root *esp, struct loader_verdict *ret)
{
	struct uefi_find f;
	struct statvfs s;

	uefi_find_place(&f, t, vars, b, v, esp);
	ret->ask = f.ask;
	if (f.place == UEFI_NOWHERE)
		loader_say_no(ret, "%s", f.why);
	else if (!root_exists(esp, ESP_LOADER_DIR) &&
		 (root_exists(esp, ESP_GRUB_DIR "/grub.cfg") ||
		  root_exists(esp, ESP_GRUB_DIR "/x86_64-efi/grub.cfg")))
		loader_say_no(ret, "%s holds /" ESP_GRUB_DIR ", which our GRUB would read",
			      v->path);
	else if (!root_is_file(esp, ESP_LOADER_DIR "/grubx64.efi") &&
		 (fstatvfs(esp->fd, &s) < 0 ||
		  (uint64_t)s.f_bavail * s.f_frsize <
			  ESP_NEEDS + (f.place == UEFI_REMOVABLE ? ESP_NEEDS / 2 : 0)))
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
	/* without them it is not even known whether Secure Boot is enforced */
	if (efivars_open(&vars, &own) < 0 || efi_boot_read(b, &vars, &own) < 0)
		return loader_say_no(ret, "the firmware's boot variables: %s", own.ctx[0]);
	if (esp_open(&esp, v, false, &own) < 0)
		return loader_say_no(ret, "the EFI system partition: %s", own.ctx[0]);
	assess_esp(t, &vars, b, v, &esp.root, ret);
	return esp_close(&esp, e);
}

int uefi_assess(const struct target *t, struct loader_verdict *ret, struct err *e)
{
	const struct volume *v = esp_find(t);

	if (loader_assess_fs(t, ret, e) < 0)
		return -1;
	if (ret->kind == LOADER_NONE)
		return 0;
	if (!v)
		return loader_say_no(ret, "there is no EFI system partition, or more than one");
	if (!uefi_is_uuid(v->uuid) || !uefi_is_uuid(loader_target_fs(t)->volume->uuid))
		return loader_say_no(ret, "a file system has no UUID that GRUB could find it by");
	return assess_firmware(t, v, ret, e);
}
