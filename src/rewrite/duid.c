/* SPDX-License-Identifier: MIT */
#include "rewrite/duid.h"

#include <ctype.h>
#include <string.h>

static bool add_byte(struct duid *d, unsigned value)
{
	if (d->len == DUID_MAX || value > 0xff)
		return false;
	d->bytes[d->len++] = (uint8_t)value;
	return true;
}

/* One byte of a string, behind a backslash too. NULL: none that is understood. */
static const char *take_char(const char *s, unsigned *ret)
{
	unsigned i;

	if (*s != '\\') {
		*ret = (unsigned char)*s;
		return s + 1;
	}
	s++;
	if (*s == '"' || *s == '\\') {
		*ret = (unsigned char)*s;
		return s + 1;
	}
	for (i = 0, *ret = 0; i < 3; i++, s++) {
		if (*s < '0' || *s > '7')
			return NULL;
		*ret = *ret * 8 + (unsigned)(*s - '0');
	}
	return s;
}

static bool parse_string(struct duid *d, const char *s)
{
	unsigned value;

	for (s++; *s && *s != '"';) {
		s = take_char(s, &value);
		if (!s || !add_byte(d, value))
			return false;
	}
	return s[0] == '"' && !s[1] && d->len >= 3;
}

bool duid_parse_hex(struct duid *ret, const char *text)
{
	memset(ret, 0, sizeof(*ret));
	for (;; text++) {
		unsigned value = 0, digits = 0;

		for (; isxdigit((unsigned char)*text) && digits < 3; text++, digits++)
			value = value * 16 +
				(unsigned)(isdigit((unsigned char)*text)
						   ? *text - '0'
						   : tolower((unsigned char)*text) - 'a' + 10);
		if (!digits || digits > 2 || !add_byte(ret, value))
			return false;
		if (*text != ':')
			break;
	}
	return ret->len >= 3 && (!*text || strcmp(text, "\n") == 0);
}

bool duid_parse_dhclient(struct duid *ret, const char *value)
{
	memset(ret, 0, sizeof(*ret));
	return *value == '"' ? parse_string(ret, value) : duid_parse_hex(ret, value);
}

void duid_add_dhclient(struct strbuf *out, const struct duid *d)
{
	size_t i;

	strbuf_addc(out, '"');
	for (i = 0; i < d->len; i++)
		strbuf_addf(out, "\\%03o", d->bytes[i]);
	strbuf_addc(out, '"');
}

void duid_add_hex(struct strbuf *out, const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		strbuf_addf(out, "%s%02x", i ? ":" : "", bytes[i]);
}

const char *duid_type_word(const struct duid *d)
{
	static const char *const words[] = { NULL, "link-layer-time", "vendor", "link-layer",
					     "uuid" };
	unsigned type = (unsigned)d->bytes[0] << 8 | d->bytes[1];

	return type < ARRAY_SIZE(words) ? words[type] : NULL;
}
