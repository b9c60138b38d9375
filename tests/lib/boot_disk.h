/* SPDX-License-Identifier: MIT */
/*
 * A small disk image for tests of what reads disks as a loader does: MBR, one ext file system made from a folder by
 * mke2fs, GRUB's own boot.img and cores from grub-mkimage. No mounts, no root.
 */
#pragma once

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/bootarea.h"
#include "base/bytes.h"

#define PART_START (1u << 20)
#define PART_BYTES (24u << 20)
#define FS_UUID "11111111-2222-3333-4444-555555555555"

struct boot_disk {
	char dir[64];	/* scratch */
	char tree[80];	/* becomes the file system */
	char image[80]; /* the disk */
};

/* Runs a shell command, which must succeed. */
__attribute__((format(printf, 1, 2))) static inline void shell(const char *fmt, ...)
{
	char line[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (system(line) != 0) {
		fprintf(stderr, "failed: %s\n", line);
		abort();
	}
}

static inline void disk_begin(struct boot_disk *d)
{
	strcpy(d->dir, "/tmp/rehost-disk-XXXXXX");
	if (!mkdtemp(d->dir))
		abort();
	snprintf(d->tree, sizeof(d->tree), "%s/tree", d->dir);
	snprintf(d->image, sizeof(d->image), "%s/disk", d->dir);
	mkdir(d->tree, 0755);
}

static inline void disk_end(struct boot_disk *d)
{
	shell("rm -rf %s", d->dir);
}

/* A file of the tree; folders are made. */
static inline void disk_put(const struct boot_disk *d, const char *path, const void *data,
			    size_t len)
{
	char name[300];
	FILE *f;

	snprintf(name, sizeof(name), "%s/%s", d->tree, path);
	shell("mkdir -p \"$(dirname '%s')\"", name);
	f = fopen(name, "w");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		abort();
}

static inline void disk_puts(const struct boot_disk *d, const char *path, const char *text)
{
	disk_put(d, path, text, strlen(text));
}

static inline void disk_write(const struct boot_disk *d, uint64_t at, const void *data, size_t len)
{
	int fd = open(d->image, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || pwrite(fd, data, len, (off_t)at) != (ssize_t)len)
		abort();
	close(fd);
}

static inline void disk_read(const struct boot_disk *d, uint64_t at, void *data, size_t len)
{
	int fd = open(d->image, O_RDONLY);

	if (fd < 0 || pread(fd, data, len, (off_t)at) != (ssize_t)len)
		abort();
	close(fd);
}

/* The image with its table, and the tree as partition 1. options: further ones of mke2fs. */
static inline void disk_make(const struct boot_disk *d, const char *options)
{
	uint8_t mbr[512] = { 0 };

	mbr[0x1be + 4] = 0x83;
	put_le32(mbr + 0x1be + 8, PART_START / 512);
	put_le32(mbr + 0x1be + 12, PART_BYTES / 512);
	mbr[510] = 0x55;
	mbr[511] = 0xaa;
	shell("truncate -s %u %s", PART_START + PART_BYTES, d->image);
	disk_write(d, 0, mbr, sizeof(mbr));
	shell("mke2fs -q -F -U " FS_UUID
	      " -E offset=%u,root_owner=0:0 %s -d %s %s %uk >%s/log 2>&1",
	      PART_START, options, d->tree, d->image, PART_BYTES / 1024, d->dir);
}

/* One command of debugfs on partition 1. */
static inline void disk_debugfs(const struct boot_disk *d, const char *command)
{
	shell("debugfs -w -R '%s' '%s?offset=%u' >%s/log 2>&1", command, d->image, PART_START,
	      d->dir);
}

static inline size_t file_bytes(const char *path, uint8_t *buf, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(buf, 1, size, f) : 0;

	if (!n)
		abort();
	fclose(f);
	return n;
}

/* A core in DIR/name. config: text embedded in it, or NULL. */
static inline void make_core(const struct boot_disk *d, const char *name, const char *prefix,
			     const char *config)
{
	char option[200] = "";

	if (config) {
		shell("cat >%s/config <<'END'\n%s\nEND", d->dir, config);
		snprintf(option, sizeof(option), "-c %s/config", d->dir);
	}
	shell("grub-mkimage -O i386-pc -p '%s' %s -o %s/%s biosdisk part_msdos ext2 search_fs_uuid",
	      prefix, option, d->dir, name);
}

/* Puts boot.img into sector 0 and the core to lba. Returns its sectors. */
static inline uint64_t disk_embed(const struct boot_disk *d, const char *core_file, uint64_t lba)
{
	static uint8_t core[400000];
	uint8_t boot[512], sector0[512];
	struct bootarea a = { .embed_lba = lba, .embed_sectors = 800 };
	char path[200];
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", d->dir, core_file);
	n = file_bytes(path, core, sizeof(core));
	file_bytes("/usr/lib/grub/i386-pc/boot.img", boot, sizeof(boot));
	disk_read(d, 0, sector0, sizeof(sector0));
	strbuf_add(&a.sector0, sector0, sizeof(sector0));
	while (a.embed.len < a.embed_sectors * 512)
		strbuf_addc(&a.embed, 0);
	if (bootarea_embed_grub(&a, boot, sizeof(boot), core, n, NULL) < 0)
		abort();
	disk_write(d, lba * 512, a.embed.data, (n + 511) / 512 * 512);
	disk_write(d, 0, a.sector0.data, 512);
	bootarea_done(&a);
	return (n + 511) / 512;
}
