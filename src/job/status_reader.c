/* SPDX-License-Identifier: MIT */
#include "job/status_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "disk/efivars.h"
#include "job/esp.h"

/* The file that the firmware starts. Entries for whole disks, the network and its own menu are passed over. */
static bool find_efi_file(const struct target *t, char ret[EFI_FILE_MAX])
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct err ignored = ERR_INIT;
	unsigned i;

	if (!b || efivars_open(&vars, &ignored) < 0 || efi_boot_read(b, &vars, &ignored) < 0)
		return false;
	for (i = 0; i < b->order_count; i++) {
		const struct efi_entry *entry = efi_boot_find(b, b->order[i]);
		const struct volume *on;

		if (!entry || !entry->is_read || !(entry->option.attributes & EFI_OPTION_ACTIVE) ||
		    !*entry->option.partuuid || !*entry->option.file)
			continue;
		on = esp_find_partuuid(&t->scan, entry->option.partuuid);
		if (!on)
			continue; /* a disk that is gone: the firmware passes it over as well */
		if (on->disk != t->boot_disk)
			return false;
		memcpy(ret, entry->option.file, EFI_FILE_MAX);
		return true;
	}
	return false;
}

bool status_reader_look(const struct target *t, struct bootview *ret)
{
	char file[EFI_FILE_MAX];
	struct bootview_options o = { .uefi = t->is_uefi };
	struct err e = ERR_INIT;

	if (t->is_uefi && !find_efi_file(t, file))
		return false;
	if (t->is_uefi)
		o.efi_path = file;
	if (bootview_look(ret, t->scan.disks[t->boot_disk].path, &o, &e) == 0)
		return true;
	log_warn("status: the disk was not read as its loader does: %s", e.ctx[0]);
	return false;
}

void status_reader_add(const struct target *t, struct err *e)
{
	struct bootview b;

	if (!status_reader_look(t, &b))
		return;
	if (b.starts == BOOT_OLD || b.starts == BOOT_RESCUE || b.starts == BOOT_CLONE)
		err_ctx(e,
			"telling the state; as a loader reads the disk, the next boot starts the "
			"%s",
			b.starts == BOOT_OLD ? "old system" : boot_outcome_name(b.starts));
	else
		err_ctx(e, "telling the state; what the next boot starts cannot be told either: %s",
			b.why);
	bootview_done(&b);
}
