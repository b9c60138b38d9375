/* SPDX-License-Identifier: MIT */
/* Between loader_uefi.c and loader_uefi_place.c. */
#pragma once

#include "disk/efivars.h"
#include "job/esp.h"
#include "job/loader_priv.h"

/* What the old system starts from: a file system, and the program on it. */
struct old_start {
	char uuid[40];
	char path[EFI_FILE_MAX]; /* "/EFI/debian/shimx64.efi" */
};

/* Where the firmware finds the private loader. */
enum uefi_place {
	UEFI_NOWHERE,
	UEFI_ENTRY, /* by an entry of our own, first in BootOrder */
	UEFI_REMOVABLE, /* at \EFI\BOOT\BOOTX64.EFI: the firmware knows no entry for the old system and found it there */
};

struct uefi_find {
	enum uefi_place place;
	struct old_start old;
	enum loader_ask ask;
	char why[200]; /* place NOWHERE */
};

/* Looks at variables and partition. vars NULL: they are not to be had. Writes nothing. */
void uefi_find_place(struct uefi_find *ret, const struct target *t, const struct efivars *vars,
		     const struct efi_boot *b, const struct volume *v, const struct root *esp);

/* It goes into a script of GRUB's. */
bool uefi_is_uuid(const char *s);

int uefi_assess(const struct target *t, struct loader_verdict *ret, struct err *e) must_check;
