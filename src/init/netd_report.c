/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/report.h"
#include "init/early.h"
#include "init/netd.h"

#define NO_LINK_AFTER_MS 10000
#define NO_CARRIER_AFTER_MS 8000
#define NO_ROUTER_AFTER_MS 15000
#define ADDRS_MAX 64
#define ROUTES_MAX 64

static json_t *cidr(const struct net_ip *ip, unsigned prefix)
{
	char text[INET6_ADDRSTRLEN];

	return json_sprintf("%s/%u", net_ip_text(ip, text, sizeof(text)), prefix);
}

static json_t *ip_text(const struct net_ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	return ip->family ? json_string(net_ip_text(ip, text, sizeof(text))) : json_null();
}

static const char *method_of(const struct netd *n, const struct netd_link *l)
{
	if (l->want_off)
		return "off";
	if (l->want_dhcp)
		return "dhcp";
	for (size_t i = 0; i < n->conf->nwants; i++)
		if (l->applied[i] && n->conf->wants[i].method == NET_STATIC)
			return "static";
	switch (l->want6) {
	case NET_AUTO6:
		return "auto6";
	case NET_DHCP6:
		return "dhcp6";
	case NET_EITHER6:
		return "either6";
	case NET_LINK6:
		return "link6";
	default:
		return l->id.taken ? "port" : "none";
	}
}

/* Name of the layer a link is a port of. */
static json_t *master_of(const struct netd *n, const struct netd_link *l)
{
	for (size_t i = 0; i < n->nlinks && l->master; i++)
		if (n->links[i].ifindex == l->master)
			return json_string(n->links[i].id.name);
	return json_null();
}

static json_t *link_json(const struct netd *n, const struct netd_link *l,
			 const struct rtnl_addr *addrs, int naddrs, const struct rtnl_route *routes,
			 int nroutes)
{
	const uint8_t *m = l->id.mac;
	json_t *list = json_array(), *gateway = NULL;
	const char *names[] = { l->id.slot_name, l->id.path_name };
	json_t *other = json_array();

	for (int i = 0; i < naddrs; i++)
		if (addrs[i].ifindex == l->ifindex && !addrs[i].is_link_scope &&
		    !addrs[i].is_tentative)
			json_array_append_new(list, cidr(&addrs[i].ip, addrs[i].prefix));
	for (int i = 0; i < nroutes && !gateway; i++)
		if (routes[i].ifindex == l->ifindex && routes[i].prefix == 0 &&
		    routes[i].via.family)
			gateway = ip_text(&routes[i].via);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i][0])
			json_array_append_new(other, json_string(names[i]));
	return json_pack("{s:s, s:o, s:s, s:o, s:b, s:o, s:i, s:s, s:o, s:o}", "name", l->id.name,
			 "mac",
			 json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
				      m[5]),
			 "driver", l->driver, "other_names", other, "carrier", (int)l->id.carrier,
			 "master", master_of(n, l), "mtu", (int)l->mtu, "method", method_of(n, l),
			 "addresses", list, "gateway", gateway ? gateway : json_null());
}

/* Name servers: said on the boot line first, then by DHCP. */
static size_t all_dns(const struct netd *n, struct net_ip *ret, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < n->conf->ndns && count < max; i++)
		ret[count++] = n->conf->dns[i];
	for (size_t i = 0; i < n->nlinks && !n->conf->no_peer_dns; i++)
		for (unsigned k = 0; k < n->links[i].lease.ndns && count < max; k++) {
			ret[count] = (struct net_ip){ .family = AF_INET };
			memcpy(ret[count++].bytes, n->links[i].lease.dns[k], 4);
		}
	return count;
}

static void write_resolv(const struct netd *n, const struct net_ip *dns, size_t count)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	char ip[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < n->nlinks; i++)
		if (n->links[i].lease.domain[0]) {
			strbuf_addf(&text, "search %s\n", n->links[i].lease.domain);
			break;
		}
	for (size_t i = 0; i < count && i < 3; i++) /* the resolver reads three */
		strbuf_addf(&text, "nameserver %s\n", net_ip_text(&dns[i], ip, sizeof(ip)));
	if (file_replace("/etc/resolv.conf", strbuf_str(&text), text.len, 0644, NULL) < 0)
		log_warn("network: /etc/resolv.conf could not be written");
}

void netd_write_state(struct netd *n)
{
	static struct rtnl_addr addrs[ADDRS_MAX];
	static struct rtnl_route routes[ROUTES_MAX];
	int naddrs = rtnl_addrs(n->fd, addrs, ADDRS_MAX);
	int nroutes = rtnl_routes(n->fd, routes, ROUTES_MAX);
	struct net_ip dns[8];
	size_t ndns = all_dns(n, dns, ARRAY_SIZE(dns));
	json_t *links = json_array(), *list = json_array(), *servers = json_array();

	for (size_t i = 0; i < n->nlinks; i++)
		json_array_append_new(links,
				      link_json(n, &n->links[i], addrs, naddrs, routes, nroutes));
	for (int i = 0; i < nroutes; i++)
		for (size_t k = 0; k < n->nlinks; k++)
			if (routes[i].ifindex == n->links[k].ifindex)
				json_array_append_new(list,
						      json_pack("{s:o, s:o, s:s, s:i}", "to",
								cidr(&routes[i].to,
								     routes[i].prefix),
								"via", ip_text(&routes[i].via),
								"link", n->links[k].id.name,
								"metric", (int)routes[i].metric));
	for (size_t i = 0; i < ndns; i++)
		json_array_append_new(servers, ip_text(&dns[i]));
	json_t *all = json_pack("{s:i, s:o, s:o, s:o}", "version", 1, "links", links, "routes",
				list, "dns", servers);
	static char *last;
	char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;

	json_decref(all);
	if (text && last && strcmp(text, last) == 0) {
		free(text);
		return;
	}
	if (!text || file_replace(RUN_DIR_INIT "/net.json", text, strlen(text), 0600, NULL) < 0)
		log_warn("network: net.json could not be written");
	free(last);
	last = text;
	write_resolv(n, dns, ndns);
}

/* A link that was to get its addresses from routers alone, of which one says that they do not give any. */
static const struct netd_link *find_auto6(const struct netd *n)
{
	const struct netd_link *found = NULL;

	for (size_t i = 0; i < n->nlinks; i++) {
		const struct netd_link *l = &n->links[i];
		bool managed = l->ra & RTNL_RA_MANAGED;

		if (l->want6 != NET_AUTO6 && l->want6 != NET_DHCP6 && l->want6 != NET_EITHER6)
			continue;
		if (!found || (managed && !(found->ra & RTNL_RA_MANAGED)))
			found = l;
	}
	return found;
}

bool netd_judge(const struct netd *n, bool has_address, uint64_t now, struct err *ret)
{
	uint64_t waited = now - n->began_ms;
	const struct netd_link *auto6 = find_auto6(n);
	bool carrier = false;
	unsigned silence = 0;

	*ret = ERR_INIT;
	for (size_t i = 0; i < n->nlinks; i++) {
		carrier |= n->links[i].id.carrier;
		if (n->links[i].dhcp_silence_s > silence)
			silence = n->links[i].dhcp_silence_s;
	}
	if (n->conf->ignored.count) {
		err_set(ret, ERR_INIT_NET_WORD, 0, "%s", n->conf->ignored.items[0]);
	} else if (n->why[0]) {
		err_set(ret, ERR_INIT_NET, n->why_errno, "%s", n->why);
	} else if (has_address) {
		return false;
	} else if (!n->nlinks && waited >= NO_LINK_AFTER_MS) {
		err_set(ret, ERR_INIT_NO_LINK, 0, "no driver here made a network card appear");
	} else if (n->nlinks && !carrier && waited >= NO_CARRIER_AFTER_MS) {
		err_set(ret, ERR_INIT_NO_CARRIER, 0, "%zu network cards, none connected",
			n->nlinks);
	} else if (silence) {
		/* Rounded, so that the console is not repainted for every attempt. */
		err_set(ret, ERR_INIT_DHCP, 0, "no answer for more than %u s", silence / 30 * 30);
	} else if (auto6 && waited >= NO_ROUTER_AFTER_MS) {
		err_set(ret, ERR_INIT_NO_RA, 0, "%s: %s", auto6->id.name,
			auto6->ra & RTNL_RA_MANAGED
				? "the router says that addresses come from DHCPv6"
			: auto6->ra & RTNL_RA_RECEIVED
				? "a router has answered and gives no addresses"
				: "no router has answered");
	} else {
		return false;
	}
	err_ctx(ret, "bringing up the network");
	ret->extent = EXTENT_NOTHING;
	return true;
}

void netd_write_error(struct netd *n, bool has_address, uint64_t now)
{
	static char last[2048];
	char text[2048] = "";
	struct err e;

	if (netd_judge(n, has_address, now, &e)) {
		FILE *f = fmemopen(text, sizeof(text) - 1, "w");

		if (!f)
			return;
		report_error(f, &e);
		fclose(f);
	}
	if (strcmp(text, last) == 0)
		return;
	strcpy(last, text);
	if (!text[0])
		unlink(RUN_DIR_INIT "/net_error");
	else if (file_replace(RUN_DIR_INIT "/net_error", text, strlen(text), 0600, NULL) < 0)
		log_warn("network: net_error could not be written");
}
