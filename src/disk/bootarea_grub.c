/* SPDX-License-Identifier: MIT */
/*
 * Making GRUB's two files start from where they lie. Every number below is a field that boot.img or core.img keeps
 * for the installer to fill in; they have been the same since GRUB 1.98.
 */
#include <string.h>

#include "disk/bootarea.h"
#include "base/bytes.h"

#define SECTOR 512u

/* boot.img */
#define BPB_START 0x03 /* kept: a FAT's parameters, or nothing of value */
#define BPB_END 0x5a
#define KERNEL_SECTOR 0x5c /* 8 bytes: where core.img begins */
#define BOOT_DRIVE 0x64	   /* 0xff: the drive the BIOS says */
#define DRIVE_CHECK 0x66   /* a jump over the work-around for BIOSes that pass a wrong drive */
#define NT_MAGIC 0x1b8	   /* kept from here: disk signature, then the partition table */
#define PART_END 0x1fe

/* The first sector of core.img loads the rest by a list that grows downwards from its end. */
#define LIST_FIRST (SECTOR - 12)
#define LIST_LOWEST (SECTOR - 12 * 16)
#define LOAD_SEGMENT 0x820 /* 0x800 for the first sector, then 512 bytes on */

/* Its second sector. */
#define RS_REDUNDANCY (SECTOR + 0x10) /* bytes of Reed-Solomon codes behind the image; 0: none */
#define NO_RS_LENGTH (SECTOR + 0x14)
#define CORE_MAX_SECTORS ((0x78000u - 0x8000u) / SECTOR)

static int check_images(const uint8_t *boot, size_t boot_len, const uint8_t *core, size_t core_len,
			struct err *e)
{
	if (boot_len != SECTOR || boot[510] != 0x55 || boot[511] != 0xaa || boot[0] != 0xeb ||
	    !memmem(boot, SECTOR, "GRUB ", 5))
		return err_set(e, ERR_BOOT_IMAGE, 0, "boot.img is not GRUB's boot sector");
	if (core_len < 2 * SECTOR + 1)
		return err_set(e, ERR_BOOT_IMAGE, 0, "core.img has only %zu bytes", core_len);
	if (core_len > (size_t)CORE_MAX_SECTORS * SECTOR)
		return err_set(e, ERR_CORE_TOO_LARGE, 0,
			       "core.img has %zu bytes, more than GRUB can load", core_len);
	if (get_le16(core + LIST_FIRST + 10) != LOAD_SEGMENT ||
	    get_le16(core + NO_RS_LENGTH) == 0xffff)
		return err_set(e, ERR_BOOT_IMAGE, 0, "core.img is not GRUB's for BIOS machines");
	return 0;
}

/* One run of sectors: the embedding area has no holes. */
static void set_block_list(uint8_t *core, uint64_t first_lba, uint64_t sectors)
{
	unsigned at;

	for (at = LIST_FIRST; at >= LIST_LOWEST && get_le16(core + at + 8) != 0; at -= 12)
		memset(core + at, 0, 12);
	put_le64(core + LIST_FIRST, first_lba + 1);
	put_le16(core + LIST_FIRST + 8, (uint16_t)(sectors - 1));
	put_le16(core + LIST_FIRST + 10, LOAD_SEGMENT);
	memset(core + LIST_FIRST - 12, 0, 12); /* the list's end */
}

int bootarea_make_core(struct strbuf *ret, const void *boot_img, size_t boot_len,
		       const void *core_img, size_t core_len, uint64_t lba, struct err *e)
{
	uint64_t sectors = (core_len + SECTOR - 1) / SECTOR;
	static const char zeros[SECTOR];

	if (check_images(boot_img, boot_len, core_img, core_len, e) < 0)
		return -1;
	strbuf_add(ret, core_img, core_len);
	strbuf_add(ret, zeros, sectors * SECTOR - core_len);
	if (ret->failed)
		return err_set(e, ERR_NOMEM, 0, "core.img");
	set_block_list((uint8_t *)ret->data, lba, sectors);
	put_le32((uint8_t *)ret->data + RS_REDUNDANCY, 0);
	return 0;
}

uint64_t bootarea_core_lba(const struct strbuf *core)
{
	const uint8_t *list = (const uint8_t *)core->data + LIST_FIRST;
	uint64_t lba;

	if (core->len < 2 * SECTOR || core->len % SECTOR)
		return 0;
	lba = get_le64(list);
	return lba > 1 && get_le16(list + 8) == core->len / SECTOR - 1 ? lba - 1 : 0;
}

uint64_t bootarea_sector0_lba(const void *sector0)
{
	return memmem(sector0, SECTOR, "GRUB ", 5)
		       ? get_le64((const uint8_t *)sector0 + KERNEL_SECTOR)
		       : 0;
}

void bootarea_point_sector0(struct bootarea *a, const void *boot_img, uint64_t lba)
{
	uint8_t *sector0 = (uint8_t *)a->sector0.data;
	uint8_t boot[SECTOR];

	memcpy(boot, boot_img, SECTOR);
	memcpy(boot + BPB_START, sector0 + BPB_START, BPB_END - BPB_START);
	memcpy(boot + NT_MAGIC, sector0 + NT_MAGIC, PART_END - NT_MAGIC);
	put_le64(boot + KERNEL_SECTOR, lba);
	boot[BOOT_DRIVE] = 0xff;
	boot[DRIVE_CHECK] = boot[DRIVE_CHECK + 1] = 0x90; /* two no-operations: hard disks only */
	memcpy(sector0, boot, SECTOR);
}

/* First sector behind the core that sector 0 starts, when that is a GRUB in this area. */
static uint64_t used_end(const struct bootarea *a, uint64_t own_lba)
{
	uint64_t lba = bootarea_sector0_lba(a->sector0.data), end;
	const uint8_t *list;

	if (lba < a->embed_lba || lba - a->embed_lba >= a->embed_sectors || lba == own_lba)
		return a->embed_lba;
	list = (const uint8_t *)a->embed.data + (lba - a->embed_lba) * SECTOR + LIST_FIRST;
	end = lba + 1 + get_le16(list + 8);
	return end;
}

static bool may_overwrite(const struct bootarea *a, uint64_t lba, const struct strbuf *own,
			  uint64_t own_lba)
{
	static const char zeros[SECTOR];
	const char *now = a->embed.data + (lba - a->embed_lba) * SECTOR;

	if (memcmp(now, zeros, SECTOR) == 0)
		return true;
	return own_lba && lba >= own_lba && lba - own_lba < own->len / SECTOR &&
	       memcmp(now, own->data + (lba - own_lba) * SECTOR, SECTOR) == 0;
}

int bootarea_find_room(const struct bootarea *a, uint64_t sectors, const struct strbuf *own,
		       uint64_t *ret_lba, struct err *e)
{
	uint64_t own_lba = own ? bootarea_core_lba(own) : 0;
	uint64_t lba = a->embed_lba + a->embed_sectors, end = used_end(a, own_lba), run = 0;

	while (lba > end && run < sectors) {
		lba--;
		run = may_overwrite(a, lba, own, own_lba) ? run + 1 : 0;
	}
	if (sectors == 0 || run < sectors)
		return err_set(
			e, ERR_NO_EMBED, 0,
			"no %llu empty sectors in a row behind the boot loader that is there "
			"(sectors %llu to %llu)",
			(unsigned long long)sectors, (unsigned long long)a->embed_lba,
			(unsigned long long)(a->embed_lba + a->embed_sectors - 1));
	*ret_lba = lba;
	return 0;
}

int bootarea_embed_grub(struct bootarea *a, const void *boot_img, size_t boot_len,
			const void *core_img, size_t core_len, struct err *e)
{
	struct strbuf core cleanup_strbuf = STRBUF_INIT;

	if (bootarea_make_core(&core, boot_img, boot_len, core_img, core_len, a->embed_lba, e) < 0)
		return -1;
	if (core.len > a->embed.len)
		return err_set(e, ERR_CORE_TOO_LARGE, 0,
			       "core.img needs %zu sectors, the disk has room for %llu",
			       core.len / SECTOR, (unsigned long long)a->embed_sectors);
	bootarea_point_sector0(a, boot_img, a->embed_lba);
	memcpy(a->embed.data, core.data, core.len);
	return 0;
}
