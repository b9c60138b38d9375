/* SPDX-License-Identifier: MIT */
/*
 * DHCPv4 messages: RFC 2131, options RFC 2132, long options RFC 3396, classless routes RFC 3442.
 * Pure functions over bytes. What comes in is hostile: every length is checked, lists are cut at
 * the limits below.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_ROUTES_MAX 32
#define DHCP_ADDRS_MAX 4
#define DHCP_PACKET_MAX 1500 /* we announce 576 less headers as everybody, and accept this */

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER = 2,
	DHCP_REQUEST = 3,
	DHCP_DECLINE = 4,
	DHCP_ACK = 5,
	DHCP_NAK = 6,
	DHCP_RELEASE = 7,
};

/* IPv4 addresses are bytes in network order. */
struct dhcp_route {
	uint8_t to[4];
	unsigned prefix;
	uint8_t via[4]; /* 0.0.0.0: on the link */
};

struct dhcp_lease {
	uint8_t address[4];
	unsigned prefix; /* 32 when the server gave no mask */
	uint8_t server[4];
	struct dhcp_route
		routes[DHCP_ROUTES_MAX]; /* option 121 (or 249), else 3 as a default route */
	unsigned nroutes;
	uint8_t dns[DHCP_ADDRS_MAX][4];
	unsigned ndns;
	unsigned mtu;			/* 0: not given */
	uint32_t seconds, t1, t2;	/* UINT32_MAX: for ever */
	char hostname[65], domain[128]; /* letters, digits, '-', '.' only; else empty */
};

struct dhcp_reply {
	enum dhcp_type type; /* OFFER, ACK or NAK */
	struct dhcp_lease lease;
};

/*
 * Reads a BOOTP reply for our hardware address and transaction. Returns 0, or -1 when it is not
 * for us or not well-formed (an OFFER or ACK without a usable address or server is not).
 */
int dhcp_parse(struct dhcp_reply *ret, const uint8_t *packet, size_t len, const uint8_t mac[6],
	       uint32_t xid);

/*
 * Finds the DHCP packet in an IPv4 datagram (UDP to port 68). Points *ret into datagram and
 * returns its length, or -1. With checksum_done false the UDP checksum must be right too (a packet
 * of the same host has not got one yet).
 */
int dhcp_unwrap(const uint8_t **ret, const uint8_t *datagram, size_t len, bool checksum_done);

/* What we say. */
struct dhcp_query {
	enum dhcp_type type;
	uint32_t xid;
	uint16_t seconds; /* since we began */
	uint8_t mac[6];
	uint8_t ciaddr[4];    /* our address when renewing, else 0 */
	uint8_t requested[4]; /* option 50, 0: none */
	uint8_t server[4];    /* option 54, 0: none */
};

/* Writes the packet; ret holds DHCP_PACKET_MAX. Returns its length. */
size_t dhcp_build(uint8_t *ret, const struct dhcp_query *q);

/* Wraps a packet into IPv4 and UDP from 0.0.0.0:68 to 255.255.255.255:67. Returns the length. */
size_t dhcp_wrap(uint8_t *ret, size_t size, const uint8_t *packet, size_t len);
