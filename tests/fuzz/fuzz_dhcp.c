/* SPDX-License-Identifier: MIT */
/* Datagrams from a hostile network: as they come from the wire, and as a packet that got so far. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/dhcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

/* What the kernel and files are given must be sane whatever the server says. */
static void check_lease(const struct dhcp_lease *l)
{
	if (l->prefix < 1 || l->prefix > 32 || l->nroutes > DHCP_ROUTES_MAX ||
	    l->ndns > DHCP_ADDRS_MAX || l->address[0] == 0 || l->address[0] >= 224 ||
	    l->t1 > l->t2 || l->t2 > l->seconds || l->seconds < 60 ||
	    strpbrk(l->hostname, "\n\r /") || strpbrk(l->domain, "\n\r /"))
		abort();
	for (unsigned i = 0; i < l->nroutes; i++)
		if (l->routes[i].prefix > 32)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp_client c;
	struct dhcp_event e;
	struct dhcp_reply r;
	const uint8_t *packet;

	dhcp_client_init(&c, mac, 1, 0);
	int n = dhcp_unwrap(&packet, data, size, true);

	if (n >= 0 && (packet < data || packet + n > data + size))
		abort();
	if (dhcp_parse(&r, data, size, mac, 0x01020304) < 0)
		return 0;
	if (r.type != DHCP_NAK)
		check_lease(&r.lease);
	for (uint64_t now = 0; now < 3; now++)
		dhcp_client_reply(&c, &r, now, &e);
	return 0;
}
