/* SPDX-License-Identifier: MIT */
/* Rescue images: which kind, the area and its archive, private host keys. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/customize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken for good is built again to the same bytes, at the same size. */
static void try_area(const uint8_t *data, size_t size)
{
	struct image_content c;
	struct strbuf again = STRBUF_INIT;

	if (image_area_parse(&c, data, size, NULL) < 0)
		return;
	if (image_area_build(&c, size, &again, NULL) == 0 && again.len != size)
		abort();
	strbuf_done(&again);
	image_content_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char type[32], fingerprint[IMAGE_FINGERPRINT_MAX];
	struct image_content c;
	enum image_kind kind;

	if (image_kind_of(data, size, &kind, NULL) == 0 && !image_kind_name(kind))
		abort();
	try_area(data, size);
	/* The checksum keeps random input from the archive behind it. */
	if (image_content_unpack(&c, data, size, NULL) == 0) {
		struct strbuf packed = STRBUF_INIT;

		image_content_pack(&c, &packed);
		strbuf_done(&packed);
		image_content_done(&c);
	}
	if (image_host_key_read((const char *)data, size, type, fingerprint) == 0 &&
	    (!*type || strlen(fingerprint) != 50))
		abort();
	return 0;
}
