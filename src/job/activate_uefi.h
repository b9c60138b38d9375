/* SPDX-License-Identifier: MIT */
/*
 * The clone's loader on a UEFI target. While the clone is on trial its files lie in a folder of their own on the ESP; what
 * the old system put there stays. release makes them final. The firmware is told by an entry of ours and one write of BootOrder;
 * with a private loader in between (job/loader.h) that entry is the private loader's, and this code leaves the order alone.
 */
#pragma once

#include "base/err.h"
#include "job/efi_state.h"
#include "job/record.h"
#include "job/target.h"
#include "rewrite/facts.h"

/* What grub-install made in the clone, to be put on the ESP (rewrite/plan_boot_efi.c). */
#define CLONE_EFI_DIR REWRITE_ESP_DIR "/EFI"
#define ESP_CLONE_DIR "EFI/rehost-clone"
/* The private loader's folder (job/loader_uefi.c), and what the firmware starts in it. */
#define ESP_LOADER_DIR "EFI/rehost"
#define ESP_LOADER_FILE "\\EFI\\rehost\\shimx64.efi"
/*
 * gcdx64 takes the first medium that holds /.disk/info for its own, unless its prefix is there: an empty folder on the ESP.
 * The mark in our folder says that it is ours to remove.
 */
#define ESP_GRUB_DIR "boot/grub"
#define ESP_GRUB_CFG \
	ESP_GRUB_DIR "/grub.cfg" /* ours only where the loader is at the removable path */
#define ESP_GRUB_MARK ESP_LOADER_DIR "/made-boot-grub"
/* efi_state of this migration, on the file system that holds the target's /boot. */
#define EFI_STATE_PATH REHOST_DIR "/boot/efi"

/* The file system of EFI_STATE_PATH: that of /boot, else the root. */
const struct root *activate_uefi_fs(const struct target *t);

/* As activate_prepare(), activate_write() and activate_restore(). */
int activate_uefi_prepare(const struct target *t, struct record *r, struct err *e) must_check;
int activate_uefi_write(const struct target *t, const struct record *r, struct err *e) must_check;
int activate_uefi_restore(const struct target *t, const struct record *r, struct err *e) must_check;

/*
 * Release: the clone's files become those of the vendor's folder (and of \EFI\BOOT, where the old system had a loader
 * there), with an entry of their own at the head of BootOrder, unless the firmware starts \EFI\BOOT; the old system's entry, its
 * folder and all of ours go. Folders of other systems stay, and notes names them. In the rescue and in the running clone; fs is the
 * file system of EFI_STATE_PATH. Without that file nothing is to be done. Idempotent.
 */
int activate_uefi_finish(const struct root *fs, struct strlist *notes, struct err *e) must_check;

/* The private loader's folder, and what was made for it, off the ESP. Absence is success. */
int activate_uefi_remove_loader(const struct root *esp, struct err *e) must_check;

/* The folder and the file in it that the firmware starts, of what grub-install made below efi. */
int activate_uefi_find_loader(const struct root *efi, char *vendor, size_t vendor_size,
			      char *loader, size_t loader_size, struct err *e) must_check;

/* activate_uefi_finish() on disks that are known; for tests. */
int activate_uefi_finish_on(const struct disk_scan *scan, const struct root *fs,
			    struct strlist *notes, struct err *e) must_check;
