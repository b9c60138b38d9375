/* SPDX-License-Identifier: MIT */
/* Any bytes as /etc/default/grub: what is accepted prints as it was read, and a changed value reads back as set. */
#include <stdint.h>
#include <string.h>

#include "rewrite/shellfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_all(const uint8_t *data, size_t size)
{
	struct strbuf out = STRBUF_INIT;
	struct shell_file f, again;
	size_t i;

	if (shell_file_parse(&f, (const char *)data, size, NULL) < 0)
		abort();
	for (i = 0; i < f.count; i++)
		if (f.vars[i].is_simple && shell_file_set(&f, &f.vars[i], "quiet splash") < 0)
			abort();
	shell_file_print(&f, &out);
	if (shell_file_parse(&again, strbuf_str(&out), out.len, NULL) < 0 || again.count != f.count)
		abort();
	for (i = 0; i < f.count; i++)
		if (strcmp(f.vars[i].raw, again.vars[i].raw) != 0 ||
		    strcmp(f.vars[i].name, again.vars[i].name) != 0)
			abort();
	shell_file_done(&f);
	shell_file_done(&again);
	strbuf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf out = STRBUF_INIT;
	struct shell_file f;
	size_t i;

	if (shell_file_parse(&f, (const char *)data, size, NULL) < 0)
		return 0;
	shell_file_print(&f, &out);
	if (out.len != size || (size && memcmp(out.data, data, size) != 0))
		abort();
	for (i = 0; i < f.count; i++)
		free(shell_var_decode(&f.vars[i]));
	shell_file_done(&f);
	strbuf_done(&out);
	set_all(data, size);
	return 0;
}
