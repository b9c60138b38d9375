/* SPDX-License-Identifier: MIT */
/*
 * The boot area of a BIOS disk: sector 0 and the gap before the first partition (MBR), or sector 0 and the
 * BIOS boot partition (GPT, type 21686148-6449-6E6F-744E-656564454649). Reading, and building the
 * bytes that make GRUB's boot.img and core.img start from there. Layout: GRUB's
 * include/grub/i386/pc/boot.h and util/setup.c (facts: kernel sector at 0x5c, boot drive at 0x64, drive
 * check at 0x66, BPB 0x03-0x59 and 0x1b8-0x1fd kept; first block list of core.img at 0x1f4).
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "disk/scan.h"

struct bootarea {
	uint64_t embed_lba;	/* first sector core.img may use */
	uint64_t embed_sectors; /* how many */
	struct strbuf sector0;	/* 512 bytes as read */
	struct strbuf embed;	/* the embedding area as read (at most 1 MiB) */
};

/* Reads it from an open disk (descriptor of the whole disk or an image file). */
int bootarea_read(struct bootarea *ret, int disk_fd, const struct disk_scan *scan, unsigned disk,
		  struct err *e) must_check;
void bootarea_done(struct bootarea *a);

/*
 * Replaces a->sector0 and the head of a->embed by boot.img and core.img prepared for this place;
 * partition table, disk signature and BPB are kept. core too large, or an unknown image: error.
 */
int bootarea_embed_grub(struct bootarea *a, const void *boot_img, size_t boot_len,
			const void *core_img, size_t core_len, struct err *e) must_check;

/* Writes embed area first, flushes, then sector 0, flushes, reads both back with O_DIRECT. */
int bootarea_write(const struct bootarea *a, const char *disk_path, struct err *e) must_check;

/* ---- a core at a place of its own ---- */

/* core.img prepared to lie at lba, padded to whole sectors, into an empty ret. */
int bootarea_make_core(struct strbuf *ret, const void *boot_img, size_t boot_len,
		       const void *core_img, size_t core_len, uint64_t lba,
		       struct err *e) must_check;
/* Where a prepared core is to lie; 0: this is none. */
uint64_t bootarea_core_lba(const struct strbuf *core);
/* The sector that a GRUB in these 512 bytes loads first; 0: they are no GRUB's. */
uint64_t bootarea_sector0_lba(const void *sector0);

/*
 * The highest run of sectors in the area that hold nothing: zeros, or what the prepared core own (may be NULL) has at
 * that place. Always behind the core that sector 0 starts now. ERR_NO_EMBED: there is none.
 */
int bootarea_find_room(const struct bootarea *a, uint64_t sectors, const struct strbuf *own,
		       uint64_t *ret_lba, struct err *e) must_check;

/* Makes a->sector0 start the core at lba; boot_img (512 bytes) was accepted by bootarea_make_core(). */
void bootarea_point_sector0(struct bootarea *a, const void *boot_img, uint64_t lba);

/*
 * Write some sectors inside the embedding area, or a->sector0 alone; flushed and read back with O_DIRECT. Refused when the
 * disk's partition table is not that of a.
 */
int bootarea_write_part(const struct bootarea *a, const char *disk_path, uint64_t lba,
			const struct strbuf *data, struct err *e) must_check;
int bootarea_write_sector0(const struct bootarea *a, const char *disk_path,
			   struct err *e) must_check;
