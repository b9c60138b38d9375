/* SPDX-License-Identifier: MIT */
/* authorized_keys from a kernel command line or a cpio. Every key that comes out has a type that is taken. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/authkeys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct authkeys k;
	struct err e = ERR_INIT;
	size_t i;

	if (authkeys_parse(&k, (const char *)data, size, &e) < 0) {
		if (!err_is_set(&e) || k.count)
			abort();
		return 0;
	}
	for (i = 0; i < k.count; i++) {
		size_t n = strlen(k.items[i].type);

		if (!authkeys_is_type_taken(k.items[i].type) || k.items[i].blob_len < n + 4 ||
		    memcmp(k.items[i].blob + 4, k.items[i].type, n) != 0 ||
		    !authkeys_have(&k, k.items[i].blob, k.items[i].blob_len))
			abort();
	}
	authkeys_done(&k);
	return 0;
}
