/* SPDX-License-Identifier: MIT */
#include "init/netaddr.h"

#include <arpa/inet.h>
#include <string.h>

int net_ip_parse(struct net_ip *ret, const char *text)
{
	char buf[INET6_ADDRSTRLEN + 2];
	size_t n = strlen(text);

	memset(ret, 0, sizeof(*ret));
	if (n == 0 || n >= sizeof(buf))
		return -1;
	memcpy(buf, text, n + 1);
	char *p = buf;

	if (p[0] == '[' && p[n - 1] == ']') {
		p[n - 1] = 0;
		p++;
	}
	if (p == buf && inet_pton(AF_INET, p, ret->bytes) == 1)
		ret->family = AF_INET;
	else if (inet_pton(AF_INET6, p, ret->bytes) == 1)
		ret->family = AF_INET6;
	else
		return -1;
	return 0;
}

const char *net_ip_text(const struct net_ip *ip, char *buf, size_t size)
{
	if (ip->family == AF_UNSPEC || !inet_ntop(ip->family, ip->bytes, buf, (socklen_t)size))
		buf[0] = 0;
	return buf;
}

bool net_ip_equal(const struct net_ip *a, const struct net_ip *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, net_ip_bits(a->family) / 8) == 0;
}

unsigned net_ip_bits(int family)
{
	return family == AF_INET6 ? 128 : family == AF_INET ? 32 : 0;
}

bool net_ip_contains(const struct net_ip *ip, unsigned prefix, const struct net_ip *other)
{
	if (ip->family != other->family || ip->family == AF_UNSPEC ||
	    prefix > net_ip_bits(ip->family))
		return false;
	for (unsigned bit = 0; bit < prefix; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> (bit % 8));

		if ((ip->bytes[bit / 8] ^ other->bytes[bit / 8]) & mask)
			return false;
	}
	return true;
}

int net_mask_prefix(const uint8_t mask[4])
{
	uint32_t m = (uint32_t)mask[0] << 24 | (uint32_t)mask[1] << 16 | (uint32_t)mask[2] << 8 |
		     mask[3];
	int prefix = __builtin_popcount(m);

	return m == (prefix ? ~0U << (32 - prefix) : 0) ? prefix : -1;
}

int net_mac_parse(uint8_t ret[6], const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 6; i++) {
		int value = 0;

		for (int k = 0; k < 2; k++) {
			char c = *text++;
			const char *d = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c)
					  : NULL;

			if (!d)
				return -1;
			value = value * 16 + (int)(d - digits);
		}
		ret[i] = (uint8_t)value;
		if (i < 5 && *text != ':' && *text != '-')
			return -1;
		text += i < 5;
	}
	return *text ? -1 : 0;
}
