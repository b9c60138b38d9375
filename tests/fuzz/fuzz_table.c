/* SPDX-License-Identifier: MIT */
/*
 * Partition tables from a hostile disk: sector 0, a GPT header and its entries, with checksums made right so that the
 * numbers behind them are reached. What is accepted must lie inside the disk and leave sector 0 alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk/bootarea.h"
#include "base/bytes.h"

#define DISK_BYTES (4u << 20)
#define ENTRIES_AT 1024u
#define ENTRIES_BYTES (128u * 128)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t crc(const uint8_t *p, size_t len)
{
	uint32_t c = ~0u;

	for (size_t i = 0; i < len * 8; i++)
		c = (c >> 1) ^ (0xedb88320u & -((c ^ (p[i / 8] >> i % 8)) & 1));
	return ~c;
}

static void seal(uint8_t *disk)
{
	uint8_t *h = disk + 512;
	uint32_t len = get_le32(h + 12);
	uint64_t bytes = (uint64_t)get_le32(h + 80) * get_le32(h + 84);
	uint64_t at = get_le64(h + 72);

	memcpy(h, "EFI PART", 8);
	put_le64(h + 24, 1);
	if (at < DISK_BYTES / 512 && bytes <= DISK_BYTES - at * 512)
		put_le32(h + 88, crc(disk + at * 512, bytes));
	put_le32(h + 16, 0);
	if (len <= 512)
		put_le32(h + 16, crc(h, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *disk;
	static int fd = -1;
	struct bootarea a;

	if (fd < 0) {
		fd = memfd_create("disk", 0);
		if (fd < 0 || ftruncate(fd, DISK_BYTES) < 0)
			abort();
		disk = mmap(NULL, DISK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (disk == MAP_FAILED)
			abort();
	}
	memset(disk, 0, ENTRIES_AT + ENTRIES_BYTES);
	/* The first byte says whether to seal; then table of sector 0, header, entries. */
	if (size < 1 + 66)
		return 0;
	memcpy(disk + 446, data + 1, 66);
	if (size > 67)
		memcpy(disk + 512, data + 67,
		       size - 67 < ENTRIES_BYTES ? size - 67 : ENTRIES_BYTES);
	if (data[0] & 1)
		seal(disk);
	if (bootarea_read(&a, fd, NULL, 0, NULL) == 0) {
		if (a.embed_lba == 0 || a.embed_sectors == 0 ||
		    a.embed_lba + a.embed_sectors > DISK_BYTES / 512 || a.sector0.len != 512 ||
		    a.embed.len != a.embed_sectors * 512)
			abort();
		bootarea_done(&a);
	}
	return 0;
}
