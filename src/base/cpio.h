/* SPDX-License-Identifier: MIT */
/* Writing the archives that a kernel unpacks into its initramfs. */
#pragma once

#include <stddef.h>

#include "base/str.h"

#define CPIO_TRAILER "TRAILER!!!" /* the name of the record that ends an archive; mode 0, no data */

/*
 * Appends one record in the format newc (kernel Documentation/driver-api/early-userspace/buffer-format.rst), padded to 4 bytes;
 * ret begins at such a place. Owner 0:0 and no times: the same input gives the same bytes. ret->failed when out of memory.
 */
void cpio_add(struct strbuf *ret, const char *name, unsigned mode, const void *data, size_t len);
