/* SPDX-License-Identifier: MIT */
#include "base/cpio.h"

#include <string.h>

static void pad4(struct strbuf *b)
{
	while (b->len % 4 && !b->failed)
		strbuf_addc(b, 0);
}

void cpio_add(struct strbuf *ret, const char *name, unsigned mode, const void *data, size_t len)
{
	/* inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum */
	strbuf_addf(ret, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 0, mode, 0,
		    0, 1, 0, len, 0, 0, 0, 0, strlen(name) + 1, 0);
	strbuf_add(ret, name, strlen(name) + 1);
	pad4(ret);
	strbuf_add(ret, data, len);
	pad4(ret);
}
