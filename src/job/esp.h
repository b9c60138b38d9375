/* SPDX-License-Identifier: MIT */
/*
 * The EFI system partition of the target. It is mounted at run_dir()/esp only while it is worked on: FAT has no journal. Where
 * the running system has it mounted, that mount is used.
 */
#pragma once

#include "base/err.h"
#include "base/root.h"
#include "job/target.h"

#define ESP_TYPE "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" /* UEFI 2.10, 5.3.3 */

/*
 * The one that belongs to the target: vfat that its fstab mounts at /boot/efi, /efi or /boot; else the only vfat with
 * the type of an ESP on the boot disk, else on any disk. NULL: none, or several.
 */
const struct volume *esp_find(const struct target *t);
/* By partition id, as it was written down. NULL: not here. */
const struct volume *esp_find_partuuid(const struct disk_scan *scan, const char *partuuid);

struct esp {
	struct root root;
	char at[256];
	bool is_ours; /* mounted by us */
};

#define ESP_INIT ((struct esp){ .root = ROOT_INIT })
#define cleanup_esp __attribute__((cleanup(esp_drop)))

int esp_open(struct esp *ret, const struct volume *v, bool writable, struct err *e) must_check;
/* Written out and unmounted. An error means that what was written may not be there. */
int esp_close(struct esp *esp, struct err *e) must_check;
/* For cleanup: closes, a failure goes to the log. */
void esp_drop(struct esp *esp);

#define ESP_FILES_MAX 64
#define ESP_FILE_MAX (16u << 20)

/*
 * Makes every plain file of the folder from_dir on from lie in to_dir on to with the same content; files that are the same
 * already are not written. What else is in to_dir stays. Sub-folders are not followed.
 */
int esp_copy_folder(const struct root *from, const char *from_dir, const struct root *to,
		    const char *to_dir, struct err *e) must_check;
/* Fails unless to_dir holds every file of from_dir with the same content. */
int esp_compare_folder(const struct root *from, const char *from_dir, const struct root *to,
		       const char *to_dir, struct err *e) must_check;
/* SHA-256 as hex over names and contents of the plain files, in order of their names; and their bytes. */
int esp_hash_folder(const struct root *r, const char *dir, char *ret_hex, uint64_t *ret_bytes,
		    struct err *e) must_check;
/* SHA-256 of a file as hex, "" when there is none. */
int esp_hash_file(const struct root *r, const char *path, char *ret_hex, struct err *e) must_check;
/* One file, unless it holds just that. */
int esp_write_file(const struct root *r, const char *path, const void *data, size_t len,
		   struct err *e) must_check;
