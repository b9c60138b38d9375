/* SPDX-License-Identifier: MIT */
/*
 * Boot entries of our own and the order of all of them. What the firmware starts changes by one write of BootOrder (the flip), in
 * both directions; entries are made before it and removed after it.
 */
#pragma once

#include "base/err.h"
#include "disk/scan.h"
#include "job/efi_state.h"

#define ESP_OWN_PREFIX "\\EFI\\rehost" /* of the files of all our boot entries */

struct efi_flip {
	uint16_t items[EFI_ENTRIES_MAX];
	unsigned count;
};

/* At the end, unless it is in already. */
void efi_flip_add(struct efi_flip *o, uint16_t number);
bool efi_flip_is_ours(const struct efi_boot *b, uint16_t number);

/* An entry for a file on the ESP v; the one for just that file is taken. */
int efi_flip_make_entry(const struct efivars *vars, const struct efi_boot *b,
			const struct disk_scan *scan, const struct volume *v, const char *label,
			const char *file, uint16_t *ret, struct err *e) must_check;

/* An entry for the file, before all that were. */
int efi_flip_to(const struct disk_scan *scan, const struct volume *v, const char *label,
		const char *file, struct err *e) must_check;
/* The order of s, then what is new since; the entries whose files begin with prefix (ESP_OWN_PREFIX or longer) go. */
int efi_flip_back(const struct efi_state *s, const char *prefix, struct err *e) must_check;
