/* SPDX-License-Identifier: MIT */
/* --ip of rescue-image and rescue: network words for an image, read by the rescue's own parser before they go in. */
#pragma once

#include "image/content.h"

/*
 * Words with blanks between: "dhcp" and "10.0.0.2::..." are meant as ip=, what has a name of its own keeps it. ERR_IMAGE_GIVEN for
 * what is not understood.
 */
int image_add_network(struct image_content *content, const char *text, struct err *e) must_check;
