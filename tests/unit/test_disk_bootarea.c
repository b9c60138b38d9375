/* SPDX-License-Identifier: MIT */
/* The boot area on synthetic disks: tables good, odd and hostile. A real GRUB's is in tests/interop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "disk/bootarea.h"
#include "base/bytes.h"

#define DISK_SECTORS 8192u

struct image {
	uint8_t *bytes;
	char path[64];
	int fd;
};

static int set_up(void **state)
{
	struct image *im = calloc(1, sizeof(*im));

	im->bytes = calloc(DISK_SECTORS, 512);
	strcpy(im->path, "/tmp/rehost-bootarea-XXXXXX");
	im->fd = mkstemp(im->path);
	*state = im;
	return im->fd < 0;
}

static int tear_down(void **state)
{
	struct image *im = *state;

	close(im->fd);
	unlink(im->path);
	free(im->bytes);
	free(im);
	return 0;
}

static void flush(struct image *im)
{
	assert_int_equal(pwrite(im->fd, im->bytes, DISK_SECTORS * 512, 0), DISK_SECTORS * 512);
}

static void set_mbr_entry(struct image *im, int n, uint8_t type, uint32_t start, uint32_t count)
{
	uint8_t *p = im->bytes + 0x1be + 16 * n;

	p[4] = type;
	put_le32(p + 8, start);
	put_le32(p + 12, count);
	im->bytes[510] = 0x55;
	im->bytes[511] = 0xaa;
}

static uint32_t crc(const uint8_t *p, size_t len)
{
	uint32_t c = ~0u;
	size_t i;

	for (i = 0; i < len * 8; i++)
		c = (c >> 1) ^ (0xedb88320u & -((c ^ (p[i / 8] >> i % 8)) & 1));
	return ~c;
}

static void seal_gpt(struct image *im)
{
	uint8_t *h = im->bytes + 512;

	put_le32(h + 88, crc(im->bytes + 1024, 128 * 128));
	put_le32(h + 16, 0);
	put_le32(h + 16, crc(h, 92));
}

static void set_gpt_entry(struct image *im, int n, const char *type, uint64_t first, uint64_t last)
{
	uint8_t *p = im->bytes + 1024 + 128 * n;

	memcpy(p, type, 16);
	memset(p + 16, n + 1, 16);
	put_le64(p + 32, first);
	put_le64(p + 40, last);
}

static void make_gpt(struct image *im)
{
	uint8_t *h = im->bytes + 512;

	set_mbr_entry(im, 0, 0xee, 1, DISK_SECTORS - 1);
	memcpy(h, "EFI PART\0\0\1\0", 12);
	put_le32(h + 12, 92);
	put_le64(h + 24, 1);
	put_le64(h + 32, DISK_SECTORS - 1);
	put_le64(h + 40, 34);
	put_le64(h + 48, DISK_SECTORS - 34);
	put_le64(h + 72, 2);
	put_le32(h + 80, 128);
	put_le32(h + 84, 128);
	set_gpt_entry(im, 0, "linuxlinuxlinux.", 4096, 8000);
	set_gpt_entry(im, 13, "Hah!IdontNeedEFI", 2048, 4095);
	seal_gpt(im);
}

static void expect(struct image *im, enum err_code want)
{
	struct bootarea a;
	struct err e = ERR_INIT;
	int rc;

	flush(im);
	rc = bootarea_read(&a, im->fd, NULL, 0, &e);
	assert_int_equal(e.code, want);
	assert_int_equal(rc, want == ERR_NONE ? 0 : -1);
	if (rc == 0)
		bootarea_done(&a);
}

static void test_mbr(void **state)
{
	struct image *im = *state;
	struct bootarea a;

	expect(im, ERR_NO_EMBED); /* no table at all */
	set_mbr_entry(im, 1, 0, 7, 0);
	expect(im, ERR_NO_EMBED); /* an empty one */
	set_mbr_entry(im, 2, 0x83, 100, 50);
	set_mbr_entry(im, 0, 0x83, 2048, 4096);
	im->bytes[512] = 0x77;
	flush(im);
	assert_int_equal(bootarea_read(&a, im->fd, NULL, 0, NULL), 0);
	assert_int_equal(a.embed_lba, 1);
	assert_int_equal(a.embed_sectors, 99);
	assert_int_equal(a.embed.len, 99 * 512);
	assert_int_equal(a.embed.data[0], 0x77);
	bootarea_done(&a);
	set_mbr_entry(im, 2, 0x05, 1, 50);
	expect(im, ERR_NO_EMBED); /* no gap */
	set_mbr_entry(im, 2, 0x83, DISK_SECTORS, 50);
	expect(im, ERR_TABLE);
	set_mbr_entry(im, 2, 0x83, 0xffffffff, 0xffffffff);
	expect(im, ERR_TABLE);
}

static void test_gpt(void **state)
{
	struct image *im = *state;
	uint8_t *h = im->bytes + 512;
	struct bootarea a;

	make_gpt(im);
	flush(im);
	assert_int_equal(bootarea_read(&a, im->fd, NULL, 0, NULL), 0);
	assert_int_equal(a.embed_lba, 2048);
	assert_int_equal(a.embed_sectors, 2048);
	bootarea_done(&a);

	set_gpt_entry(im, 5, "linuxlinuxlinux.", 3000, 3001);
	seal_gpt(im);
	expect(im, ERR_TABLE); /* overlaps */
	memset(im->bytes + 1024 + 128 * 5, 0, 128);
	set_gpt_entry(im, 13, "Hah!IdontNeedEFI", 4000, 2048);
	seal_gpt(im);
	expect(im, ERR_TABLE); /* backwards */
	set_gpt_entry(im, 13, "Hah!IdontNeedEFI", 2048, UINT64_MAX);
	seal_gpt(im);
	expect(im, ERR_TABLE);
	set_gpt_entry(im, 13, "Hah!IdontNeedEFI", 2, 33);
	seal_gpt(im);
	expect(im, ERR_TABLE); /* over the table itself */
	set_gpt_entry(im, 13, "someothertypehere", 2048, 4095);
	seal_gpt(im);
	expect(im, ERR_NO_EMBED);
	make_gpt(im);
	expect(im, ERR_NONE);
	im->bytes[1024 + 128 * 70] ^= 1;
	expect(im, ERR_TABLE); /* entries' checksum */
	seal_gpt(im);
	h[40] ^= 1;
	expect(im, ERR_TABLE); /* header's checksum */
	put_le32(h + 80, 0xffffffff);
	seal_gpt(im);
	expect(im, ERR_TABLE); /* four billion entries */
	put_le32(h + 80, 128);
	put_le64(h + 72, UINT64_MAX);
	seal_gpt(im);
	expect(im, ERR_TABLE);
	memset(h, 0, 512);
	expect(im, ERR_TABLE); /* protective MBR and nothing behind */
}

static void test_short_disk(void **state)
{
	struct image *im = *state;
	struct bootarea a;
	struct err e = ERR_INIT;

	make_gpt(im);
	flush(im);
	assert_int_equal(ftruncate(im->fd, 4 * 512), 0);
	assert_int_equal(bootarea_read(&a, im->fd, NULL, 0, &e), -1);
	assert_int_equal(e.code, ERR_TABLE);
	assert_int_equal(ftruncate(im->fd, 0), 0);
	assert_int_equal(bootarea_read(&a, im->fd, NULL, 0, &e), -1);
	assert_int_equal(e.code, ERR_NO_EMBED);
}

/* Files with the fields GRUB's have, filled with a pattern. */
static void make_grub(uint8_t boot[512], uint8_t *core, size_t core_len)
{
	memset(boot, 0xb0, 512);
	memcpy(boot, "\xeb\x63\x90", 3);
	memcpy(boot + 0x180, "GRUB ", 5);
	boot[510] = 0x55;
	boot[511] = 0xaa;
	memset(core, 0xc0, core_len);
	memset(core + 512 - 24, 0, 24);
	put_le64(core + 0x1f4, 2);
	put_le16(core + 0x1fc, (uint16_t)((core_len + 511) / 512 - 1));
	put_le16(core + 0x1fe, 0x820);
}

static void test_embed(void **state)
{
	struct image *im = *state;
	uint8_t boot[512], core[5 * 512 + 10];
	const uint8_t *s, *k;
	struct bootarea a, b;
	struct err e = ERR_INIT;

	make_grub(boot, core, sizeof(core));
	memset(im->bytes, 0x11, 512);
	set_mbr_entry(im, 0, 0x83, 2048, 4096);
	set_mbr_entry(im, 1, 0x82, 6144, 1024);
	set_mbr_entry(im, 2, 0, 0, 0);
	set_mbr_entry(im, 3, 0, 0, 0);
	flush(im);
	assert_int_equal(bootarea_read(&a, im->fd, NULL, 0, &e), 0);
	assert_int_equal(bootarea_embed_grub(&a, boot, 512, core, sizeof(core), &e), 0);
	s = (const uint8_t *)a.sector0.data;
	k = (const uint8_t *)a.embed.data;
	assert_memory_equal(s, boot, 3);
	assert_memory_equal(s + 3, im->bytes + 3, 0x5a - 3); /* parameters kept */
	assert_int_equal(get_le64(s + 0x5c), 1);
	assert_int_equal(s[0x64], 0xff);
	assert_int_equal(s[0x66], 0x90);
	assert_int_equal(s[0x67], 0x90);
	assert_memory_equal(s + 0x68, boot + 0x68, 0x1b8 - 0x68);
	assert_memory_equal(s + 0x1b8, im->bytes + 0x1b8, 72); /* signature and table kept */
	assert_int_equal(get_le64(k + 0x1f4), 2);
	assert_int_equal(get_le16(k + 0x1fc), 5);
	assert_int_equal(get_le16(k + 0x1fe), 0x820);
	assert_int_equal(get_le16(k + 0x1f0), 0); /* the list's end */
	assert_int_equal(get_le32(k + 512 + 0x10), 0);
	assert_memory_equal(k + 1024, core + 1024, sizeof(core) - 1024);
	assert_int_equal(k[sizeof(core)], 0);

	assert_int_equal(bootarea_write(&a, im->path, &e), 0);
	assert_int_equal(bootarea_read(&b, im->fd, NULL, 0, &e), 0);
	assert_memory_equal(b.sector0.data, a.sector0.data, 512);
	assert_memory_equal(b.embed.data, a.embed.data, a.embed.len);
	bootarea_done(&b);

	/* Another table in the meantime: this is not the disk it was made for. */
	set_mbr_entry(im, 1, 0x82, 6145, 1024);
	flush(im);
	assert_int_equal(bootarea_write(&a, im->path, &e), -1);
	assert_int_equal(e.code, ERR_TABLE);
	bootarea_done(&a);
}

static void test_embed_gpt(void **state)
{
	struct image *im = *state;
	uint8_t boot[512], core[4 * 512];
	struct bootarea a;

	make_grub(boot, core, sizeof(core));
	make_gpt(im);
	flush(im);
	assert_int_equal(bootarea_read(&a, im->fd, NULL, 0, NULL), 0);
	assert_int_equal(bootarea_embed_grub(&a, boot, 512, core, sizeof(core), NULL), 0);
	assert_int_equal(get_le64((uint8_t *)a.sector0.data + 0x5c), 2048);
	assert_int_equal(get_le64((uint8_t *)a.embed.data + 0x1f4), 2049);
	assert_int_equal(get_le16((uint8_t *)a.embed.data + 0x1fc), 3);
	bootarea_done(&a);
}

static void refuse(struct bootarea *a, const void *boot, size_t boot_len, const void *core,
		   size_t core_len, enum err_code want)
{
	struct err e = ERR_INIT;

	assert_int_equal(bootarea_embed_grub(a, boot, boot_len, core, core_len, &e), -1);
	assert_int_equal(e.code, want);
}

static void test_refused_images(void **state)
{
	struct image *im = *state;
	static uint8_t core[1024 * 1024];
	uint8_t boot[512], other[512];
	struct bootarea a;

	set_mbr_entry(im, 0, 0x83, 63, 4096);
	flush(im);
	assert_int_equal(bootarea_read(&a, im->fd, NULL, 0, NULL), 0);
	make_grub(boot, core, 62 * 512);
	assert_int_equal(bootarea_embed_grub(&a, boot, 512, core, 62 * 512, NULL), 0);
	refuse(&a, boot, 512, core, 62 * 512 + 1, ERR_CORE_TOO_LARGE);
	refuse(&a, boot, 512, core, sizeof(core), ERR_CORE_TOO_LARGE);
	refuse(&a, boot, 512, core, 512, ERR_BOOT_IMAGE);
	refuse(&a, boot, 512, core, 0, ERR_BOOT_IMAGE);
	refuse(&a, boot, 511, core, 4096, ERR_BOOT_IMAGE);
	memcpy(other, boot, 512);
	memset(other + 0x180, 0, 5);
	refuse(&a, other, 512, core, 4096, ERR_BOOT_IMAGE);
	put_le16(core + 0x1fe, 0);
	refuse(&a, boot, 512, core, 4096, ERR_BOOT_IMAGE);
	bootarea_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mbr, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gpt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_short_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_embed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_embed_gpt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_images, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
