/* SPDX-License-Identifier: MIT */
/*
 * What the firmware and its partition were before the first change of ours: a JSON file, saved with a checksum in J.
 */
#pragma once

#include "base/err.h"
#include "base/root.h"
#include "disk/efivars.h"
#include "job/esp.h"
#include "job/record.h"

#define SAVED_EFI REHOST_DIR "/saved/efi" /* on the root file system */

struct efi_state {
	char esp[37];			 /* partition id of the ESP */
	uint16_t order[EFI_ENTRIES_MAX]; /* BootOrder */
	unsigned order_count;
	bool has_old; /* what the old order started: entry, file, partition */
	uint16_t old_number;
	char old_file[EFI_FILE_MAX]; /* "\EFI\debian\shimx64.efi" */
	char old_esp[37];
	bool has_removable;   /* \EFI\BOOT\BOOTX64.EFI was there */
	char removable[65];   /* its SHA-256, where the private loader takes its place; "" else */
	char vendor[64];      /* folder of the clone's loader in \EFI; "" not known yet */
	char loader[64];      /* file in it that is started */
	char vendor_hash[65]; /* of the GRUB in that folder as it was; "" it was not there */
	bool has_stub;	      /* its grub.cfg was there and had to change */
	char *stub;	      /* content before; NULL when it was not there */
};

void efi_state_done(struct efi_state *s);
#define cleanup_efi_state __attribute__((cleanup(efi_state_done)))

/* Of this machine now: firmware variables and ESP. The clone's part stays empty. Writes nothing. */
int efi_state_take(struct efi_state *ret, const struct efivars *vars, const struct volume *v,
		   const struct root *esp, struct err *e) must_check;

/* Writes path on fs, durable. ret_hex and ret_bytes (may be NULL): SHA-256 and length, for J. */
int efi_state_store(const struct efi_state *s, const struct root *fs, const char *path,
		    char *ret_hex, uint64_t *ret_bytes, struct err *e) must_check;
/* hex NULL: unchecked. A damaged file is ERR_ESP. */
int efi_state_load(struct efi_state *ret, const struct root *fs, const char *path, const char *hex,
		   struct err *e) must_check;

/* Pure parts, for tests and fuzzing. */
int efi_state_encode(const struct efi_state *s, struct strbuf *out, struct err *e) must_check;
int efi_state_decode(struct efi_state *ret, const char *text, size_t len, struct err *e) must_check;

/*
 * Whether a stub configuration (the grub.cfg beside a signed GRUB) leads to the same file system and prefix as
 * another: "search.fs_uuid UUID root ..." and "set prefix=($root)'PATH'", hints aside.
 */
bool efi_stub_is_same(const char *a, const char *b);
/* The file system that such a configuration leads to. False: it names none. */
bool efi_stub_uuid(const char *text, char *ret, size_t size);
