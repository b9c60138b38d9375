/* SPDX-License-Identifier: MIT */
/* DHCP unique identifiers (RFC 8415 section 11) in the forms of the clients that keep them. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define DUID_MAX 130 /* two bytes of type and 128 more */

struct duid {
	uint8_t bytes[DUID_MAX];
	size_t len; /* 3 or more */
};

/* dhclient.leases(5): "\000\001a\"" with its quotes, or 0:1:61:22. False: neither, or no length of a DUID. */
bool duid_parse_dhclient(struct duid *ret, const char *value);
/* dhcpcd's file: "00:01:61:22", a newline may follow. */
bool duid_parse_hex(struct duid *ret, const char *text);

void duid_add_dhclient(struct strbuf *out, const struct duid *d); /* with quotes, all bytes octal */
void duid_add_hex(struct strbuf *out, const uint8_t *bytes, size_t len);
/* networkd.conf(5), DUIDType=: "link-layer-time", "vendor", "link-layer", "uuid"; NULL: no word for it. */
const char *duid_type_word(const struct duid *d);
