/* SPDX-License-Identifier: MIT */
/*
 * What the private loader finds on a disk. S: only the four words in their one form are words. The list of the payload: what is accepted
 * names files that stay in their folder. A kernel command line: no word ends the script's line. A boot area: room is never found where something lies.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "disk/bootarea.h"
#include "job/loader_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void try_s(const uint8_t *data, size_t size)
{
	char block[LOADER_S_BYTES], again[LOADER_S_BYTES];
	enum loader_choice c = LOADER_OLD;
	unsigned i;

	if (loader_s_decode(data, size, &c, NULL) == 0) {
		loader_s_encode(c, again);
		require(size == sizeof(again) && memcmp(again, data, size) == 0);
	}
	/* A valid block with some bytes changed: the word it was, or none. */
	for (i = 0; i < LOADER_CHOICES; i++) {
		loader_s_encode((enum loader_choice)i, block);
		if (size > 2)
			memcpy(block + (data[0] | data[1] << 8) % 400, data + 2,
			       size - 2 < 100 ? size - 2 : 100);
		if (loader_s_decode(block, sizeof(block), &c, NULL) == 0) {
			loader_s_encode(c, again);
			require(memcmp(again, block, sizeof(block)) == 0);
		}
	}
}

static void try_list(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct loader_list l;
	unsigned i;

	require(text);
	if (loader_list_parse(&l, text, size, NULL) == 0) {
		require(l.count <= LOADER_FILES_MAX);
		for (i = 0; i < l.count; i++)
			require(*l.files[i].name && l.files[i].name[0] != '.' &&
				!strchr(l.files[i].name, '/'));
	}
	free(text);
}

static void try_words(const uint8_t *data, size_t size)
{
	static const struct loader_script script = { "", "" };
	struct strlist kernel cleanup_strlist = STRLIST_INIT;
	struct strlist own cleanup_strlist = STRLIST_INIT;
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	char *text = strndup((const char *)data, size);
	size_t quotes = 0;
	const char *p;

	require(text);
	require(loader_sort_words(text, &kernel, &own, NULL) == 0);
	free(text);
	loader_cfg_text(&b, &kernel, &own, &script);
	p = strstr(strbuf_str(&b), "/vmlinuz");
	require(p);
	for (; *p && *p != '\n'; p++)
		quotes += *p == '\'';
	/* the line ends where the script says, all its quotes are closed */
	require(quotes % 2 == 0 && b.len < 65536 + 2 * size);
	require(strncmp(p - 6, "; then", 6) == 0);
}

static void try_area(const uint8_t *data, size_t size)
{
	struct bootarea a = { .embed_lba = 1 };
	struct strbuf own cleanup_strbuf = STRBUF_INIT;
	uint64_t lba, i;

	if (size < 2048)
		return;
	strbuf_add(&a.sector0, data, 512);
	strbuf_add(&own, data + 512, 1024);
	a.embed_sectors = (size - 1536) / 512 * 100;
	for (i = 0; i < 100; i++)
		strbuf_add(&a.embed, data + 1536, (size - 1536) / 512 * 512);
	require(!a.embed.failed);
	if (bootarea_find_room(&a, 1 + data[0], &own, &lba, NULL) == 0) {
		uint64_t mine = bootarea_core_lba(&own);

		require(lba >= 1 && lba + 1 + data[0] <= 1 + a.embed_sectors);
		for (i = 0; i < (1u + data[0]) * 512u; i++) {
			uint64_t at = lba + i / 512;

			require(a.embed.data[(lba - 1) * 512 + i] == 0 ||
				(mine && at >= mine && at < mine + 2));
		}
	}
	bootarea_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 4) {
	case 0:
		try_s(data + 1, size - 1);
		break;
	case 1:
		try_list(data + 1, size - 1);
		break;
	case 2:
		try_words(data + 1, size - 1);
		break;
	default:
		try_area(data + 1, size - 1);
		break;
	}
	return 0;
}
