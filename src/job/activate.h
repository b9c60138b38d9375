/* SPDX-License-Identifier: MIT */
/*
 * The boot area of a BIOS target during the switch: saved, replaced by the clone's own GRUB, put back. The only code of job
 * that writes outside file systems. A UEFI target is handed on to job/activate_uefi.h.
 *
 * /.rehost/saved/bootarea: "REHOSTB1", then little endian u64: first sector of the embedding area, its sectors,
 * bytes of it that follow; sector 0 (512 bytes); the area. J holds length and SHA-256 of the whole.
 */
#pragma once

#include "base/err.h"
#include "job/record.h"
#include "job/target.h"

#define SAVED_BOOT_AREA REHOST_DIR "/saved/bootarea"

/*
 * Before the exchange: saves the boot area of the target's disk, durable, and proves that the clone's boot.img and core.img
 * (from the stage) fit. Fills the boot fields of r.
 */
int activate_prepare(const struct target *t, struct record *r, struct err *e) must_check;

/* After the exchange: writes the clone's, from the live root; it must be what activate_prepare saw. */
int activate_write(const struct target *t, const struct record *r, struct err *e) must_check;

/* When J knows a partition table id, the disk must still carry it: ERR_BOOT_AREA. */
int activate_check_disk(const struct disk *disk, const struct record *r, struct err *e) must_check;

/* Puts the saved boot area back; the partition table of now is kept. Nothing saved: nothing done. */
int activate_restore(const struct target *t, const struct record *r, struct err *e) must_check;
