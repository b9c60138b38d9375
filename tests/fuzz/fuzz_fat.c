/* SPDX-License-Identifier: MIT */
/*
 * A hostile EFI system partition: a small FAT made here, of the kind the first byte says, with bytes of the input put
 * over it. Every name is looked up again and every file read; nothing may be read outside the image.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "disk/rawfs.h"

#define IMAGE_BYTES (256u * 1024)
#define DEPTH_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_entry(uint8_t *p, const char *name, uint8_t attributes, uint16_t cluster,
		      uint32_t bytes)
{
	memcpy(p, name, 11);
	p[11] = attributes;
	put_le16(p + 26, cluster);
	put_le32(p + 28, bytes);
}

/* FAT12 of 256 KiB: one sector a cluster, the root in sectors 3 and 4, data from sector 5. */
static void make_fat12(uint8_t *image)
{
	static const uint8_t chains[] = { 0xf8, 0xff, 0xff, 0xff, 0x4f, 0x00, 0xff, 0x0f };

	image[0] = 0xeb;
	put_le16(image + 11, 512);
	image[13] = 1;
	put_le16(image + 14, 1);
	image[16] = 1;
	put_le16(image + 17, 32);
	put_le16(image + 19, IMAGE_BYTES / 512);
	put_le16(image + 22, 2);
	put_le16(image + 510, 0xaa55);
	memcpy(image + 512, chains, sizeof(chains));
	put_entry(image + 3 * 512, "EFI        ", 0x10, 2, 0);
	put_entry(image + 3 * 512 + 32, "FILE    TXT", 0x20, 3, 700);
	put_entry(image + 5 * 512, ".          ", 0x10, 2, 0);
	put_entry(image + 5 * 512 + 32, "..         ", 0x10, 0, 0);
	put_entry(image + 5 * 512 + 64, "GRUB    CFG", 0x20, 4, 10);
}

/* The first byte's second bit makes the same numbers say FAT32, whose root is a chain. */
static void turn_into_fat32(uint8_t *image)
{
	put_le16(image + 17, 0);
	put_le16(image + 22, 0);
	put_le32(image + 36, 2);
	put_le32(image + 44, 2);
}

static void visit(struct rawfs *fs, const char *path, int depth)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (rawfs_list(fs, path, &names, NULL) < 0)
		return;
	for (i = 0; i < names.count && i < 50; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		struct rawfs_node n;
		char below[2000];

		if (snprintf(below, sizeof(below), "%s/%s", path, names.items[i]) >=
		    (int)sizeof(below))
			continue;
		if (rawfs_lookup(fs, below, true, &n, NULL) < 0)
			continue;
		if (S_ISDIR(n.mode) && depth < DEPTH_MAX)
			visit(fs, below, depth + 1);
		else if (rawfs_read(fs, below, &text, IMAGE_BYTES, NULL) == 0 &&
			 text.len != n.size_bytes)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *image;
	static int fd = -1;
	struct raw_part part = { .size_bytes = IMAGE_BYTES };
	struct rawdisk disk = { .size_bytes = IMAGE_BYTES, .path = (char *)"fuzz" };
	struct rawfs *fs;
	size_t i;

	if (fd < 0) {
		fd = memfd_create("fat", 0);
		if (fd < 0 || ftruncate(fd, IMAGE_BYTES) < 0)
			abort();
		image = mmap(NULL, IMAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (image == MAP_FAILED)
			abort();
	}
	if (!size)
		return 0;
	memset(image, 0, IMAGE_BYTES);
	make_fat12(image);
	if (data[0] & 2)
		turn_into_fat32(image);
	/* Three bytes each: where, in the first 64 KiB, and what. */
	for (i = 1; i + 3 <= size; i += 3)
		image[get_le16(data + i)] = data[i + 2];
	disk.fd = fd;
	if (rawfs_open(&fs, &disk, &part, NULL) == 0) {
		visit(fs, "", 0);
		rawfs_close(fs);
	}
	return 0;
}
