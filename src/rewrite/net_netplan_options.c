/* SPDX-License-Identifier: MIT */
/* Parameters of bonds and bridges: netplan's names and values, and the kernel's. */
#include <ctype.h>
#include <string.h>

#include "rewrite/net_netplan.h"

static const struct netplan_option bond_options[] = {
	{ "mode", "mode", OPTION_WORD },
	{ "lacp-rate", "lacp_rate", OPTION_WORD },
	{ "mii-monitor-interval", "miimon", OPTION_MS },
	{ "min-links", "min_links", OPTION_WORD },
	{ "transmit-hash-policy", "xmit_hash_policy", OPTION_WORD },
	{ "ad-select", "ad_select", OPTION_WORD },
	{ "all-slaves-active", "all_slaves_active", OPTION_01 },
	{ "all-members-active", "all_slaves_active", OPTION_01 },
	{ "arp-interval", "arp_interval", OPTION_MS },
	{ "arp-ip-targets", "arp_ip_target", OPTION_LIST },
	{ "arp-validate", "arp_validate", OPTION_WORD },
	{ "arp-all-targets", "arp_all_targets", OPTION_WORD },
	{ "up-delay", "updelay", OPTION_MS },
	{ "down-delay", "downdelay", OPTION_MS },
	{ "fail-over-mac-policy", "fail_over_mac", OPTION_WORD },
	{ "gratuitous-arp", "num_grat_arp", OPTION_WORD },
	{ "gratuitious-arp", "num_grat_arp", OPTION_WORD }, /* so spelled in old files */
	{ "packets-per-slave", "packets_per_slave", OPTION_WORD },
	{ "packets-per-member", "packets_per_slave", OPTION_WORD },
	{ "primary-reselect-policy", "primary_reselect", OPTION_WORD },
	{ "resend-igmp", "resend_igmp", OPTION_WORD },
	{ "learn-packet-interval", "lp_interval", OPTION_WORD },
	{ "primary", "primary", OPTION_WORD },
	{ NULL, NULL, OPTION_WORD }
};

static const struct netplan_option bridge_options[] = {
	{ "stp", "stp", OPTION_STP },
	{ "forward-delay", "forward_delay", OPTION_WORD },
	{ "hello-time", "hello_time", OPTION_WORD },
	{ "max-age", "max_age", OPTION_WORD },
	{ "ageing-time", "ageing_time", OPTION_WORD },
	{ "aging-time", "ageing_time", OPTION_WORD },
	{ "priority", "priority", OPTION_WORD },
	{ NULL, NULL, OPTION_WORD }
};

const struct netplan_option *netplan_options(enum net_kind kind)
{
	return kind == NET_BOND ? bond_options : kind == NET_BRIDGE ? bridge_options : NULL;
}

const char *netplan_section(enum net_kind kind)
{
	static const char *const names[] = { [NET_CARD] = "ethernets",
					     [NET_BOND] = "bonds",
					     [NET_BRIDGE] = "bridges",
					     [NET_VLAN] = "vlans",
					     [NET_OTHER] = NULL };

	return names[kind];
}

/* Value of an option in the kernel's words into buf; false: it cannot be said so. */
static bool option_value(struct strbuf *b, const struct netplan_option *o, const struct ynode *n)
{
	const struct ynode *item;
	char *end;
	unsigned long ms;

	if (o->form == OPTION_LIST) {
		if (n->kind != YNODE_LIST)
			return false;
		for (item = n->first; item; item = item->next) {
			if (item->kind != YNODE_TEXT || !net_is_word(item->text))
				return false;
			strbuf_addf(b, "%s%s", item == n->first ? "" : ",", item->text);
		}
		return true;
	}
	if (n->kind != YNODE_TEXT || !net_is_word(n->text))
		return false;
	if (o->form == OPTION_01 || o->form == OPTION_STP) {
		if (ynode_truth(n) < 0)
			return false;
		strbuf_adds(b, o->form == OPTION_01 ? (ynode_truth(n) ? "1" : "0")
						    : (ynode_truth(n) ? "yes" : "no"));
		return true;
	}
	if (o->form == OPTION_MS) {
		ms = isdigit((unsigned char)n->text[0]) ? strtoul(n->text, &end, 10) : 1000001;
		if (ms > 1000000 || (*end && strcmp(end, "ms") != 0 && strcmp(end, "s") != 0))
			return false;
		strbuf_addf(b, "%lu", *end == 's' ? ms * 1000 : ms);
		return true;
	}
	strbuf_adds(b, n->text);
	return true;
}

static void take_parameter(struct netplan_reader *r, const struct netplan_option *o,
			   const struct ynode *n)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	const char *name;

	while (o->ours && strcmp(o->ours, n->key) != 0)
		o++;
	if (o->ours && strcmp(o->ours, "primary") == 0 && n->kind == YNODE_TEXT &&
	    (name = netplan_name_of(r, n->text)))
		strbuf_adds(&b, name);
	else if (!o->ours || !option_value(&b, o, n)) {
		netplan_extra(r, "parameters.", n);
		return;
	}
	if (b.failed || strlist_addf(&r->l->options, "%s=%s", o->kernel, strbuf_str(&b)) < 0)
		r->failed = true;
}

void netplan_parameters(struct netplan_reader *r, const struct ynode *n)
{
	const struct ynode *item;

	for (item = n->first; item; item = item->next)
		if (!item->is_repeated)
			take_parameter(r, netplan_options(r->l->kind), item);
	/* Not said means yes, as soon as any parameter is given; a bridge without parameters is the kernel's: no. */
	if (r->l->kind == NET_BRIDGE && n->first && !ynode_get(n, "stp") &&
	    strlist_add(&r->l->options, "stp=yes") < 0)
		r->failed = true;
}
