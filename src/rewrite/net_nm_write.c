/* SPDX-License-Identifier: MIT */
/* The model as profiles /etc/NetworkManager/system-connections/rehost-NAME.nmconnection, readable since 1.10. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "rewrite/net_nm_priv.h"

#define UUID_LEN 36

/* The same for the same link, so that a second run changes nothing: a version 8 UUID (RFC 9562) of name and address. */
static void uuid_of(const struct net_link *l, char ret[UUID_LEN + 1])
{
	uint8_t digest[SHA256_LEN];
	char text[400];
	int len = snprintf(text, sizeof(text), "rehost NetworkManager profile\n%.100s\n%.30s",
			   l->name, l->mac ? l->mac : "");
	char hex[33];

	sha256_of(text, (size_t)len, digest);
	digest[6] = (uint8_t)(0x80 | (digest[6] & 0x0f));
	digest[8] = (uint8_t)(0x80 | (digest[8] & 0x3f));
	hex_of(digest, 16, hex);
	snprintf(ret, UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		 hex + 20);
}

/* ---- [ipv4], [ipv6] ------------------------------------------------------------------------------------------ */

static const char *method_of(struct ini_writer *w, bool v6)
{
	const struct net_link *l = w->l;
	enum net_method method = v6 ? l->v6 : l->v4;

	/* method=dhcp would not listen to routers, and DHCPv6 tells of none */
	if (v6 && method == NET_DHCP)
		w->failed |= net_loss(w->o, "%s: DHCPv6 is asked only where the routers say so",
				      l->name) < 0;
	if (method == NET_DHCP || method == NET_AUTO)
		return "auto";
	if (net_has_addresses(l, v6))
		return "manual";
	return v6 ? "link-local" : "disabled";
}

static void put_addresses(struct ini_writer *w, bool v6)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < w->l->addresses.count; i++) {
		char key[24];

		if (net_is_v6(w->l->addresses.items[i]) != v6)
			continue;
		snprintf(key, sizeof(key), "address%u", ++n);
		ini_put(w, key, w->l->addresses.items[i]);
	}
}

/* Lists end in a semicolon. */
static void put_list(struct ini_writer *w, const char *key, const struct strlist *list, int v6)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (v6 >= 0 && net_is_v6(list->items[i]) != v6)
			continue;
		if (net_is_ini_word(list->items[i]))
			strbuf_addf(&b, "%s;", list->items[i]);
		else
			ini_lose(w, key, list->items[i]);
	}
	if (b.len)
		strbuf_addf(w->to, "%s=%s\n", key, strbuf_str(&b));
	w->failed |= b.failed;
}

static void put_route(struct ini_writer *w, const struct net_route *r, unsigned n)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	bool v6 = net_is_v6(r->to);

	strbuf_addf(w->to, "route%u=%s", n, r->to);
	if (r->via || r->metric)
		strbuf_addf(w->to, ",%s", r->via ? r->via : v6 ? "::" : "0.0.0.0");
	if (r->metric)
		strbuf_addf(w->to, ",%u", r->metric);
	strbuf_addc(w->to, '\n');
	if (r->table)
		strbuf_addf(&b, ",table=%u", r->table);
	if (r->mtu)
		strbuf_addf(&b, ",mtu=%u", r->mtu);
	if (r->via && (net_needs_onlink(w->l, r->via) ? nm_knows_onlink(w->version) : r->is_onlink))
		strbuf_adds(&b, ",onlink=true");
	if (r->src)
		strbuf_addf(&b, ",src=%s", r->src);
	if (r->type)
		strbuf_addf(&b, ",type=%s", r->type);
	if (b.len)
		strbuf_addf(w->to, "route%u_options=%s\n", n, strbuf_str(&b) + 1);
	w->failed |= b.failed;
}

static void put_routes(struct ini_writer *w, bool v6, bool is_off)
{
	const struct net_link *l = w->l;
	const char *gateway = v6 ? l->gateway6 : l->gateway4;
	struct net_route plain = { .to = (char *)(v6 ? "::/0" : "0.0.0.0/0"),
				   .via = (char *)gateway };
	unsigned i, n = 0;

	/* gateway= is refused where the family has no address */
	if (gateway && (is_off || !net_is_ini_word(gateway)))
		ini_lose(w, "the gateway", gateway);
	else if (gateway && net_has_addresses(l, v6))
		ini_put(w, "gateway", gateway);
	else if (gateway)
		put_route(w, &plain, ++n);
	for (i = 0; i < l->route_count; i++) {
		const struct net_route *r = &l->routes[i];

		if (net_is_v6(r->to) != v6)
			continue;
		/* types came with 1.36 */
		if (is_off || !net_route_is_sound(r) || (r->type && w->version < 1036))
			ini_lose(w, "the route to", r->to);
		else
			put_route(w, r, ++n);
	}
}

static void put_rules(struct ini_writer *w, bool v6)
{
	unsigned i, n = 0;

	for (i = 0; i < w->l->rule_count; i++) {
		const struct net_rule *r = &w->l->rules[i];

		if (r->is_v6 != v6)
			continue;
		/* rules came with 1.18 */
		if (!net_rule_is_sound(r) || w->version < 1018) {
			ini_lose(w, "the rule from", r->from ? r->from : "all");
			continue;
		}
		if (!r->priority)
			w->failed |= net_loss(w->o,
					      "%s: a rule without a priority gets %u, the profile "
					      "must name one",
					      w->l->name, 32000 + i) < 0;
		strbuf_addf(w->to, "routing-rule%u=priority %u from %s", ++n,
			    r->priority ? r->priority : 32000 + i,
			    r->from ? r->from
			    : v6    ? "::/0"
				    : "0.0.0.0/0");
		if (r->to)
			strbuf_addf(w->to, " to %s", r->to);
		if (r->iif)
			strbuf_addf(w->to, " iif %s", r->iif);
		if (r->fwmark)
			strbuf_addf(w->to, " fwmark %s", r->fwmark);
		strbuf_addf(w->to, " table %u\n", r->table ? r->table : 254);
	}
}

static void write_family(struct ini_writer *w, bool v6)
{
	const struct net_link *l = w->l;
	const char *method = method_of(w, v6);
	bool is_off = strcmp(method, "disabled") == 0 || strcmp(method, "link-local") == 0;
	bool other_off = l->v4 == NET_OFF && !net_has_addresses(l, false);
	size_t i;

	ini_section(w, v6 ? "ipv6" : "ipv4");
	strbuf_addf(w->to, "method=%s\n", method);
	put_addresses(w, v6);
	put_routes(w, v6, is_off);
	if (!is_off)
		put_list(w, "dns", &l->dns, v6);
	for (i = 0; is_off && i < l->dns.count; i++)
		if (net_is_v6(l->dns.items[i]) == v6)
			ini_lose(w, "the name server", l->dns.items[i]);
	/* once, where it is allowed */
	if (!is_off && (!v6 || other_off))
		put_list(w, "dns-search", &l->search, -1);
	else if (is_off && v6 && other_off && l->search.count)
		ini_lose(w, "the search list with", l->search.items[0]);
	put_rules(w, v6);
	if (!v6 && l->peer4)
		ini_lose(w, "the peer", l->peer4);
}

/* ---- the rest of a profile ----------------------------------------------------------------------------------- */

static void put_option(struct ini_writer *w, const char *option)
{
	size_t len = strcspn(option, "=");
	const struct net_option *o = net_option_find(w->l->kind, option, len);
	const char *value = option[len] ? option + len + 1 : "";

	if (!net_is_ini_word(option) || !*value || len == 0 || option[0] == '[' ||
	    option[0] == '#') {
		ini_lose(w, "the option", option);
	} else if (w->l->kind == NET_BOND) {
		strbuf_addf(w->to, "%s\n", option);
	} else if (!o || !o->keyfile || (o->type == OPTION_BOOL && net_bool(value) < 0)) {
		ini_lose(w, "the option", option);
	} else {
		strbuf_addf(w->to, "%s=%s\n", o->keyfile,
			    o->type != OPTION_BOOL ? value
			    : net_bool(value)	   ? "true"
						   : "false");
	}
}

static void write_kind(struct ini_writer *w)
{
	const struct net_link *l = w->l, *parent = l->parent ? net_find(w->m, l->parent) : NULL;
	char uuid[UUID_LEN + 1];
	bool has_stp = false;
	size_t i;

	if (l->kind == NET_VLAN) {
		ini_section(w, "vlan");
		strbuf_addf(w->to, "flags=1\nid=%u\n", l->vlan_id);
		if (parent) {
			uuid_of(parent, uuid); /* the name may be a label */
			ini_put(w, "parent", uuid);
		} else if (l->parent) {
			ini_put(w, "parent", l->parent);
		}
		return;
	}
	if (l->kind != NET_BOND && l->kind != NET_BRIDGE)
		return;
	ini_section(w, l->kind == NET_BOND ? "bond" : "bridge");
	for (i = 0; i < l->options.count; i++) {
		has_stp |= str_starts(l->options.items[i], "stp=");
		put_option(w, l->options.items[i]);
	}
	/* the kernel's default, not NetworkManager's */
	if (l->kind == NET_BRIDGE && !has_stp)
		strbuf_adds(w->to, "stp=false\n");
}

static void write_head(struct ini_writer *w, const char *type)
{
	const struct net_link *l = w->l, *owner = net_port_owner(w->m, l->name);
	char uuid[UUID_LEN + 1];

	uuid_of(l, uuid);
	strbuf_adds(w->to, "# Written by rehost.\n\n[connection]\n");
	ini_put(w, "id", l->name);
	strbuf_addf(w->to, "uuid=%s\ntype=%s\n", uuid, type);
	if (!l->mac)
		ini_put(w, "interface-name", l->name);
	if (!l->at_boot)
		strbuf_adds(w->to, "autoconnect=false\n");
	strbuf_adds(w->to, "autoconnect-priority=200\n");
	if (owner) {
		ini_put(w, "master", owner->name);
		strbuf_addf(w->to, "slave-type=%s\n",
			    owner->kind == NET_BRIDGE ? "bridge" : "bond");
	}
	if (!l->mac && !l->set_mac && !l->mtu)
		return;
	ini_section(w, "ethernet");
	if (l->mac)
		ini_put(w, "mac-address", l->mac);
	if (l->set_mac)
		ini_put(w, "cloned-mac-address", l->set_mac);
	if (l->mtu)
		strbuf_addf(w->to, "mtu=%u\n", l->mtu);
}

static void write_link(struct ini_writer *w)
{
	static const char *const types[] = { [NET_CARD] = "ethernet",
					     [NET_BOND] = "bond",
					     [NET_BRIDGE] = "bridge",
					     [NET_VLAN] = "vlan" };
	const struct net_link *l = w->l;
	char *label cleanup_free = net_label_of(l->name);
	struct net_file *f;
	char mac[18];

	if (l->kind == NET_OTHER || (l->mac ? !net_mac_of(l->mac, mac) || l->kind != NET_CARD
					    : !net_is_device_name(l->name))) {
		ini_lose(w, "a link that a profile cannot be for,", l->mac ? l->mac : l->name);
		return;
	}
	f = label ? net_file_add_named(w->o, NM_CONNECTIONS "/rehost-", label, ".nmconnection",
				       0600)
		  : NULL;
	if (!f) {
		w->failed = true;
		return;
	}
	w->to = &f->text;
	write_head(w, types[l->kind]);
	write_kind(w);
	/* a port has no addresses of its own, and its profile may not have the sections */
	if (!net_port_owner(w->m, l->name)) {
		write_family(w, false);
		write_family(w, true);
	} else if (l->addresses.count || l->v4 != NET_OFF || l->v6 != NET_OFF || l->route_count ||
		   l->rule_count) {
		ini_lose(w, "what the port has of its own:",
			 l->addresses.count ? l->addresses.items[0] : "routes or DHCP");
	}
	w->failed |= f->text.failed || net_lose_extra(w->o, l) < 0;
}

int nm_write(struct net_output *o, const struct net_model *m, const struct root *root,
	     struct err *e)
{
	struct ini_writer w = { .o = o, .m = m, .version = root ? nm_version(root) : UINT_MAX };

	ini_write_links(&w, write_link, false);
	if (strlist_add(&o->units, "NetworkManager.service") < 0 || w.failed)
		return err_set(e, ERR_NOMEM, 0, "NetworkManager");
	return 0;
}
