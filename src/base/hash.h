/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4). The one door to libcrypto. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32
#define SHA256_HEX_LEN 64

struct sha256; /* a running digest */

struct sha256 *sha256_new(void); /* NULL when out of memory */
void sha256_add(struct sha256 *s, const void *data, size_t len);
/* Writes the digest and frees s. */
void sha256_finish(struct sha256 *s, uint8_t ret[SHA256_LEN]);
void sha256_free(struct sha256 *s); /* accepts NULL */

/* All at once. */
void sha256_of(const void *data, size_t len, uint8_t ret[SHA256_LEN]);
/* Lower-case hex of any bytes; ret holds 2*len+1. */
void hex_of(const void *data, size_t len, char *ret);
