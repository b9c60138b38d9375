/* SPDX-License-Identifier: MIT */
/* Images as files: which kind they are, and putting a content into one without rebuilding it. */
#pragma once

#include "base/err.h"
#include "image/area.h"

enum image_kind {
	IMAGE_ISO,    /* ISO9660, hybrid or not */
	IMAGE_DISK,   /* GPT disk image */
	IMAGE_UKI,    /* PE with an initramfs inside (kernel, stub) */
	IMAGE_AREA,   /* nothing but an area: custom.cpio of the PXE set */
	IMAGE_INITRD, /* cpio, plain or compressed; the area is appended */
};

const char *image_kind_name(enum image_kind kind); /* for people */

/* An image that was opened and understood. */
struct image {
	char path[4096];
	int fd; /* read-only */
	off_t size;
	enum image_kind kind;
	struct image_area area; /* offset -1: an initramfs that has none yet */
	struct image_content content;
};

#define IMAGE_INIT ((struct image){ .fd = -1 })
#define cleanup_image __attribute__((cleanup(image_close)))

/*
 * Opens a regular file; a folder means the custom.cpio in it. ERR_IMAGE_KIND: not an image we know. ERR_IMAGE_SIGNED: a
 * PE that is signed, which a change would break. ERR_IMAGE_AREA: no area where there must be one, or a damaged one.
 */
int image_open(struct image *ret, const char *path, struct err *e) must_check;
void image_close(struct image *i);

/* Kind of a file by its first bytes (as many as there are, at least 64 KiB of a longer one). Pure. ERR_IMAGE_KIND, _SIGNED. */
int image_kind_of(const uint8_t *head, size_t len, enum image_kind *ret, struct err *e) must_check;

/*
 * Writes the image with c in its area, replacing what was there, to output (NULL: over itself): a new file beside it,
 * synced, then a rename. An output that exists must be a regular file. A content with keys makes the file mode 0600 when
 * it holds a private key.
 */
int image_write(const struct image *i, const struct image_content *c, const char *output,
		struct err *e) must_check;
