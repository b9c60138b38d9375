/* SPDX-License-Identifier: MIT */
/*
 * GRUB's core from a hostile disk. First byte even: the input is the core as it lies. Odd: the input is the module area,
 * packed here as grub-mkimage does, so that what lies behind the decompressor is reached. The block list is followed too.
 */
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "disk/grubcore.h"

#define IMAGE_BYTES (1u << 20)
#define PACKED_AT (512 + 0x400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct grub_core *c)
{
	if (c->is_decoded && c->prefix && strlen(c->prefix) > IMAGE_BYTES)
		abort();
	if (c->bytes.len > GRUB_CORE_MAX_BYTES + 512)
		abort();
	if (c->bytes.len >= 1024 && !grub_core_equals(c, c->bytes.data, c->bytes.len))
		abort();
	grub_core_done(c);
}

/* An area of the input's bytes behind a kernel of four. */
static size_t pack(uint8_t *core, size_t room, const uint8_t *data, size_t size)
{
	lzma_options_lzma o;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA1, &o }, { LZMA_VLI_UNKNOWN, NULL } };
	size_t len = 16 + (size + 3) / 4 * 4, out = 0;
	uint8_t *image = calloc(1, len);

	lzma_lzma_preset(&o, 0);
	o.dict_size = 1 << 16;
	o.lc = 3;
	o.lp = 0;
	o.pb = 2;
	memcpy(image + 4, "mimg", 4);
	put_le32(image + 8, 12);
	put_le32(image + 12, (uint32_t)(len - 4));
	memcpy(image + 16, data, size);
	if (lzma_raw_buffer_encode(filters, NULL, image, len, core + PACKED_AT, &out,
				   room - PACKED_AT) != LZMA_OK)
		abort();
	free(image);
	core[512 + 0x40] = 0xbe;
	put_le32(core + 512 + 0x41, 0x8200 + PACKED_AT - 512);
	put_le32(core + 512 + 0x08, (uint32_t)out);
	put_le32(core + 512 + 0x0c, (uint32_t)len);
	return PACKED_AT + out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t core[131072];
	static int fd = -1;
	struct rawdisk disk = { .size_bytes = IMAGE_BYTES };
	struct grub_core c;
	uint64_t lba;
	size_t len;

	if (size < 1 || size > 60000)
		return 0;
	if (fd < 0) {
		fd = memfd_create("disk", 0);
		if (fd < 0 || ftruncate(fd, IMAGE_BYTES) < 0)
			abort();
	}
	memset(core, 0, sizeof(core));
	if (data[0] & 1) {
		len = pack(core, sizeof(core), data + 1, size - 1);
	} else {
		len = size - 1;
		memcpy(core, data + 1, len);
	}
	memcpy(core + 0x100, "loading Geom", 12);
	if (grub_core_parse(&c, core, len, NULL) == 0)
		use(&c);
	if (len >= 512 && grub_core_locate(core, &lba, NULL) == 0 && lba == 0)
		abort();
	if (pwrite(fd, core, sizeof(core), 512) != (ssize_t)sizeof(core))
		abort();
	disk.fd = fd;
	if (grub_core_read(&c, &disk, 1, NULL) == 0)
		use(&c);
	return 0;
}
