/* SPDX-License-Identifier: MIT */
/* Load options of a machine's firmware. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "disk/efi_option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf b = STRBUF_INIT;
	struct efi_option o, again;
	char path[EFI_FILE_MAX];

	if (efi_option_parse(&o, data, size, NULL) < 0)
		return 0;
	/* what goes into a script is a plain path */
	if (efi_file_to_path(o.file, path, sizeof(path)) &&
	    (path[0] != '/' || strpbrk(path, " '\"$;\n\\") || strstr(path, "/../")))
		abort();
	/* what can be written reads back */
	if (efi_option_make(&b, &o, NULL) == 0 &&
	    (efi_option_parse(&again, b.data, b.len, NULL) < 0 || strcmp(again.file, o.file) != 0 ||
	     strcmp(again.partuuid, o.partuuid) != 0))
		abort();
	strbuf_done(&b);
	return 0;
}
