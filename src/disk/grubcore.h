/* SPDX-License-Identifier: MIT */
/*
 * GRUB's way from sector 0 to its own core on a BIOS disk, and what the core carries: the prefix it looks for its menu
 * with and its embedded configuration. Facts: GRUB 2.06 include/grub/offsets.h (fields of boot.img, diskboot.img and
 * the decompressor), include/grub/kernel.h (module area), util/mkimage.c (order of the parts, LZMA without header,
 * lc 3, lp 0, pb 2, 64 KiB dictionary).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "disk/rawdisk.h"

#define GRUB_CORE_MAX_BYTES ((size_t)480 * 1024) /* GRUB loads no more below 640 KiB */

struct grub_core {
	uint64_t lba;	       /* of the first sector; 0: read from a file */
	size_t sectors;	       /* by its own list, the first one included */
	struct strbuf bytes;   /* as they lie */
	bool is_decoded;       /* the fields below could be read */
	char *prefix;	       /* "(,msdos1)/boot/grub"; NULL: none */
	char *config;	       /* the embedded configuration's text; NULL: none */
	struct strbuf memdisk; /* the embedded archive; empty: none */
};

/* The sector that sector 0 jumps to. ERR_GRUB_CORE: it is not GRUB's boot.img. sector0 has 512 bytes. */
int grub_core_locate(const uint8_t *sector0, uint64_t *ret_lba, struct err *e) must_check;

/*
 * Reads the core beginning at a sector by its block list, and decodes it. A list that leads outside the disk or is too
 * long is ERR_GRUB_CORE; a core that cannot be decoded is read all the same, with is_decoded false.
 */
int grub_core_read(struct grub_core *ret, const struct rawdisk *d, uint64_t lba,
		   struct err *e) must_check;

/* The same from the bytes of a core.img file. */
int grub_core_parse(struct grub_core *ret, const void *data, size_t len, struct err *e) must_check;
void grub_core_done(struct grub_core *c);

/*
 * Whether the core on the disk was made from this core.img: the same but for what an installer fills in, that is the
 * block list, the length of the error-correcting codes and what follows the image.
 */
bool grub_core_equals(const struct grub_core *c, const void *core_img, size_t len);
