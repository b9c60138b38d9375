/* SPDX-License-Identifier: MIT */
/* Boot entries of a disk: the first line of the input is grubenv's, the rest one entry; and the same as a menu. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "job/grub_menu.h"
#include "rewrite/bls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_print(const char *text, size_t len)
{
	struct strbuf out = STRBUF_INIT;
	struct bls_entry b;
	size_t i;

	if (bls_parse(&b, text, len, NULL) < 0)
		return;
	bls_print(&b, &out);
	if (out.len != len || (len && memcmp(out.data, text, len) != 0))
		abort();
	for (i = 0; i < b.lines.count; i++)
		if (bls_set(&b, i, "x") < 0)
			abort();
	strbuf_done(&out);
	bls_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct grub_menu m;
	size_t head, i;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	try_print(text, size);
	head = strcspn(text, "\n");
	if (grub_menu_parse(&m, text, size, NULL) == 0) {
		m.bls_at = m.has_blscfg ? m.bls_at : m.count;
		for (i = 0; i < 3; i++)
			if (grub_menu_add_bls(&m, i ? "b.conf" : "a-1.conf", text + head,
					      size - head, text, head) < 0)
				break;
		if (m.count && !grub_menu_default(&m, "a-1") && m.entries[0].depth == 0)
			abort();
		grub_menu_done(&m);
	}
	free(text);
	return 0;
}
