/* SPDX-License-Identifier: MIT */
/*
 * Boot variables of UEFI firmware through efivarfs: a file NAME-GUID holds four bytes of attributes and the value, is
 * immutable until told otherwise, and is written by one write(2) (the kernel's Documentation/filesystems/efivarfs.rst).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/root.h"
#include "disk/efi_option.h"

#define EFI_ENTRIES_MAX 128
#define EFI_NAME_LEN 9 /* "Boot0001" and its end */

struct efivars {
	struct root dir;
	bool is_writable; /* the kernel lets variables be written */
};

#define EFIVARS_INIT ((struct efivars){ .dir = ROOT_INIT })
#define cleanup_efivars __attribute__((cleanup(efivars_close)))

/* Whether this machine was started by UEFI. */
bool efivars_present(void);
/*
 * Opens the variables, mounting efivarfs in the run folder where the system has not. ERR_EFI_VARS: there are none. For
 * tests the environment variable REHOST_EFIVARS names a plain folder instead.
 */
int efivars_open(struct efivars *ret, struct err *e) must_check;
void efivars_close(struct efivars *v);

/* The value of a global variable ("BootOrder"). 1: read; 0: absent; -1. attributes may be NULL. */
int efivar_read(const struct efivars *v, const char *name, struct strbuf *ret, uint32_t *attributes,
		struct err *e) must_check;
/* Writes unless it holds just that, and reads it back. ERR_EFI_VARS. */
int efivar_write(const struct efivars *v, const char *name, const void *data, size_t len,
		 struct err *e) must_check;
/* Absence is success. */
int efivar_remove(const struct efivars *v, const char *name, struct err *e) must_check;

/*
 * Whether the Secure Boot database (db) holds the authority by which Microsoft signs shims. Who revoked it again (dbx) is not looked
 * at.
 */
bool efivars_trusts_microsoft(const struct efivars *v);
/* The program carries that authority's name: it was signed below it. Its signature is not checked. */
bool efi_is_signed_by_microsoft(const void *program, size_t len);

struct efi_entry {
	uint16_t number;
	bool is_read; /* option is filled in; firmware of some makers writes what nobody can read */
	struct efi_option option;
};

struct efi_boot {
	uint16_t order[EFI_ENTRIES_MAX];
	unsigned order_count;
	struct efi_entry entries[EFI_ENTRIES_MAX]; /* by number */
	unsigned entry_count;
	int current;	  /* what this start came from, -1: not told */
	bool is_volatile; /* BootOrder is there and does not outlive a power cut */
	bool is_secure;	  /* Secure Boot is enforced */
};

int efi_boot_read(struct efi_boot *ret, const struct efivars *v, struct err *e) must_check;
const struct efi_entry *efi_boot_find(const struct efi_boot *b, unsigned number);
/* The first entry of the order that is there, active, and not the one for a file below except; NULL: none. */
const struct efi_entry *efi_boot_first(const struct efi_boot *b, const char *except);
/* The entry for this file (letters of either case) on this partition, or NULL. */
const struct efi_entry *efi_boot_find_file(const struct efi_boot *b, const char *partuuid,
					   const char *file);

/* Writes BootOrder: one write of one variable. */
int efi_order_write(const struct efivars *v, const uint16_t *order, unsigned count,
		    struct err *e) must_check;
/* Makes an entry under the lowest free number, or takes the one that is just so. */
int efi_entry_make(const struct efivars *v, const struct efi_boot *b, const struct efi_option *o,
		   uint16_t *ret, struct err *e) must_check;
int efi_entry_remove(const struct efivars *v, uint16_t number, struct err *e) must_check;
