/* SPDX-License-Identifier: MIT */
/*
 * Load options: what a UEFI boot entry (variable Boot####) holds. Pure. Layout: UEFI specification 2.10, sections 3.1.3
 * (EFI_LOAD_OPTION) and 10.3 (device paths; hard drive node 10.3.5.1, file path node 10.3.5.4).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define EFI_OPTION_ACTIVE 1u
#define EFI_OPTION_MAX 4096 /* bytes of a load option; longer ones are refused */
#define EFI_FILE_MAX 256

struct efi_option {
	uint32_t attributes;
	char description[128]; /* UTF-8, control bytes as '?'; a longer one is cut */
	/* of the first hard drive node; partuuid "" when there is none or the disk has no GPT */
	char partuuid[37]; /* lower case, as blkid prints it */
	uint32_t partno;
	uint64_t start, sectors; /* of the partition, in logical sectors */
	char file[EFI_FILE_MAX]; /* "\EFI\debian\shimx64.efi"; "" when the path ends in no file */
};

/* A damaged option, or one with a text that does not fit: ERR_EFI_OPTION. */
int efi_option_parse(struct efi_option *ret, const void *data, size_t len,
		     struct err *e) must_check;

/* The bytes of an option for a file on a GPT partition. The description and file must be ASCII. */
int efi_option_make(struct strbuf *out, const struct efi_option *o, struct err *e) must_check;

/*
 * A file's path with '/' between the names. False for one that is relative, has "." or ".." in it, or bytes other than
 * letters, digits and "._-+~": it goes into a script of GRUB's.
 */
bool efi_file_to_path(const char *file, char *buf, size_t size);

/* Number of a variable "BootXXXX" (upper case hex); -1: another name. */
int efi_boot_number(const char *name);
