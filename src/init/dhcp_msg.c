/* SPDX-License-Identifier: MIT */
#include "init/dhcp_msg.h"

#include <string.h>

#include "init/netconf.h"

/* Offsets in the fixed part, RFC 2131 figure 1. */
enum {
	AT_OP = 0,
	AT_HTYPE = 1,
	AT_HLEN = 2,
	AT_XID = 4,
	AT_SECS = 8,
	AT_FLAGS = 10,
	AT_CIADDR = 12,
	AT_YIADDR = 16,
	AT_CHADDR = 28,
	AT_SNAME = 44,
	AT_FILE = 108,
	AT_COOKIE = 236,
	AT_OPTIONS = 240,
};

enum {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_HOSTNAME = 12,
	OPT_DOMAIN = 15,
	OPT_MTU = 26,
	OPT_BROADCAST = 28,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_PARAMETERS = 55,
	OPT_MAX_SIZE = 57,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_CLIENT_ID = 61,
	OPT_ROUTES = 121,
	OPT_ROUTES_MS = 249,
	OPT_END = 255,
};

static const uint8_t cookie[4] = { 99, 130, 83, 99 };

#define IP_HEADER 20
#define UDP_HEADER 8
#define PORT_SERVER 67
#define PORT_CLIENT 68

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

struct packet {
	const uint8_t *data;
	size_t len;
	unsigned overload; /* option 52: 1 file, 2 sname, 3 both hold options */
};

/* All bytes of one option in an area, appended (RFC 3396: a long option comes in pieces). */
static size_t gather_area(const uint8_t *area, size_t len, uint8_t code, uint8_t *ret, size_t at,
			  size_t size, bool *ret_found)
{
	for (size_t i = 0; i < len && area[i] != OPT_END;) {
		if (area[i] == OPT_PAD) {
			i++;
			continue;
		}
		if (i + 2 > len || i + 2 + area[i + 1] > len)
			break;
		if (area[i] == code) {
			size_t n = area[i + 1];

			*ret_found = true;
			if (n > size - at)
				n = size - at;
			memcpy(ret + at, area + i + 2, n);
			at += n;
		}
		i += 2U + area[i + 1];
	}
	return at;
}

/* Length of the option's bytes put into ret, -1 when it is absent. */
static int gather(const struct packet *p, uint8_t code, uint8_t *ret, size_t size)
{
	bool found = false;
	size_t n = gather_area(p->data + AT_OPTIONS, p->len - AT_OPTIONS, code, ret, 0, size,
			       &found);

	if (p->overload & 1)
		n = gather_area(p->data + AT_FILE, AT_COOKIE - AT_FILE, code, ret, n, size, &found);
	if (p->overload & 2)
		n = gather_area(p->data + AT_SNAME, AT_FILE - AT_SNAME, code, ret, n, size, &found);
	return found ? (int)n : -1;
}

static bool is_host_address(const uint8_t a[4])
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224;
}

/* RFC 3442: prefix length, as many bytes of the network as it needs, router. */
static void read_routes(struct dhcp_lease *l, const uint8_t *p, size_t len)
{
	size_t i = 0;

	while (i < len && l->nroutes < DHCP_ROUTES_MAX) {
		struct dhcp_route r = { .prefix = p[i] };
		size_t n = (r.prefix + 7) / 8;

		if (r.prefix > 32 || i + 1 + n + 4 > len)
			return;
		memcpy(r.to, p + i + 1, n);
		memcpy(r.via, p + i + 1 + n, 4);
		/* Bits beyond the prefix would make the kernel refuse the route. */
		put32(r.to, r.prefix ? get32(r.to) & ~0U << (32 - r.prefix) : 0);
		i += 1 + n + 4;
		l->routes[l->nroutes++] = r;
	}
}

/* A host or domain name that may go into files; anything odd becomes empty. */
static void read_name(char *ret, size_t size, const uint8_t *p, size_t len)
{
	while (len > 0 && p[len - 1] == 0)
		len--;
	ret[0] = 0;
	if (len == 0 || len >= size || p[0] == '-' || p[0] == '.')
		return;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = p[i];
		bool fine = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
			    c == '-' || c == '.';

		if (!fine)
			return;
	}
	memcpy(ret, p, len);
	ret[len] = 0;
}

static void read_times(struct dhcp_lease *l, const struct packet *p)
{
	uint8_t b[16];

	l->seconds = gather(p, OPT_LEASE, b, sizeof(b)) == 4 ? get32(b) : 3600;
	if (l->seconds < 60)
		l->seconds = 60;
	bool for_ever = l->seconds == UINT32_MAX;

	l->t1 = gather(p, OPT_T1, b, sizeof(b)) == 4 ? get32(b) : 0;
	l->t2 = gather(p, OPT_T2, b, sizeof(b)) == 4 ? get32(b) : 0;
	if (for_ever) {
		l->t1 = l->t2 = UINT32_MAX;
		return;
	}
	/* RFC 2131 4.4.5: T1 < T2 < lease, else the defaults. */
	if (l->t2 == 0 || l->t2 >= l->seconds)
		l->t2 = (uint32_t)((uint64_t)l->seconds * 7 / 8);
	if (l->t1 == 0 || l->t1 >= l->t2)
		l->t1 = l->seconds / 2 < l->t2 ? l->seconds / 2 : l->t2 - 1;
}

static int read_lease(struct dhcp_lease *l, const struct packet *p)
{
	uint8_t b[512];
	int n;

	memcpy(l->address, p->data + AT_YIADDR, 4);
	if (!is_host_address(l->address))
		return -1;
	l->prefix = 32;
	if (gather(p, OPT_MASK, b, sizeof(b)) == 4) {
		int prefix = net_mask_prefix(b);

		if (prefix > 0)
			l->prefix = (unsigned)prefix;
	}
	n = gather(p, OPT_ROUTES, b, sizeof(b));
	if (n < 0)
		n = gather(p, OPT_ROUTES_MS, b, sizeof(b));
	if (n > 0)
		read_routes(l, b, (size_t)n);
	/* RFC 3442: a client that takes classless routes ignores the router option. */
	if (n < 0 && gather(p, OPT_ROUTER, b, sizeof(b)) >= 4 && is_host_address(b)) {
		memcpy(l->routes[0].via, b, 4);
		l->nroutes = 1;
	}
	n = gather(p, OPT_DNS, b, sizeof(b));
	for (int i = 0; i + 4 <= n && l->ndns < DHCP_ADDRS_MAX; i += 4)
		if (is_host_address(b + i))
			memcpy(l->dns[l->ndns++], b + i, 4);
	if (gather(p, OPT_MTU, b, sizeof(b)) == 2 && get16(b) >= 576)
		l->mtu = get16(b);
	n = gather(p, OPT_HOSTNAME, b, sizeof(b));
	if (n > 0)
		read_name(l->hostname, sizeof(l->hostname), b, (size_t)n);
	n = gather(p, OPT_DOMAIN, b, sizeof(b));
	if (n > 0)
		read_name(l->domain, sizeof(l->domain), b, (size_t)n);
	read_times(l, p);
	return 0;
}

int dhcp_parse(struct dhcp_reply *ret, const uint8_t *packet, size_t len, const uint8_t mac[6],
	       uint32_t xid)
{
	struct packet p = { .data = packet, .len = len };
	uint8_t b[16];

	memset(ret, 0, sizeof(*ret));
	if (len < AT_OPTIONS || packet[AT_OP] != 2 || packet[AT_HTYPE] != 1 ||
	    packet[AT_HLEN] != 6 || memcmp(packet + AT_CHADDR, mac, 6) != 0 ||
	    get32(packet + AT_XID) != xid || memcmp(packet + AT_COOKIE, cookie, 4) != 0)
		return -1;
	if (gather(&p, OPT_OVERLOAD, b, sizeof(b)) == 1)
		p.overload = b[0] & 3;
	if (gather(&p, OPT_TYPE, b, sizeof(b)) != 1)
		return -1;
	ret->type = b[0];
	if (ret->type != DHCP_OFFER && ret->type != DHCP_ACK && ret->type != DHCP_NAK)
		return -1;
	if (gather(&p, OPT_SERVER, b, sizeof(b)) == 4)
		memcpy(ret->lease.server, b, 4);
	else if (ret->type == DHCP_OFFER)
		return -1;
	return ret->type == DHCP_NAK ? 0 : read_lease(&ret->lease, &p);
}

static uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(p + i);
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	return sum;
}

static unsigned fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Over the pseudo header (addresses, protocol, length) and the UDP datagram. */
static unsigned udp_sum(const uint8_t *ip, const uint8_t *udp, size_t len)
{
	return fold(sum16(udp, len, sum16(ip + 12, 8, 17 + (uint32_t)len)));
}

int dhcp_unwrap(const uint8_t **ret, const uint8_t *datagram, size_t len, bool checksum_done)
{
	if (len < IP_HEADER || datagram[0] >> 4 != 4)
		return -1;
	size_t head = (size_t)(datagram[0] & 15) * 4, total = get16(datagram + 2);

	if (head < IP_HEADER || total > len || total < head + UDP_HEADER || datagram[9] != 17)
		return -1;
	if (get16(datagram + 6) & 0x3fff) /* a fragment */
		return -1;
	if (fold(sum16(datagram, head, 0)) != 0xffff)
		return -1;
	const uint8_t *udp = datagram + head;
	size_t udp_len = get16(udp + 4);

	if (get16(udp + 2) != PORT_CLIENT || get16(udp) != PORT_SERVER || udp_len < UDP_HEADER ||
	    udp_len > total - head)
		return -1;
	if (!checksum_done && get16(udp + 6) != 0 && udp_sum(datagram, udp, udp_len) != 0xffff)
		return -1;
	*ret = udp + UDP_HEADER;
	return (int)(udp_len - UDP_HEADER);
}

static uint8_t *put_option(uint8_t *p, uint8_t code, const void *data, uint8_t len)
{
	*p++ = code;
	*p++ = len;
	memcpy(p, data, len);
	return p + len;
}

size_t dhcp_build(uint8_t *ret, const struct dhcp_query *q)
{
	static const uint8_t wanted[] = { OPT_MASK,	OPT_ROUTES, OPT_ROUTER, OPT_DNS,
					  OPT_HOSTNAME, OPT_DOMAIN, OPT_MTU,	OPT_BROADCAST,
					  OPT_LEASE,	OPT_SERVER, OPT_T1,	OPT_T2,
					  OPT_ROUTES_MS };
	static const uint8_t none[4];
	uint8_t type = (uint8_t)q->type, id[7] = { 1 }, size[2];
	uint8_t *p = ret + AT_OPTIONS;

	memset(ret, 0, AT_OPTIONS);
	ret[AT_OP] = 1;
	ret[AT_HTYPE] = 1;
	ret[AT_HLEN] = 6;
	put32(ret + AT_XID, q->xid);
	put16(ret + AT_SECS, q->seconds);
	memcpy(ret + AT_CIADDR, q->ciaddr, 4);
	memcpy(ret + AT_CHADDR, q->mac, 6);
	memcpy(ret + AT_COOKIE, cookie, 4);
	p = put_option(p, OPT_TYPE, &type, 1);
	memcpy(id + 1, q->mac, 6);
	p = put_option(p, OPT_CLIENT_ID, id, sizeof(id));
	put16(size, DHCP_PACKET_MAX - IP_HEADER - UDP_HEADER);
	p = put_option(p, OPT_MAX_SIZE, size, 2);
	if (memcmp(q->requested, none, 4) != 0)
		p = put_option(p, OPT_REQUESTED, q->requested, 4);
	if (memcmp(q->server, none, 4) != 0)
		p = put_option(p, OPT_SERVER, q->server, 4);
	p = put_option(p, OPT_PARAMETERS, wanted, sizeof(wanted));
	*p++ = OPT_END;
	/* Old relays drop what is shorter than a BOOTP packet. */
	while (p - ret < 300)
		*p++ = OPT_PAD;
	return (size_t)(p - ret);
}

size_t dhcp_wrap(uint8_t *ret, size_t size, const uint8_t *packet, size_t len)
{
	size_t total = IP_HEADER + UDP_HEADER + len;
	uint8_t *udp = ret + IP_HEADER;

	if (total > size || total > 0xffff)
		return 0;
	memset(ret, 0, IP_HEADER + UDP_HEADER);
	ret[0] = 0x45;
	ret[1] = 0x10; /* low delay, as RFC 1349 era clients and some relays expect */
	put16(ret + 2, (unsigned)total);
	ret[8] = 64;
	ret[9] = 17;
	memset(ret + 16, 0xff, 4);
	put16(ret + 10, ~fold(sum16(ret, IP_HEADER, 0)) & 0xffff);
	put16(udp, PORT_CLIENT);
	put16(udp + 2, PORT_SERVER);
	put16(udp + 4, (unsigned)(UDP_HEADER + len));
	memcpy(udp + UDP_HEADER, packet, len);
	unsigned sum = ~udp_sum(ret, udp, UDP_HEADER + len) & 0xffff;

	put16(udp + 6, sum ? sum : 0xffff);
	return total;
}
