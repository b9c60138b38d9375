/* SPDX-License-Identifier: MIT */
/* SUSE's ifcfg files into the model: ifcfg(5), ifcfg-bonding(5), ifcfg-bridge(5), ifcfg-vlan(5), ifsysctl(5). */
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "rewrite/net_wicked_priv.h"

/* ---- addresses ------------------------------------------------------------------------------------------------- */

/* ifcfg(5): a length behind the address comes before PREFIXLEN, that before NETMASK; without any it is the whole. */
static int take_address(struct net_link *l, struct sysconfig *s, const char *suffix)
{
	const char *address = sysconfig_get_n(s, "IPADDR", suffix),
		   *prefix = sysconfig_get_n(s, "PREFIXLEN", suffix),
		   *mask = sysconfig_get_n(s, "NETMASK", suffix),
		   *remote = sysconfig_get_n(s, "REMOTE_IPADDR", suffix);
	bool is_first4 = !net_has_addresses(l, false);
	char bare[64];
	bool v6;
	int len;

	sysconfig_get_n(s, "BROADCAST", suffix);
	sysconfig_get_n(s, "LABEL", suffix);
	if (!address || strcmp(address, "0.0.0.0") == 0)
		return 0;
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(address, "/"), address);
	v6 = net_is_v6(bare);
	len = strchr(address, '/') ? net_mask_length(strchr(address, '/') + 1)
	      : prefix		   ? net_mask_length(prefix)
	      : mask && !v6	   ? net_mask_length(mask)
	      : v6		   ? 128
				   : 32;
	if (!net_is_address(bare) || len < 0 || len > (v6 ? 128 : 32))
		return strlist_addf(&l->extra, "IPADDR%s=%s", suffix, address);
	if (strlist_addf(&l->addresses, "%s/%d", bare, len) < 0)
		return -1;
	if (!remote)
		return 0;
	if (v6 || !is_first4 || !net_is_address(remote) || net_is_v6(remote))
		return strlist_addf(&l->extra, "REMOTE_IPADDR%s=%s", suffix, remote);
	l->peer4 = strdup(remote);
	return l->peer4 ? 0 : -1;
}

static int read_addresses(struct net_link *l, struct sysconfig *s)
{
	size_t i, n;

	for (i = 0; i < s->count; i++) {
		const char *name = s->vars[i].name;

		for (n = 0; n < i; n++)
			if (strcmp(s->vars[n].name, name) == 0)
				break;
		if (n == i && str_starts(name, "IPADDR") &&
		    take_address(l, s, name + strlen("IPADDR")) < 0)
			return -1;
	}
	return 0;
}

/* "dhcp4+auto6"; static is always a part of it. */
static int read_methods(struct net_link *l, struct sysconfig *s, bool *ret_none)
{
	const char *proto = sysconfig_get(s, "BOOTPROTO");
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	*ret_none = proto && strcasecmp(proto, "none") == 0;
	if (proto && strlist_split(&words, proto, "+") < 0)
		return -1;
	l->v6 = NET_AUTO; /* "does not prevent from getting dynamic IPv6 addresses" */
	for (i = 0; i < words.count; i++) {
		const char *word = words.items[i];
		bool both = strcasecmp(word, "dhcp") == 0;

		if (both || strcasecmp(word, "dhcp4") == 0)
			l->v4 = NET_DHCP;
		if (both || strcasecmp(word, "dhcp6") == 0)
			l->v6 = NET_DHCP;
		if (!both && strcasecmp(word, "dhcp4") != 0 && strcasecmp(word, "dhcp6") != 0 &&
		    strcasecmp(word, "static") != 0 && strcasecmp(word, "auto6") != 0 &&
		    strcasecmp(word, "none") != 0 &&
		    strlist_addf(&l->extra, "BOOTPROTO=%s", word) < 0)
			return -1;
	}
	return 0;
}

/* ---- ifsysctl ---------------------------------------------------------------------------------------------------- */

/* Whether a line sets that variable of the link, of all or of later ones: "net.ipv6.conf.eth0/1.accept_ra". */
static bool is_variable(const char *key, const char *link, const char *variable)
{
	static const char *const others[] = { "all", "default", "$SYSCTL_IF", "$INTERFACE" };
	char names[2][160];
	size_t i;
	char *c;

	for (i = 0; i <= ARRAY_SIZE(others); i++) {
		const char *name = i ? others[i - 1] : link;

		snprintf(names[0], sizeof(names[0]), "net/ipv6/conf/%.64s/%s", name, variable);
		snprintf(names[1], sizeof(names[1]), "net.ipv6.conf.%.64s.%s", name, variable);
		for (c = names[1] + strlen("net.ipv6.conf.");
		     c < names[1] + strlen(names[1]) - strlen(variable) - 1; c++)
			if (*c == '.')
				*c = '/';
		if (strcmp(key, names[0]) == 0 || strcmp(key, names[1]) == 0)
			return true;
	}
	return false;
}

static int read_sysctl_file(struct sysconfig_reader *r, struct net_link *l, const char *path,
			    bool *accepts)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (sysconfig_lines(&lines, r, path) < 0)
		return -1;
	for (i = 0; i < lines.count; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;

		if (strlist_split(&words, lines.items[i], " \t='\"") < 0)
			return sysconfig_nomem(r);
		if (words.count != 2)
			continue;
		if (is_variable(words.items[0], l->name, "accept_ra"))
			*accepts = strcmp(words.items[1], "0") != 0;
		else if (is_variable(words.items[0], l->name, "disable_ipv6") &&
			 strcmp(words.items[1], "1") == 0)
			*accepts = false;
	}
	return 0;
}

static int read_sysctl(struct sysconfig_reader *r, struct net_link *l)
{
	bool accepts = true;
	char path[PATH_MAX];
	size_t at;

	snprintf(path, sizeof(path), WICKED_DIR "/ifsysctl-%.64s", l->name);
	/* the file for all is read once a link, but is one file */
	net_list_drop(&r->m->files, WICKED_DIR "/ifsysctl");
	if (read_sysctl_file(r, l, WICKED_DIR "/ifsysctl", &accepts) < 0 ||
	    read_sysctl_file(r, l, path, &accepts) < 0)
		return -1;
	at = net_has_addresses(l, true);
	if (!accepts && l->v6 != NET_DHCP)
		l->v6 = at ? NET_STATIC : NET_OFF;
	return 0;
}

/* ---- kinds ------------------------------------------------------------------------------------------------------- */

/* BONDING_SLAVE_0, BONDING_SLAVE1 and whatever suffix; ports have no word of who they belong to. */
static int read_bond(struct net_model *m, struct net_link *l, struct sysconfig *s,
		     struct strlist *ports)
{
	const char *options = sysconfig_get(s, "BONDING_MODULE_OPTS");
	size_t i;

	(void)m;
	l->kind = NET_BOND;
	for (i = 0; i < s->count; i++) {
		struct sysconfig_var *v = &s->vars[i];

		if (!str_starts(v->name, "BONDING_SLAVE"))
			continue;
		v->is_taken = true;
		if (*v->value && !strlist_has(ports, v->value) && strlist_add(ports, v->value) < 0)
			return -1;
	}
	return options ? sysconfig_bond_options(l, options) : 0;
}

static const char *const bridge_keys[][2] = {
	{ "BRIDGE_AGEINGTIME", "ageing_time" },	    { "BRIDGE_HELLOTIME", "hello_time" },
	{ "BRIDGE_FORWARDDELAY", "forward_delay" }, { "BRIDGE_MAXAGE", "max_age" },
	{ "BRIDGE_PRIORITY", "priority" },
};

static int read_bridge(struct net_link *l, struct sysconfig *s, struct strlist *ports)
{
	const char *stp = sysconfig_get(s, "BRIDGE_STP"), *names = sysconfig_get(s, "BRIDGE_PORTS");
	size_t i;

	l->kind = NET_BRIDGE;
	if (stp && strlist_addf(&l->options, "stp=%s", net_bool(stp) == 1 ? "yes" : "no") < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(bridge_keys); i++) {
		const char *value = sysconfig_get(s, bridge_keys[i][0]);

		if (value && strlist_addf(&l->options, "%s=%s", bridge_keys[i][1], value) < 0)
			return -1;
	}
	return names ? strlist_split(ports, names, " \t,") : 0;
}

static int read_vlan(struct net_link *l, struct sysconfig *s, const char *parent)
{
	const char *id = sysconfig_get(s, "VLAN_ID");
	uint32_t number;

	l->kind = NET_VLAN;
	l->parent = strdup(parent);
	l->vlan_id = id && parse_u32(id, &number) == 0 && number >= 1 && number <= 4094
			     ? number
			     : sysconfig_vlan_of(l->name);
	return l->parent ? 0 : -1;
}

static int read_kind(struct sysconfig_reader *r, struct net_link *l, struct sysconfig *s,
		     struct strlist *ports)
{
	const char *parent = sysconfig_get(s, "ETHERDEVICE"), *tunnel = sysconfig_get(s, "TUNNEL");
	bool bond = sysconfig_bool(s, "BONDING_MASTER", 0), bridge = sysconfig_bool(s, "BRIDGE", 0);

	if (tunnel) {
		l->kind = NET_OTHER;
		return strlist_addf(&l->extra, "TUNNEL=%s", tunnel);
	}
	if (bond)
		return read_bond(r->m, l, s, ports);
	if (bridge)
		return read_bridge(l, s, ports);
	return parent ? read_vlan(l, s, parent) : 0;
}

/* ---- one file ----------------------------------------------------------------------------------------------------- */

static bool is_at_boot(const char *mode)
{
	static const char *const words[] = { "auto",	"boot",	   "onboot", "on",
					     "hotplug", "nfsroot", "ifplugd" };
	size_t i;

	for (i = 0; mode && i < ARRAY_SIZE(words); i++)
		if (strcasecmp(mode, words[i]) == 0)
			return true;
	return false;
}

static int read_own(struct net_link *l, struct sysconfig *s)
{
	static const char *const known[] = { "NAME",
					     "BROADCAST",
					     "NETWORK",
					     "USERCONTROL",
					     "UNIQUE",
					     "_nm_name",
					     "CHECK_DUPLICATE_IP",
					     "INTERFACETYPE",
					     "SEND_GRATUITOUS_ARP",
					     "LINK_REQUIRED",
					     "LINK_READY_WAIT",
					     "PREFIXLEN",
					     "NETMASK",
					     "IFPLUGD_PRIORITY" };
	const char *mtu = sysconfig_get(s, "MTU"), *set = sysconfig_get(s, "LLADDR");
	char mac[18];
	size_t i;

	l->at_boot = is_at_boot(sysconfig_get(s, "STARTMODE"));
	if (mtu && parse_u32(mtu, &l->mtu) < 0)
		l->mtu = 0;
	if (set && net_mac_of(set, mac))
		l->set_mac = strdup(mac);
	if (set && !l->set_mac && strlist_addf(&l->extra, "LLADDR=%s", set) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		sysconfig_get(s, known[i]);
	return 0;
}

static int add_ports(struct sysconfig_reader *r, const char *name, const struct strlist *ports)
{
	const struct net_link *l = net_find(r->m, name);
	enum net_kind kind = l->kind;
	size_t i;

	for (i = 0; i < ports->count; i++) {
		const char *port = ports->items[i];

		if (!net_is_device_name(port) || strcmp(port, name) == 0) {
			if (sysconfig_note(r, WICKED_DIR, "names a port that cannot be") < 0)
				return -1;
			continue;
		}
		if (sysconfig_add_port(r->m, name, kind, port) < 0)
			return sysconfig_nomem(r);
	}
	return 0;
}

/* "eth-id-52:54:00:aa:bb:cc", as files were called before 2010: a card by its address. */
static int name_link(struct sysconfig_reader *r, const char *label, const char *path,
		     struct net_link **ret)
{
	char mac[18] = "";

	*ret = NULL;
	if (str_starts(label, "eth-id-") && net_mac_of(label + strlen("eth-id-"), mac)) {
		char *name cleanup_free = net_label_free(r->m, "card");

		*ret = name ? net_link_get(r->m, name) : NULL;
		if (!*ret || !((*ret)->mac = strdup(mac)))
			return sysconfig_nomem(r);
		return 0;
	}
	if (!net_is_device_name(label))
		return sysconfig_note(r, path, "names a link that cannot be");
	*ret = net_link_get(r->m, label);
	return *ret ? 0 : sysconfig_nomem(r);
}

static int read_file(struct sysconfig_reader *r, const char *label, const char *path,
		     struct sysconfig *s)
{
	struct strlist ports cleanup_strlist = STRLIST_INIT;
	struct net_link *l;
	bool is_none = false;
	int rc = sysconfig_load(s, r, path);

	if (rc <= 0 || name_link(r, label, path, &l) < 0)
		return rc < 0 || rc > 0 ? -1 : 0;
	if (!l)
		return 0;
	rc = read_kind(r, l, s, &ports);
	if (rc == 0)
		rc = read_own(l, s);
	if (rc == 0)
		rc = read_methods(l, s, &is_none);
	if (rc == 0)
		rc = read_addresses(l, s);
	if (rc == 0)
		rc = sysconfig_rest(s, &l->extra);
	if (rc < 0)
		return sysconfig_nomem(r);
	if (l->v4 == NET_OFF && net_has_addresses(l, false))
		l->v4 = NET_STATIC;
	if (read_sysctl(r, l) < 0)
		return -1;
	if (is_none) {
		strlist_done(&l->addresses);
		l->v4 = l->v6 = NET_OFF;
	}
	return add_ports(r, l->name, &ports);
}

/* ---- what is said for the whole system --------------------------------------------------------------------------------- */

/* NETCONFIG_DNS_STATIC_SERVERS belongs to no link: to the first with a gateway. */
static int read_config(struct sysconfig_reader *r)
{
	struct sysconfig s;
	const char *servers, *search;
	struct net_link *l = r->m->link_count ? &r->m->links[0] : NULL;
	int rc = sysconfig_load(&s, r, WICKED_CONFIG);
	unsigned i;

	for (i = r->m->link_count; i-- > 0;)
		if (r->m->links[i].gateway4 || r->m->links[i].gateway6)
			l = &r->m->links[i];
	servers = sysconfig_get(&s, "NETCONFIG_DNS_STATIC_SERVERS");
	search = sysconfig_get(&s, "NETCONFIG_DNS_STATIC_SEARCHLIST");
	if (l && rc > 0 &&
	    ((servers && strlist_split(&l->dns, servers, " \t,") < 0) ||
	     (search && strlist_split(&l->search, search, " \t,") < 0)))
		rc = sysconfig_nomem(r);
	sysconfig_done(&s);
	return rc < 0 ? -1 : 0;
}

/* How the DHCP server knows the machine: what another stack must not lose unsaid. */
static int read_dhcp(struct sysconfig_reader *r)
{
	static const char *const keys[] = { "DHCLIENT_CLIENT_ID", "DHCLIENT6_CLIENT_ID",
					    "DHCLIENT_VENDOR_CLASS_ID" };
	struct sysconfig s;
	int rc = sysconfig_load(&s, r, WICKED_DIR "/dhcp");
	unsigned i;
	size_t n;

	for (i = 0; rc > 0 && i < r->m->link_count; i++) {
		struct net_link *l = &r->m->links[i];

		for (n = 0; n < ARRAY_SIZE(keys) && rc > 0; n++) {
			const char *value = sysconfig_get(&s, keys[n]);

			if (value && (l->v4 == NET_DHCP || l->v6 == NET_DHCP) &&
			    strlist_addf(&l->extra, "%s=%s", keys[n], value) < 0)
				rc = sysconfig_nomem(r);
		}
	}
	sysconfig_done(&s);
	return rc < 0 ? -1 : 0;
}

/* A port or a VLAN's card need no file; the ports of a bond or bridge have no addresses, whatever theirs says. */
static int finish(struct sysconfig_reader *r)
{
	struct net_model *m = r->m;
	unsigned i, count = m->link_count;
	size_t n;

	for (i = 0; i < count; i++) {
		for (n = 0; n < m->links[i].ports.count; n++) {
			struct net_link *port =
				(struct net_link *)net_find(m, m->links[i].ports.items[n]);

			if (!port)
				continue;
			strlist_done(&port->addresses);
			port->v4 = port->v6 = NET_OFF;
		}
	}
	for (i = 0; i < m->link_count; i++) {
		struct net_link *l = &m->links[i];

		if (wicked_read_routes(r, l) < 0 || wicked_read_rules(r, l) < 0)
			return -1;
	}
	if (wicked_read_routes(r, NULL) < 0)
		return -1;
	for (i = 0; i < m->link_count; i++)
		sysconfig_finish(&m->links[i]);
	return 0;
}

static int wicked_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct sysconfig_reader r = { .m = m, .root = root, .e = e };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (sysconfig_list(&names, &r, WICKED_DIR, "ifcfg-") < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		struct sysconfig s = { 0 };
		int rc;

		snprintf(path, sizeof(path), WICKED_DIR "/%.255s", names.items[i]);
		rc = read_file(&r, names.items[i] + strlen("ifcfg-"), path, &s);
		sysconfig_done(&s);
		if (rc < 0)
			return -1;
	}
	return finish(&r) < 0 || read_config(&r) < 0 || read_dhcp(&r) < 0 ? -1 : 0;
}

/* ---- detection --------------------------------------------------------------------------------------------------------- */

static bool wicked_is_active(const struct root *root, bool whole)
{
	static const char *const enabled[] = {
		"/etc/systemd/system/multi-user.target.wants/wicked.service",
		"/etc/systemd/system/multi-user.target.wants/network.service", NULL
	};
	char link[PATH_MAX];

	if (!sysconfig_any(root, WICKED_DIR, "ifcfg-"))
		return false;
	if (!whole)
		return true;
	/* the alias of whoever is enabled: also NetworkManager's */
	if (root_readlink(root, "/etc/systemd/system/network.service", link, sizeof(link)) >= 0)
		return str_ends(link, "/wicked.service");
	return net_any_exists(root, enabled) || sysconfig_rc_starts(root, "network");
}

const struct net_backend net_wicked = { "wicked", wicked_is_active, wicked_read, wicked_write };
