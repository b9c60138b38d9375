/* SPDX-License-Identifier: MIT */
/*
 * The embed area: a file of fixed size in every image that a loader hands to the kernel as one more initramfs. It is a valid
 * newc archive at all times, so an empty one does no harm:
 *
 *   offset  size  what
 *   0       128   newc header and name of the file etc/rehost/area, 384 bytes long
 *   128     16    "REHOST-AREA-1\n" and two NUL
 *   144     8     size of the whole area, little endian, a multiple of 512
 *   152     8     bytes of the archive from offset 512 on, its trailer included
 *   160     32    SHA-256 of the whole area, these 32 bytes as zeros
 *   192     320   zero
 *   512     n     the archive (image/content.h), then zeros to the end
 *
 * An area begins at a multiple of 512 bytes in the image file and is found by looking at each of them: no file system has
 * to be understood, and a copy that was cut into pieces does not pass for one.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/content.h"

#define IMAGE_AREA_HEAD 512
#define IMAGE_AREA_SIZE 131072	     /* in images we build */
#define IMAGE_AREA_MAX (1024 * 1024) /* ever accepted */

struct image_area {
	off_t offset; /* -1: there is none */
	size_t size;
};

/* Appends an area of size bytes with this content; size 0: as small as it can be. ERR_IMAGE_FULL when it does not fit. */
int image_area_build(const struct image_content *c, size_t size, struct strbuf *ret,
		     struct err *e) must_check;

/* Reads an area: all of size bytes at data. ERR_IMAGE_AREA when anything about it is wrong. */
int image_area_parse(struct image_content *ret, const uint8_t *data, size_t size,
		     struct err *e) must_check;

/* True when data (at least IMAGE_AREA_HEAD bytes) looks like the beginning of an area; its size into *ret_size. */
bool image_area_begins(const uint8_t *data, uint64_t *ret_size);

/*
 * Looks through the file for its area. None: offset -1, and 0 is returned. ERR_IMAGE_AREA for one that is damaged or cut,
 * and for two. The content is read into *content.
 */
int image_area_find(int fd, struct image_area *ret, struct image_content *content,
		    struct err *e) must_check;
