/* SPDX-License-Identifier: MIT */
#include "job/efi_flip.h"

#include <string.h>
#include <strings.h>

int efi_flip_make_entry(const struct efivars *vars, const struct efi_boot *b,
			const struct disk_scan *scan, const struct volume *v, const char *label,
			const char *file, uint16_t *ret, struct err *e)
{
	const uint32_t sector = scan->disks[v->disk].sector_bytes;
	struct efi_option o = {
		.attributes = EFI_OPTION_ACTIVE,
		.partno = v->partno,
		.start = v->start_bytes / sector,
		.sectors = v->size_bytes / sector,
	};

	snprintf(o.description, sizeof(o.description), "%s", label);
	snprintf(o.partuuid, sizeof(o.partuuid), "%s", v->partuuid);
	snprintf(o.file, sizeof(o.file), "%s", file);
	return efi_entry_make(vars, b, &o, ret, e);
}

void efi_flip_add(struct efi_flip *o, uint16_t number)
{
	unsigned i;

	for (i = 0; i < o->count; i++)
		if (o->items[i] == number)
			return;
	if (o->count < EFI_ENTRIES_MAX)
		o->items[o->count++] = number;
}

bool efi_flip_is_ours(const struct efi_boot *b, uint16_t number)
{
	const struct efi_entry *entry = efi_boot_find(b, number);

	return entry && entry->is_read &&
	       strncasecmp(entry->option.file, ESP_OWN_PREFIX, strlen(ESP_OWN_PREFIX)) == 0;
}

int efi_flip_to(const struct disk_scan *scan, const struct volume *v, const char *label,
		const char *file, struct err *e)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct efi_flip order = { .count = 0 };
	uint16_t number;
	unsigned i;

	if (!b)
		return err_set(e, ERR_NOMEM, 0, "boot entries");
	if (efivars_open(&vars, e) < 0 || efi_boot_read(b, &vars, e) < 0 ||
	    efi_flip_make_entry(&vars, b, scan, v, label, file, &number, e) < 0)
		return -1;
	efi_flip_add(&order, number);
	for (i = 0; i < b->order_count; i++)
		efi_flip_add(&order, b->order[i]);
	return efi_order_write(&vars, order.items, order.count, e);
}

int efi_flip_back(const struct efi_state *s, const char *prefix, struct err *e)
{
	struct efivars vars cleanup_efivars = EFIVARS_INIT;
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	struct efi_flip order = { .count = 0 };
	unsigned i;

	if (!b)
		return err_set(e, ERR_NOMEM, 0, "boot entries");
	if (efivars_open(&vars, e) < 0 || efi_boot_read(b, &vars, e) < 0)
		return -1;
	for (i = 0; i < s->order_count; i++)
		if (!efi_flip_is_ours(b, s->order[i]))
			efi_flip_add(&order, s->order[i]);
	for (i = 0; i < b->order_count; i++)
		if (!efi_flip_is_ours(b, b->order[i]))
			efi_flip_add(&order, b->order[i]);
	if (efi_order_write(&vars, order.items, order.count, e) < 0)
		return -1;
	for (i = 0; i < b->entry_count; i++)
		if (b->entries[i].is_read &&
		    strncasecmp(b->entries[i].option.file, prefix, strlen(prefix)) == 0 &&
		    efi_entry_remove(&vars, b->entries[i].number, e) < 0)
			return -1;
	return 0;
}
