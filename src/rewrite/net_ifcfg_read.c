/* SPDX-License-Identifier: MIT */
/* The keys of one ifcfg file: doc/sysconfig.txt of initscripts, nm-settings-ifcfg-rh(5). */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "rewrite/net_ifcfg_priv.h"

#define ADDRESSES_MAX 257 /* '' and 0 to 255 */
#define SERVERS_MAX 16

/* ---- IPv4 ------------------------------------------------------------------------------------------------------ */

/* Where neither prefix nor netmask is given, ipcalc goes by the class. */
static int class_length(const char *address)
{
	struct in_addr a;
	uint32_t top;

	if (inet_pton(AF_INET, address, &a) != 1)
		return 32;
	top = ntohl(a.s_addr) >> 24;
	return top < 128 ? 8 : top < 192 ? 16 : 24;
}

int ifcfg_take_address(struct net_link *l, struct sysconfig *s, const char *suffix,
		       const char *fallback)
{
	const char *address = sysconfig_get_n(s, "IPADDR", suffix),
		   *prefix = sysconfig_get_n(s, "PREFIX", suffix),
		   *mask = sysconfig_get_n(s, "NETMASK", suffix);
	char bare[64];
	int len;

	if (!address)
		return 0;
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(address, "/"), address);
	len = prefix		     ? net_mask_length(prefix)
	      : strchr(address, '/') ? net_mask_length(strchr(address, '/') + 1)
	      : mask		     ? net_mask_length(mask)
	      : fallback	     ? net_mask_length(fallback)
				     : class_length(address);
	if (net_is_v6(bare) || !net_is_address(bare) || len < 0 || len > 32)
		return strlist_addf(&l->extra, "IPADDR%s=%s", suffix, address) < 0 ? -1 : 1;
	return strlist_addf(&l->addresses, "%s/%d", bare, len) < 0 ? -1 : 1;
}

/* IPADDR, IPADDR0, IPADDR1 and on: the first two may be missing, then the numbers go without a gap. */
static int take_addresses(struct net_link *l, struct sysconfig *s, const char **ret_gateway)
{
	char suffix[8] = "";
	int i, rc;

	for (i = -1; i < ADDRESSES_MAX - 1; i++) {
		const char *gateway;

		if (i >= 0)
			snprintf(suffix, sizeof(suffix), "%d", i);
		rc = ifcfg_take_address(l, s, suffix, NULL);
		if (rc < 0)
			return -1;
		gateway = sysconfig_get_n(s, "GATEWAY", suffix);
		*ret_gateway = *ret_gateway ? *ret_gateway : gateway;
		sysconfig_get_n(s, "BROADCAST", suffix);
		sysconfig_get_n(s, "ARPCHECK", suffix);
		sysconfig_get_n(s, "ARPUPDATE", suffix);
		if (rc == 0 && i >= 2)
			break;
	}
	return 0;
}

/* A default route: with a metric or a table it is a route like others. */
static int take_gateway(struct net_link *l, struct sysconfig *s, const char *gateway, bool v6)
{
	const char *metric = v6 ? NULL : sysconfig_get(s, "METRIC"),
		   *of_nm = sysconfig_get(s, v6 ? "IPV6_ROUTE_METRIC" : "IPV4_ROUTE_METRIC"),
		   *table = sysconfig_get(s, v6 ? "IPV6_ROUTE_TABLE" : "IPV4_ROUTE_TABLE");
	struct net_route r = { .to = (char *)(v6 ? "::/0" : "0.0.0.0/0"), .via = (char *)gateway };

	if (!metric)
		metric = of_nm;
	if ((metric && parse_u32(metric, &r.metric) < 0) ||
	    (table && parse_u32(table, &r.table) < 0))
		return strlist_addf(&l->extra, "metric %s, table %s", metric ? metric : "-",
				    table ? table : "-");
	if (!gateway)
		return 0;
	if (!net_is_address(gateway) || net_is_v6(gateway) != v6)
		return strlist_addf(&l->extra, "gateway %s", gateway);
	r.table = r.table == 254 ? 0 : r.table;
	if (r.metric || r.table)
		r.is_onlink = net_needs_onlink(l, gateway);
	return net_take_route(l, &r);
}

static int read_v4(struct ifcfg_reader *r, struct net_link *l, struct sysconfig *s)
{
	const char *proto = sysconfig_get(s, "BOOTPROTO"), *gateway = NULL,
		   *scope = sysconfig_get(s, "SCOPE"),
		   *only = sysconfig_get(&r->network, "GATEWAYDEV");
	bool dhcp = proto && (strcasecmp(proto, "dhcp") == 0 || strcasecmp(proto, "bootp") == 0);

	if (take_addresses(l, s, &gateway) < 0)
		return -1;
	l->v4 = dhcp ? NET_DHCP : l->addresses.count ? NET_STATIC : NET_OFF;
	if (proto && !dhcp && strcasecmp(proto, "none") != 0 && strcasecmp(proto, "static") != 0 &&
	    strlist_addf(&l->extra, "BOOTPROTO=%s", proto) < 0)
		return -1;
	if (scope && str_starts(scope, "peer ") && net_is_address(scope + 5)) {
		l->peer4 = strdup(scope + 5);
		if (!l->peer4)
			return -1;
	} else if (scope && strlist_addf(&l->extra, "SCOPE=%s", scope) < 0) {
		return -1;
	}
	if (!sysconfig_bool(s, "DEFROUTE", 1)) {
		/* the gateway of DHCP is one that the model cannot leave out */
		if (dhcp && strlist_add(&l->extra, "DEFROUTE=no") < 0)
			return -1;
		gateway = NULL;
	}
	if (only && strcmp(only, l->name) != 0)
		gateway = NULL;
	return take_gateway(l, s, gateway, false);
}

/* ---- IPv6 ------------------------------------------------------------------------------------------------------ */

static int take_addresses6(struct net_link *l, const char *text)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (text && strlist_split(&words, text, " \t,") < 0)
		return -1;
	for (i = 0; i < words.count; i++) {
		const char *word = words.items[i];
		char *prefix cleanup_free = net_prefix_of(word, true);
		int rc;

		if (!prefix || !net_is_v6(prefix) || strcmp(word, "default") == 0)
			rc = strlist_addf(&l->extra, "IPV6ADDR=%s", word);
		else if (strchr(word, '/'))
			rc = strlist_add(&l->addresses, word);
		else
			rc = strlist_addf(&l->addresses, "%s/64", word);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* A file's own word comes before that of /etc/sysconfig/network. */
static int either_bool(struct ifcfg_reader *r, struct sysconfig *s, const char *name, int otherwise)
{
	return sysconfig_bool(s, name, sysconfig_bool(&r->network, name, otherwise));
}

static int read_v6(struct ifcfg_reader *r, struct net_link *l, struct sysconfig *s)
{
	const char *first = sysconfig_get(s, "IPV6ADDR"),
		   *others = sysconfig_get(s, "IPV6ADDR_SECONDARIES"),
		   *gateway = sysconfig_get(s, "IPV6_DEFAULTGW"),
		   *device = sysconfig_get(s, "IPV6_DEFAULTDEV");
	bool on = either_bool(r, s, "IPV6INIT", 1) && !sysconfig_bool(s, "IPV6_DISABLED", 0) &&
		  sysconfig_bool(&r->network, "NETWORKING_IPV6", 1);
	bool autoconf = either_bool(r, s, "IPV6_AUTOCONF", !either_bool(r, s, "IPV6FORWARDING", 0));
	bool dhcp = sysconfig_bool(s, "DHCPV6C", 0);
	char text[64] = "";

	l->v6 = NET_OFF;
	if (!on)
		return first || others ? strlist_add(&l->extra, "IPV6INIT=no, with addresses") : 0;
	if (take_addresses6(l, first) < 0 || take_addresses6(l, others) < 0)
		return -1;
	l->v6 = dhcp			     ? NET_DHCP
		: autoconf		     ? NET_AUTO
		: net_has_addresses(l, true) ? NET_STATIC
					     : NET_OFF;
	if (gateway) {
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(gateway, "%"), gateway);
		device = strchr(gateway, '%') ? strchr(gateway, '%') + 1 : device;
	}
	if (!sysconfig_bool(s, "IPV6_DEFROUTE", 1) || (device && strcmp(device, l->name) != 0))
		*text = '\0';
	return take_gateway(l, s, *text ? text : NULL, true);
}

/* ---- names, rules ------------------------------------------------------------------------------------------------ */

static int read_servers(struct net_link *l, struct sysconfig *s)
{
	static const char *const domains[] = { "DOMAIN", "SEARCH", "IPV6_DOMAIN" };
	char suffix[8];
	unsigned i;

	for (i = 1; i <= SERVERS_MAX; i++) {
		const char *server;

		snprintf(suffix, sizeof(suffix), "%u", i);
		server = sysconfig_get_n(s, "DNS", suffix);
		if (server && strlist_add(&l->dns, server) < 0)
			return -1;
	}
	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		const char *text = sysconfig_get(s, domains[i]);

		if (text && strlist_split(&l->search, text, " \t,") < 0)
			return -1;
	}
	return 0;
}

static int read_rules(struct net_link *l, struct sysconfig *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		struct sysconfig_var *v = &s->vars[i];
		bool v4 = str_starts(v->name, "ROUTING_RULE_"),
		     v6 = str_starts(v->name, "ROUTING_RULE6_");

		if ((!v4 && !v6) || !*v->value)
			continue;
		v->is_taken = true;
		if (sysconfig_take_rule(l, v->value, v6, v->name) < 0)
			return -1;
	}
	return 0;
}

/* ---- kinds --------------------------------------------------------------------------------------------------------- */

/* sysfs counts in hundredths of a second, NetworkManager in seconds. */
static int take_bridge_time(struct net_link *l, const char *name, const char *value, bool is_sysfs)
{
	uint32_t n;

	if (is_sysfs && parse_u32(value, &n) == 0 && n % 100 == 0)
		return strlist_addf(&l->options, "%s=%u", name, n / 100);
	return strlist_addf(&l->options, "%s=%s", name, value);
}

static int take_bridge_word(struct ifcfg_reader *r, struct net_link *l, const char *key,
			    const char *value)
{
	static const char *const times[] = { "hello_time", "max_age", "ageing_time",
					     "forward_delay" };
	const struct net_option *o;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(times); i++)
		if (strcmp(key, times[i]) == 0)
			return take_bridge_time(l, key, value, r->user.scripts && !r->user.nm);
	if (strcmp(key, "default_pvid") == 0)
		key = "vlan_default_pvid";
	o = net_option_find(NET_BRIDGE, key, strlen(key));
	if (!o)
		return strlist_addf(&l->extra, "BRIDGING_OPTS=%s=%s", key, value);
	if (o->type == OPTION_BOOL)
		value = net_bool(value) == 1 ? "yes" : "no";
	return strlist_addf(&l->options, "%s=%s", key, value);
}

static int read_bridge(struct ifcfg_reader *r, struct net_link *l, struct sysconfig *s)
{
	static const char *const keys[][2] = { { "DELAY", "forward_delay" },
					       { "PRIO", "priority" },
					       { "AGEING", "ageing_time" } };
	struct strlist words cleanup_strlist = STRLIST_INIT;
	const char *more = sysconfig_get(s, "BRIDGING_OPTS"), *stp = sysconfig_get(s, "STP");
	size_t i;

	if (stp && strlist_addf(&l->options, "stp=%s", net_bool(stp) == 1 ? "yes" : "no") < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = sysconfig_get(s, keys[i][0]);

		if (value && strlist_addf(&l->options, "%s=%s", keys[i][1], value) < 0)
			return -1;
	}
	if (more && strlist_split(&words, more, " \t") < 0)
		return -1;
	for (i = 0; i < words.count; i++) {
		char *value = strchr(words.items[i], '=');

		if (value)
			*value++ = '\0';
		if (take_bridge_word(r, l, words.items[i], value ? value : "") < 0)
			return -1;
	}
	return 0;
}

/* PHYSDEV and VLAN_ID, or VID of the scripts; else the name tells: eth0.5, vlan5. */
static int read_vlan(struct net_link *l, struct sysconfig *s)
{
	const char *parent = sysconfig_get(s, "PHYSDEV"), *id = sysconfig_get(s, "VLAN_ID"),
		   *vid = sysconfig_get(s, "VID"), *dot = strrchr(l->name, '.');
	uint32_t number;

	l->kind = NET_VLAN;
	id = id ? id : vid;
	l->vlan_id = id && parse_u32(id, &number) == 0 && number >= 1 && number <= 4094
			     ? number
			     : sysconfig_vlan_of(l->name);
	if (parent)
		l->parent = strdup(parent);
	else if (dot && dot > l->name)
		l->parent = strndup(l->name, (size_t)(dot - l->name));
	else
		return strlist_add(&l->extra, "VLAN without PHYSDEV");
	return l->parent ? 0 : -1;
}

static int read_kind(struct ifcfg_reader *r, struct net_link *l, struct sysconfig *s)
{
	static const char *const cards[] = { "Ethernet", "Wireless", "InfiniBand",
					     "Bond",	 "Bridge",   "Vlan" };
	const char *type = sysconfig_get(s, "TYPE"), *bond = sysconfig_get(s, "BONDING_OPTS");
	bool is_bond = sysconfig_bool(s, "BONDING_MASTER", 0) || bond;
	size_t i;

	for (i = 0; type && i < ARRAY_SIZE(cards); i++)
		if (strcasecmp(type, cards[i]) == 0)
			break;
	if (type && i == ARRAY_SIZE(cards)) {
		l->kind = NET_OTHER;
		return strlist_addf(&l->extra, "TYPE=%s", type);
	}
	if (sysconfig_bool(s, "VLAN", type && strcasecmp(type, "Vlan") == 0))
		return read_vlan(l, s);
	if (is_bond || (type && strcasecmp(type, "Bond") == 0)) {
		l->kind = NET_BOND;
		return bond ? sysconfig_bond_options(l, bond) : 0;
	}
	if (type && strcasecmp(type, "Bridge") == 0) {
		l->kind = NET_BRIDGE;
		return read_bridge(r, l, s);
	}
	if (type && (strcasecmp(type, "Wireless") == 0 || strcasecmp(type, "InfiniBand") == 0))
		return strlist_addf(&l->extra, "TYPE=%s", type);
	return 0;
}

static int read_own(struct net_link *l, struct sysconfig *s)
{
	const char *mtu = sysconfig_get(s, "MTU"), *set = sysconfig_get(s, "MACADDR"),
		   *of_bridge = sysconfig_get(s, "BRIDGE_MACADDR");
	char mac[18];

	if (mtu && parse_u32(mtu, &l->mtu) < 0)
		l->mtu = 0;
	if (!set)
		set = of_bridge;
	if (set && !net_mac_of(set, mac))
		return strlist_addf(&l->extra, "MACADDR=%s", set);
	if (!set)
		return 0;
	l->set_mac = strdup(mac);
	return l->set_mac ? 0 : -1;
}

/* ---- what need not be said ------------------------------------------------------------------------------------------- */

/* Names of files and profiles, how the two programs work; and what is so without being said. */
static int pass_over(struct sysconfig *s, struct strlist *extra)
{
	static const char *const known[] = {
		"NAME",
		"USERCTL",
		"HOTPLUG",
		"NETWORK",
		"ONBOOT",
		"NM_CONTROLLED",
		"UUID",
		"NOZEROCONF",
		"BROWSER_ONLY",
		"PROXY_METHOD",
		"SLAVE",
		"ARPING_WAIT",
		"PREFIX",
		"ARPING_UPDATE_WAIT",
		"LINKDELAY",
		"IPV4_FAILURE_FATAL",
		"NETMASK",
		"IPV6_FAILURE_FATAL",
		"LAST_CONNECT",
		"PERSISTENT_DHCLIENT",
		"DEVICETYPE",
		"AUTOCONNECT_PRIORITY",
		"IPV6_DEFAULTDEV",
		"PERSISTENT_DHCLIENT_IPV6",
	};
	static const struct {
		const char *name;
		int usual;
	} defaults[] = {
		{ "PEERDNS", 1 },	  { "PEERROUTES", 1 },	{ "IPV6_PEERDNS", 1 },
		{ "IPV6_PEERROUTES", 1 }, { "REORDER_HDR", 1 }, { "GVRP", 0 },
		{ "IPV6_PRIVACY", 0 },	  { "ARP", 1 },		{ "AUTOCONNECT_SLAVES", 0 }
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		sysconfig_get(s, known[i]);
	for (i = 0; i < ARRAY_SIZE(defaults); i++) {
		const char *value = sysconfig_get(s, defaults[i].name);

		if (value && net_bool(value) != defaults[i].usual &&
		    strlist_addf(extra, "%s=%s", defaults[i].name, value) < 0)
			return -1;
	}
	return sysconfig_rest(s, extra);
}

/* A port has no addresses: ifup-eth ends before, and a profile of one may have none. */
static void pass_over_ip(struct sysconfig *s)
{
	static const char *const keys[] = { "BOOTPROTO", "IPV6INIT",	  "IPV6_AUTOCONF",
					    "DEFROUTE",	 "IPV6_DEFROUTE", "DHCPV6C" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		sysconfig_get(s, keys[i]);
}

int ifcfg_read_link(struct ifcfg_reader *r, struct net_link *l, struct sysconfig *s)
{
	bool is_port = sysconfig_get(s, "BRIDGE") || sysconfig_get(s, "BRIDGE_UUID") ||
		       sysconfig_get(s, "MASTER_UUID") ||
		       (sysconfig_get(s, "MASTER") && sysconfig_bool(s, "SLAVE", 1));
	int rc = read_kind(r, l, s);

	if (rc == 0)
		rc = read_own(l, s);
	if (is_port)
		pass_over_ip(s);
	else if (rc == 0)
		rc = read_v4(r, l, s) < 0 || read_v6(r, l, s) < 0 ? -1 : 0;
	if (rc == 0)
		rc = read_servers(l, s);
	if (rc == 0)
		rc = read_rules(l, s);
	if (rc == 0)
		rc = pass_over(s, &l->extra);
	return rc < 0 ? sysconfig_nomem(&r->base) : 0;
}
