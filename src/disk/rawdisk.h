/* SPDX-License-Identifier: MIT */
/*
 * A disk, or an image of one in a file, read as firmware and loaders read it: sectors and a partition table, no mounts
 * and no kernel in between. Everything is opened for reading only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RAW_SECTOR 512u
#define RAW_PARTS_MAX 128u

struct raw_part {
	unsigned number; /* as GRUB and the kernel count; 0: the whole disk, which has no table */
	uint64_t start_bytes, size_bytes;
	char type[40]; /* GPT: the type's GUID; MBR: "0x83" */
	char uuid[40]; /* PARTUUID; "": none */
};

struct rawdisk {
	int fd;
	char *path;
	uint64_t size_bytes;
	bool is_gpt;
	struct raw_part *parts; /* ascending by number; none when the disk is empty */
	unsigned part_count;
};

#define RAWDISK_INIT ((struct rawdisk){ .fd = -1 })

/* A block device's cached pages are dropped first: what a mounted partition wrote must be seen. */
int rawdisk_open(struct rawdisk *ret, const char *path, struct err *e) must_check;
void rawdisk_close(struct rawdisk *d);

/* Exactly len bytes at a byte offset; what lies outside the disk is ERR_DISK_READ. */
int rawdisk_read(const struct rawdisk *d, uint64_t at, void *buf, size_t len,
		 struct err *e) must_check;

/* An EFI system partition, by its type in either kind of table. */
bool raw_part_is_esp(const struct raw_part *p);
