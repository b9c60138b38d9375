/* SPDX-License-Identifier: MIT */
#include "disk/grubcore.h"

#include <lzma.h>
#include <string.h>

#include "base/bytes.h"

/* boot.img */
#define KERNEL_SECTOR 0x5c

/* The first sector of the core: runs of sectors, growing downwards; 8 bytes start, 2 count, 2 segment. */
#define LIST_FIRST (RAW_SECTOR - 12)
#define LIST_LOWEST (RAW_SECTOR - 12 * 16)

/* Its second sector begins with the decompressor. */
#define COMPRESSED (RAW_SECTOR + 0x08)
#define UNCOMPRESSED (RAW_SECTOR + 0x0c)
#define RS_REDUNDANCY (RAW_SECTOR + 0x10)
#define DECOMPRESSOR_ADDRESS 0x8200u /* where it runs */
#define DECOMPRESSOR_MIN 0x100u
#define DECOMPRESSOR_MAX (9216u - 2048)
#define UNCOMPRESSED_MAX (4u * 1024 * 1024)

/* The module area behind the kernel: a header, then modules of type and size, both with their headers. */
#define AREA_MAGIC 0x676d696du /* "mimg" */
enum { OBJ_ELF, OBJ_MEMDISK, OBJ_CONFIG, OBJ_PREFIX };

int grub_core_locate(const uint8_t *sector0, uint64_t *ret_lba, struct err *e)
{
	uint64_t lba = get_le64(sector0 + KERNEL_SECTOR);

	if (sector0[510] != 0x55 || sector0[511] != 0xaa)
		return err_set(e, ERR_GRUB_CORE, 0, "sector 0 has no boot signature");
	if (sector0[0] != 0xeb || !memmem(sector0, RAW_SECTOR, "GRUB ", 5))
		return err_set(e, ERR_GRUB_CORE, 0, "sector 0 is not GRUB's boot sector");
	if (!lba)
		return err_set(e, ERR_GRUB_CORE, 0, "sector 0 jumps to itself");
	*ret_lba = lba;
	return 0;
}

/* ---- decoding ---- */

/*
 * The compressed part follows the decompressor without a gap, and only the decompressor's code knows its own length: it
 * loads the address behind itself into ESI (one-byte opcode 0xbe, then the address).
 */
static bool next_start(const uint8_t *core, size_t len, size_t *at, size_t *ret_start)
{
	for (; *at + 5 <= len && *at < RAW_SECTOR + DECOMPRESSOR_MAX; (*at)++) {
		uint32_t address;

		if (core[*at] != 0xbe)
			continue;
		address = get_le32(core + *at + 1);
		if (address < DECOMPRESSOR_ADDRESS + DECOMPRESSOR_MIN ||
		    address > DECOMPRESSOR_ADDRESS + DECOMPRESSOR_MAX)
			continue;
		(*at)++;
		*ret_start = RAW_SECTOR + (address - DECOMPRESSOR_ADDRESS);
		return true;
	}
	return false;
}

/* All of the output must come out of it, else the start was guessed wrongly. */
static bool unpack(const uint8_t *in, size_t len, uint8_t *out, size_t out_len)
{
	lzma_options_lzma options = { .dict_size = 1 << 16,
				      .lc = 3,
				      .lp = 0,
				      .pb = 2,
				      .mode = LZMA_MODE_NORMAL,
				      .nice_len = 64,
				      .mf = LZMA_MF_BT4 };
	lzma_filter filters[] = { { .id = LZMA_FILTER_LZMA1, .options = &options },
				  { .id = LZMA_VLI_UNKNOWN } };
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret rc = lzma_raw_decoder(&s, filters);

	if (rc != LZMA_OK)
		return false;
	s.next_in = in;
	s.avail_in = len;
	s.next_out = out;
	s.avail_out = out_len;
	rc = lzma_code(&s, LZMA_RUN);
	lzma_end(&s);
	return (rc == LZMA_OK || rc == LZMA_STREAM_END) && s.avail_out == 0;
}

static bool take_text(char **to, const uint8_t *p, size_t len)
{
	free(*to);
	*to = strndup((const char *)p, len);
	return *to != NULL;
}

/* The header is where its own size says that the area ends with the image. */
static bool read_area(struct grub_core *c, const uint8_t *image, size_t len)
{
	size_t at, p, end = 0;

	for (at = 0; at + 12 <= len; at += 4)
		if (get_le32(image + at) == AREA_MAGIC && get_le32(image + at + 8) == len - at &&
		    get_le32(image + at + 4) >= 12 && get_le32(image + at + 4) <= len - at) {
			end = len;
			break;
		}
	if (!end)
		return false;
	for (p = at + get_le32(image + at + 4); end - p >= 8;) {
		uint32_t type = get_le32(image + p), size = get_le32(image + p + 4);
		bool ok = true;

		if (size < 8 || size > end - p)
			return false;
		if (type == OBJ_PREFIX)
			ok = take_text(&c->prefix, image + p + 8, size - 8);
		else if (type == OBJ_CONFIG)
			ok = take_text(&c->config, image + p + 8, size - 8);
		else if (type == OBJ_MEMDISK)
			strbuf_add(&c->memdisk, image + p + 8, size - 8);
		if (!ok || c->memdisk.failed)
			return false;
		p += size;
	}
	return true;
}

static void decode(struct grub_core *c)
{
	const uint8_t *core = (const uint8_t *)c->bytes.data;
	size_t len = c->bytes.len, at = RAW_SECTOR, start;
	uint32_t packed, unpacked;
	uint8_t *image cleanup_free = NULL;

	if (len < 2 * RAW_SECTOR)
		return;
	packed = get_le32(core + COMPRESSED);
	unpacked = get_le32(core + UNCOMPRESSED);
	if (!packed || packed > len || !unpacked || unpacked > UNCOMPRESSED_MAX ||
	    unpacked < packed || !(image = malloc(unpacked)))
		return;
	while (!c->is_decoded && next_start(core, len, &at, &start))
		c->is_decoded = start <= len && packed <= len - start &&
				unpack(core + start, packed, image, unpacked) &&
				read_area(c, image, unpacked);
}

/* ---- reading ---- */

/* Follows the list in the first sector, which is in c->bytes already. */
static int read_list(struct grub_core *c, const struct rawdisk *d, struct err *e)
{
	uint8_t first[RAW_SECTOR];
	unsigned at;

	memcpy(first, c->bytes.data, sizeof(first));
	for (at = LIST_FIRST; at >= LIST_LOWEST; at -= 12) {
		uint64_t start = get_le64(first + at);
		uint32_t count = get_le16(first + at + 8);
		char *buf cleanup_free = NULL;

		if (!count)
			return 0;
		if (c->sectors + count > GRUB_CORE_MAX_BYTES / RAW_SECTOR)
			return err_set(e, ERR_GRUB_CORE, 0, "the core's list names %zu sectors",
				       c->sectors + count);
		if (!start || start >= d->size_bytes / RAW_SECTOR)
			return err_set(e, ERR_GRUB_CORE, 0, "the core's list leads to sector %llu",
				       (unsigned long long)start);
		buf = malloc((size_t)count * RAW_SECTOR);
		if (!buf)
			return err_set(e, ERR_NOMEM, 0, "core image");
		if (rawdisk_read(d, start * RAW_SECTOR, buf, (size_t)count * RAW_SECTOR, e) < 0)
			return -1;
		strbuf_add(&c->bytes, buf, (size_t)count * RAW_SECTOR);
		c->sectors += count;
	}
	return 0;
}

/* diskboot.img: it pushes the address of its message and calls the printer; two versions of the same first bytes. */
static bool is_diskboot(const uint8_t *p)
{
	return memmem(p, RAW_SECTOR, "Geom", 4) && memmem(p, RAW_SECTOR, "loading", 7);
}

int grub_core_read(struct grub_core *ret, const struct rawdisk *d, uint64_t lba, struct err *e)
{
	struct grub_core c = { .lba = lba, .sectors = 1 };
	uint8_t first[RAW_SECTOR];
	int rc;

	if (!lba || lba >= d->size_bytes / RAW_SECTOR)
		return err_set(e, ERR_GRUB_CORE, 0, "sector 0 jumps to sector %llu",
			       (unsigned long long)lba);
	if (rawdisk_read(d, lba * RAW_SECTOR, first, sizeof(first), e) < 0)
		return -1;
	if (!is_diskboot(first))
		return err_set(e, ERR_GRUB_CORE, 0, "there is no GRUB core at sector %llu",
			       (unsigned long long)lba);
	strbuf_add(&c.bytes, first, sizeof(first));
	rc = c.bytes.failed ? err_set(e, ERR_NOMEM, 0, "core image") : read_list(&c, d, e);
	if (rc == 0 && c.bytes.failed)
		rc = err_set(e, ERR_NOMEM, 0, "core image");
	if (rc < 0) {
		grub_core_done(&c);
		return -1;
	}
	decode(&c);
	*ret = c;
	return 0;
}

int grub_core_parse(struct grub_core *ret, const void *data, size_t len, struct err *e)
{
	struct grub_core c = { .sectors = (len + RAW_SECTOR - 1) / RAW_SECTOR };

	if (len < 2 * RAW_SECTOR || len > GRUB_CORE_MAX_BYTES || !is_diskboot(data))
		return err_set(e, ERR_GRUB_CORE, 0, "%zu bytes are no core.img", len);
	strbuf_add(&c.bytes, data, len);
	if (c.bytes.failed)
		return err_set(e, ERR_NOMEM, 0, "core image");
	decode(&c);
	*ret = c;
	return 0;
}

void grub_core_done(struct grub_core *c)
{
	strbuf_done(&c->bytes);
	strbuf_done(&c->memdisk);
	free(c->prefix);
	free(c->config);
	*c = (struct grub_core){ 0 };
}

bool grub_core_equals(const struct grub_core *c, const void *core_img, size_t len)
{
	const uint8_t *a = (const uint8_t *)c->bytes.data, *b = core_img;

	if (len < 2 * RAW_SECTOR || c->bytes.len < len)
		return false;
	return memcmp(a, b, LIST_LOWEST) == 0 &&
	       memcmp(a + RAW_SECTOR, b + RAW_SECTOR, RS_REDUNDANCY - RAW_SECTOR) == 0 &&
	       memcmp(a + RS_REDUNDANCY + 4, b + RS_REDUNDANCY + 4, len - RS_REDUNDANCY - 4) == 0;
}
