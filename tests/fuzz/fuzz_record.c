/* SPDX-License-Identifier: MIT */
/*
 * J from a hostile disk. The input is a payload, and the beginning of both slots of an image. What is accepted can be
 * written again, and what was written reads as the same.
 */
#include <stdint.h>
#include <string.h>

#include "job/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const struct record *r, struct strbuf *ret)
{
	struct err e = ERR_INIT;

	if (record_encode(r, ret, &e) < 0)
		abort();
}

static void try_payload(const uint8_t *data, size_t size)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct record r;

	if (record_decode_payload(&r, data, size, &e) < 0)
		return;
	encode(&r, &once);
	record_done(&r);
	if (record_decode_payload(&r, once.data, once.len, &e) < 0)
		abort();
	encode(&r, &twice);
	record_done(&r);
	if (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0)
		abort();
	strbuf_done(&once);
	strbuf_done(&twice);
}

static void try_image(const uint8_t *data, size_t size)
{
	static uint8_t image[2 * RECORD_SLOT_BYTES];
	size_t half = size / 2 < RECORD_SLOT_BYTES ? size / 2 : RECORD_SLOT_BYTES;
	struct err e = ERR_INIT;
	struct record r;

	if (half) {
		memcpy(image, data, half);
		memcpy(image + RECORD_SLOT_BYTES, data + half, half);
	}
	if (record_decode(&r, image, sizeof(image), &e) == 0)
		record_done(&r);
	memset(image, 0, half);
	memset(image + RECORD_SLOT_BYTES, 0, half);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_payload(data, size);
	try_image(data, size);
	return 0;
}
