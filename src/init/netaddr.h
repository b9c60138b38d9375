/* SPDX-License-Identifier: MIT */
/* Network addresses as values: text to bytes and back, prefixes, MAC addresses. Pure. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* An address of either family; family AF_UNSPEC: none. */
struct net_ip {
	int family;
	uint8_t bytes[16]; /* network order, IPv4 in the first four */
};

/* Text to address; IPv6 may stand in brackets. -1 when it is neither. */
int net_ip_parse(struct net_ip *ret, const char *text) must_check;
/* INET6_ADDRSTRLEN bytes suffice. Returns buf, "" for AF_UNSPEC. */
const char *net_ip_text(const struct net_ip *ip, char *buf, size_t size);
bool net_ip_equal(const struct net_ip *a, const struct net_ip *b);
/* Bits in an address of that family: 32 or 128. */
unsigned net_ip_bits(int family);
/* True when other lies in the network of ip/prefix. */
bool net_ip_contains(const struct net_ip *ip, unsigned prefix, const struct net_ip *other);
/* Prefix length of an IPv4 mask in network order; -1 when its ones are not contiguous. */
int net_mask_prefix(const uint8_t mask[4]);
/* aa:bb:cc:dd:ee:ff or with dashes. -1 when it is not one. */
int net_mac_parse(uint8_t ret[6], const char *text) must_check;
