/* SPDX-License-Identifier: MIT */
/* Addresses and routes of the model: what every reader needs. */
#include <arpa/inet.h>
#include <string.h>

#include "rewrite/net_priv.h"

struct net_route *net_route_add(struct net_link *l)
{
	struct net_route *grown = l->route_count < NET_ROUTES_MAX
					  ? reallocarray(l->routes, l->route_count + 1,
							 sizeof(*grown))
					  : NULL;

	if (!grown)
		return NULL;
	l->routes = grown;
	grown = &l->routes[l->route_count++];
	*grown = (struct net_route){ 0 };
	return grown;
}

struct net_rule *net_rule_add(struct net_link *l)
{
	struct net_rule *grown = l->rule_count < NET_ROUTES_MAX
					 ? reallocarray(l->rules, l->rule_count + 1, sizeof(*grown))
					 : NULL;

	if (!grown)
		return NULL;
	l->rules = grown;
	grown = &l->rules[l->rule_count++];
	*grown = (struct net_rule){ 0 };
	return grown;
}

bool net_is_v6(const char *address)
{
	return strchr(address, ':') != NULL;
}

bool net_has_addresses(const struct net_link *l, bool v6)
{
	size_t i;

	for (i = 0; i < l->addresses.count; i++)
		if (net_is_v6(l->addresses.items[i]) == v6)
			return true;
	return false;
}

/* The bytes of an address that may have a length behind it; *ret_len: that, else all bits. 0 when it is none. */
static size_t parse_address(const char *text, uint8_t bytes[16], uint32_t *ret_len)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/"), size = net_is_v6(text) ? 16 : 4;

	if (len >= sizeof(address))
		return 0;
	memcpy(address, text, len);
	address[len] = '\0';
	*ret_len = (uint32_t)size * 8;
	if (inet_pton(size == 16 ? AF_INET6 : AF_INET, address, bytes) != 1 ||
	    (text[len] && (parse_u32(text + len + 1, ret_len) < 0 || *ret_len > size * 8)))
		return 0;
	return size;
}

static bool is_within(const char *prefix, const uint8_t *address, size_t size)
{
	uint8_t net[16];
	uint32_t len, i;

	if (parse_address(prefix, net, &len) != size)
		return false;
	for (i = 0; i < len; i++)
		if ((net[i / 8] ^ address[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

bool net_needs_onlink(const struct net_link *l, const char *gateway)
{
	uint8_t address[16];
	uint32_t len;
	size_t i, size = parse_address(gateway, address, &len);

	if (!size || (size == 16 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80))
		return false;
	for (i = 0; i < l->addresses.count; i++)
		if (is_within(l->addresses.items[i], address, size))
			return false;
	return true;
}

int net_mask_length(const char *mask)
{
	struct in_addr a;
	uint32_t bits, v;

	if (parse_u32(mask, &bits) == 0)
		return bits <= 128 ? (int)bits : -1;
	if (inet_pton(AF_INET, mask, &a) != 1)
		return -1;
	v = ntohl(a.s_addr);
	/* ones first, then zeros only */
	if (~v & (~v + 1))
		return -1;
	return __builtin_popcount(v);
}

char *net_prefix_of(const char *text, bool is_v6)
{
	uint8_t address[16];
	uint32_t len;
	char *ret;
	size_t size;

	if (strcmp(text, "default") == 0)
		return strdup(is_v6 ? "::/0" : "0.0.0.0/0");
	size = parse_address(text, address, &len);
	if (!size)
		return NULL;
	if (strchr(text, '/'))
		return strdup(text);
	return asprintf(&ret, "%s/%u", text, (unsigned)len) < 0 ? NULL : ret;
}

static char *copy(const char *text, bool *failed)
{
	char *ret = text ? strdup(text) : NULL;

	*failed |= text && !ret;
	return ret;
}

int net_take_route(struct net_link *l, const struct net_route *route)
{
	bool is_v6 = net_is_v6(route->to), failed = false;
	char **gateway = is_v6 ? &l->gateway6 : &l->gateway4;
	struct net_route *to;

	if (!*gateway && route->via && strcmp(route->to, is_v6 ? "::/0" : "0.0.0.0/0") == 0 &&
	    !route->metric && !route->table && !route->mtu && !route->src && !route->type) {
		*gateway = strdup(route->via);
		*(is_v6 ? &l->is_onlink6 : &l->is_onlink4) = route->is_onlink;
		return *gateway ? 0 : -1;
	}
	to = net_route_add(l);
	if (!to)
		return -1;
	*to = *route;
	to->to = copy(route->to, &failed);
	to->via = copy(route->via, &failed);
	to->src = copy(route->src, &failed);
	to->type = copy(route->type, &failed);
	return failed ? -1 : 0;
}

/* Whether it does nothing but lead to that gateway. */
static bool leads_to(const struct net_route *r, const char *gateway)
{
	size_t len = gateway ? strlen(gateway) : 0;

	return gateway && !r->via && !r->metric && !r->table && !r->src && !r->type && !r->mtu &&
	       strncmp(r->to, gateway, len) == 0 &&
	       strcmp(r->to + len, net_is_v6(r->to) ? "/128" : "/32") == 0;
}

/* Whether another route goes through it, outside every prefix. */
static bool is_way(struct net_link *l, const struct net_route *host)
{
	bool is = false;
	unsigned i;

	for (i = 0; i < l->route_count; i++) {
		struct net_route *r = &l->routes[i];

		if (!r->via || !leads_to(host, r->via) || !net_needs_onlink(l, r->via))
			continue;
		r->is_onlink = true;
		is = true;
	}
	return is;
}

void net_drop_gateway_routes(struct net_link *l)
{
	unsigned i;

	for (i = 0; i < l->route_count; i++) {
		struct net_route *r = &l->routes[i];
		bool is = is_way(l, r);

		if (!leads_to(r, net_is_v6(r->to) ? l->gateway6 : l->gateway4) && !is)
			continue;
		net_route_done(r);
		memmove(r, r + 1, (--l->route_count - i) * sizeof(*r));
		i--;
	}
}

void net_settle_gateways(struct net_link *l)
{
	net_drop_gateway_routes(l);
	l->is_onlink4 = l->gateway4 && net_needs_onlink(l, l->gateway4);
	l->is_onlink6 = l->gateway6 && net_needs_onlink(l, l->gateway6);
}
