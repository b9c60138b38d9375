/* SPDX-License-Identifier: MIT */
#include "disk/bootarea.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/bytes.h"

#define SECTOR 512u
#define EMBED_MAX_SECTORS 2048u /* 1 MiB: more than any core image may have */

/* UEFI 2.10, 5.2.3 and 5.3: table of partitions. */
#define GPT_ENTRY_MIN 128u
#define GPT_ENTRIES_MAX_BYTES (1024u * 1024)

/* GUID 21686148-6449-6E6F-744E-656564454649 as it lies on the disk. */
static const uint8_t bios_boot_type[16] = "Hah!IdontNeedEFI";

struct span {
	uint64_t first, sectors;
};

static uint32_t crc32_of(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffffu;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static int disk_sectors(int fd, uint64_t *ret, struct err *e)
{
	struct stat st;
	uint64_t bytes;

	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_DISK_READ, errno, "size of the disk");
	if (S_ISREG(st.st_mode))
		bytes = (uint64_t)st.st_size;
	else if (ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		return err_set(e, ERR_DISK_READ, errno, "size of the disk");
	*ret = bytes / SECTOR;
	return 0;
}

static int read_sectors(int fd, uint64_t lba, void *buf, uint64_t sectors, struct err *e)
{
	size_t want = (size_t)sectors * SECTOR;
	ssize_t n = pread_full(fd, buf, want, (off_t)(lba * SECTOR));

	if (n < 0 || (size_t)n != want)
		return err_set(e, ERR_DISK_READ, n < 0 ? errno : EIO, "sectors %llu to %llu",
			       (unsigned long long)lba, (unsigned long long)(lba + sectors - 1));
	return 0;
}

/* The four entries of the MBR: the gap ends where the first partition begins. */
static int find_mbr_gap(const uint8_t *mbr, uint64_t total, struct span *ret, struct err *e)
{
	uint64_t first = UINT64_MAX;
	int i;

	for (i = 0; i < 4; i++) {
		const uint8_t *p = mbr + 0x1be + 16 * i;
		uint64_t start = get_le32(p + 8), count = get_le32(p + 12);

		if (p[4] == 0 || count == 0)
			continue;
		if (start >= total)
			return err_set(e, ERR_TABLE, 0,
				       "partition %d begins behind the end of the disk", i + 1);
		if (start < first)
			first = start;
	}
	if (first == UINT64_MAX)
		return err_set(e, ERR_NO_EMBED, 0, "the partition table is empty");
	if (first <= 1)
		return err_set(e, ERR_NO_EMBED, 0,
			       "there is no gap between sector 0 and the first partition");
	ret->first = 1;
	ret->sectors = first - 1;
	return 0;
}

static bool mbr_is_protective(const uint8_t *mbr)
{
	for (int i = 0; i < 4; i++) {
		if (mbr[0x1be + 16 * i + 4] == 0xee)
			return true;
	}
	return false;
}

struct gpt {
	uint64_t first_usable, last_usable, entries_lba;
	uint32_t entries, entry_bytes, entries_crc;
};

static int read_gpt_header(int fd, uint64_t total, struct gpt *ret, struct err *e)
{
	uint8_t h[SECTOR];
	uint32_t len, crc;

	if (read_sectors(fd, 1, h, 1, e) < 0)
		return -1;
	len = get_le32(h + 12);
	if (memcmp(h, "EFI PART", 8) != 0 || len < 92 || len > SECTOR)
		return err_set(e, ERR_TABLE, 0, "the primary GPT header is missing");
	crc = get_le32(h + 16);
	put_le32(h + 16, 0);
	if (crc32_of(h, len) != crc || get_le64(h + 24) != 1)
		return err_set(e, ERR_TABLE, 0, "the primary GPT header is damaged");
	ret->first_usable = get_le64(h + 40);
	ret->last_usable = get_le64(h + 48);
	ret->entries_lba = get_le64(h + 72);
	ret->entries = get_le32(h + 80);
	ret->entry_bytes = get_le32(h + 84);
	ret->entries_crc = get_le32(h + 88);
	if (ret->entry_bytes < GPT_ENTRY_MIN || ret->entry_bytes % GPT_ENTRY_MIN ||
	    ret->entries == 0 || ret->entries > GPT_ENTRIES_MAX_BYTES / ret->entry_bytes ||
	    ret->first_usable > ret->last_usable || ret->last_usable >= total ||
	    ret->entries_lba < 2 || ret->entries_lba >= total)
		return err_set(e, ERR_TABLE, 0, "the primary GPT header has impossible numbers");
	return 0;
}

/* Entry n as a span; false when unused. */
static bool gpt_span(const struct gpt *g, const uint8_t *table, uint32_t n, struct span *ret)
{
	static const uint8_t unused[16];
	const uint8_t *p = table + (size_t)n * g->entry_bytes;
	uint64_t first = get_le64(p + 32), last = get_le64(p + 40);

	if (memcmp(p, unused, 16) == 0)
		return false;
	ret->first = first;
	ret->sectors = last >= first && last - first < UINT64_MAX ? last - first + 1 : 0;
	return true;
}

static int pick_bios_boot(const struct gpt *g, const uint8_t *table, struct span *ret,
			  struct err *e)
{
	uint32_t chosen = UINT32_MAX, i;
	struct span s;

	for (i = 0; i < g->entries && chosen == UINT32_MAX; i++) {
		if (memcmp(table + (size_t)i * g->entry_bytes, bios_boot_type, 16) == 0)
			chosen = i;
	}
	if (chosen == UINT32_MAX)
		return err_set(e, ERR_NO_EMBED, 0, "the GPT has no BIOS boot partition");
	gpt_span(g, table, chosen, ret);
	if (ret->sectors == 0 || ret->first < g->first_usable || ret->first > g->last_usable ||
	    ret->sectors - 1 > g->last_usable - ret->first)
		return err_set(e, ERR_TABLE, 0, "the BIOS boot partition is outside the disk");
	for (i = 0; i < g->entries; i++) {
		if (i == chosen || !gpt_span(g, table, i, &s) || s.sectors == 0)
			continue;
		if (s.first < ret->first + ret->sectors &&
		    (s.first >= ret->first || s.sectors > ret->first - s.first))
			return err_set(e, ERR_TABLE, 0,
				       "the BIOS boot partition overlaps partition %u", i + 1);
	}
	return 0;
}

static int find_bios_boot(int fd, uint64_t total, struct span *ret, struct err *e)
{
	uint8_t *table cleanup_free = NULL;
	struct gpt g = { 0 };
	uint64_t sectors;
	size_t bytes;

	if (read_gpt_header(fd, total, &g, e) < 0)
		return -1;
	bytes = (size_t)g.entries * g.entry_bytes;
	sectors = (bytes + SECTOR - 1) / SECTOR;
	if (sectors > total - g.entries_lba)
		return err_set(e, ERR_TABLE, 0, "the GPT's entries are outside the disk");
	table = malloc(sectors * SECTOR);
	if (!table)
		return err_set(e, ERR_NOMEM, 0, "partition table");
	if (read_sectors(fd, g.entries_lba, table, sectors, e) < 0)
		return -1;
	if (crc32_of(table, bytes) != g.entries_crc)
		return err_set(e, ERR_TABLE, 0, "the GPT's entries are damaged");
	return pick_bios_boot(&g, table, ret, e);
}

int bootarea_read(struct bootarea *ret, int disk_fd, const struct disk_scan *scan, unsigned disk,
		  struct err *e)
{
	uint8_t mbr[SECTOR], *area cleanup_free = NULL;
	struct span place = { 0, 0 };
	uint64_t total = 0;
	int rc;

	*ret = (struct bootarea){ .sector0 = STRBUF_INIT, .embed = STRBUF_INIT };
	if (scan && scan->disks[disk].sector_bytes > SECTOR)
		return err_set(e, ERR_NO_EMBED, 0, "%s has sectors of %u bytes; GRUB needs 512",
			       scan->disks[disk].path, scan->disks[disk].sector_bytes);
	if (disk_sectors(disk_fd, &total, e) < 0)
		return -1;
	if (total < 3)
		return err_set(e, ERR_NO_EMBED, 0, "the disk has only %llu sectors",
			       (unsigned long long)total);
	if (read_sectors(disk_fd, 0, mbr, 1, e) < 0)
		return -1;
	if (mbr[510] != 0x55 || mbr[511] != 0xaa)
		return err_set(e, ERR_NO_EMBED, 0, "the disk has no partition table");
	rc = mbr_is_protective(mbr) ? find_bios_boot(disk_fd, total, &place, e)
				    : find_mbr_gap(mbr, total, &place, e);
	if (rc < 0)
		return -1;
	if (place.sectors > EMBED_MAX_SECTORS)
		place.sectors = EMBED_MAX_SECTORS;
	area = malloc(place.sectors * SECTOR);
	if (!area)
		return err_set(e, ERR_NOMEM, 0, "boot area");
	if (read_sectors(disk_fd, place.first, area, place.sectors, e) < 0)
		return -1;
	ret->embed_lba = place.first;
	ret->embed_sectors = place.sectors;
	strbuf_add(&ret->sector0, mbr, SECTOR);
	strbuf_add(&ret->embed, area, place.sectors * SECTOR);
	if (ret->sector0.failed || ret->embed.failed) {
		bootarea_done(ret);
		return err_set(e, ERR_NOMEM, 0, "boot area");
	}
	return 0;
}

void bootarea_done(struct bootarea *a)
{
	strbuf_done(&a->sector0);
	strbuf_done(&a->embed);
}
