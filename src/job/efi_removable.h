/* SPDX-License-Identifier: MIT */
/*
 * \EFI\BOOT\BOOTX64.EFI, what firmware starts that holds no boot entry, or has forgotten it. It is changed by exchanging it with a
 * file beside it: one write of one sector in the rescue (disk/fatswap), the kernel's RENAME_EXCHANGE where the partition is
 * mounted (the running clone), so that a power cut never leaves the path without a whole program.
 */
#pragma once

#include "base/err.h"
#include "job/esp.h"

#define EFI_REMOVABLE_DIR "EFI/BOOT"
#define EFI_REMOVABLE EFI_REMOVABLE_DIR "/BOOTX64.EFI"
/* Holds what was at the path before, while the private loader is there. A short name: one directory entry. */
#define EFI_SPARE EFI_REMOVABLE_DIR "/REHOST.EFI"
/* shim's: starts what it finds in the vendors' folders. */
#define EFI_FALLBACK EFI_REMOVABLE_DIR "/fbx64.efi"

/*
 * Makes the program at the path this one; then EFI_SPARE holds what was there. It is so already: nothing is done. On a FAT where
 * the two entries do not lie in one sector nothing is changed: ERR_ESP.
 */
int efi_removable_set(const struct volume *v, const struct strbuf *program,
		      struct err *e) must_check;
/*
 * What EFI_SPARE holds comes back, when the path holds ours and the spare old (SHA-256). Something else there: somebody put a
 * newer one there since, which stays. Then the spare goes. Idempotent.
 */
int efi_removable_give_back(const struct volume *v, const char *old, const char *ours,
			    struct err *e) must_check;
