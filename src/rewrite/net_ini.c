/* SPDX-License-Identifier: MIT */
/* What the readers and writers of systemd-networkd and of NetworkManager have in common. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "rewrite/net_ini_priv.h"

/* systemd.netdev(5); nm-settings-keyfile(5) has the kernel's names for bonds */
const struct net_option net_options[] = {
	{ NET_BOND, "mode", "Mode", NULL, OPTION_TEXT },
	{ NET_BOND, "miimon", "MIIMonitorSec", NULL, OPTION_MS },
	{ NET_BOND, "updelay", "UpDelaySec", NULL, OPTION_MS },
	{ NET_BOND, "downdelay", "DownDelaySec", NULL, OPTION_MS },
	{ NET_BOND, "lacp_rate", "LACPTransmitRate", NULL, OPTION_TEXT },
	{ NET_BOND, "xmit_hash_policy", "TransmitHashPolicy", NULL, OPTION_TEXT },
	{ NET_BOND, "ad_select", "AdSelect", NULL, OPTION_TEXT },
	{ NET_BOND, "ad_actor_sys_prio", "AdActorSystemPriority", NULL, OPTION_TEXT },
	{ NET_BOND, "ad_actor_system", "AdActorSystem", NULL, OPTION_TEXT },
	{ NET_BOND, "ad_user_port_key", "AdUserPortKey", NULL, OPTION_TEXT },
	{ NET_BOND, "fail_over_mac", "FailOverMACPolicy", NULL, OPTION_TEXT },
	{ NET_BOND, "arp_interval", "ARPIntervalSec", NULL, OPTION_MS },
	{ NET_BOND, "arp_ip_target", "ARPIPTargets", NULL, OPTION_LIST },
	{ NET_BOND, "arp_validate", "ARPValidate", NULL, OPTION_TEXT },
	{ NET_BOND, "arp_all_targets", "ARPAllTargets", NULL, OPTION_TEXT },
	{ NET_BOND, "primary_reselect", "PrimaryReselectPolicy", NULL, OPTION_TEXT },
	{ NET_BOND, "resend_igmp", "ResendIGMP", NULL, OPTION_TEXT },
	{ NET_BOND, "packets_per_slave", "PacketsPerSlave", NULL, OPTION_TEXT },
	{ NET_BOND, "num_grat_arp", "GratuitousARP", NULL, OPTION_TEXT },
	{ NET_BOND, "min_links", "MinLinks", NULL, OPTION_TEXT },
	{ NET_BOND, "all_slaves_active", "AllSlavesActive", NULL, OPTION_BOOL },
	{ NET_BOND, "tlb_dynamic_lb", "DynamicTransmitLoadBalancing", NULL, OPTION_BOOL },
	{ NET_BOND, "lp_interval", "LearnPacketIntervalSec", NULL, OPTION_SECONDS },
	{ NET_BRIDGE, "stp", "STP", "stp", OPTION_BOOL },
	{ NET_BRIDGE, "forward_delay", "ForwardDelaySec", "forward-delay", OPTION_SECONDS },
	{ NET_BRIDGE, "hello_time", "HelloTimeSec", "hello-time", OPTION_SECONDS },
	{ NET_BRIDGE, "max_age", "MaxAgeSec", "max-age", OPTION_SECONDS },
	{ NET_BRIDGE, "ageing_time", "AgeingTimeSec", "ageing-time", OPTION_SECONDS },
	{ NET_BRIDGE, "priority", "Priority", "priority", OPTION_TEXT },
	{ NET_BRIDGE, "vlan_filtering", "VLANFiltering", "vlan-filtering", OPTION_BOOL },
	{ NET_BRIDGE, "vlan_default_pvid", "DefaultPVID", "vlan-default-pvid", OPTION_TEXT },
	{ NET_BRIDGE, "multicast_snooping", "MulticastSnooping", "multicast-snooping",
	  OPTION_BOOL },
};
const size_t net_option_count = ARRAY_SIZE(net_options);

const struct net_option *net_option_find(enum net_kind kind, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < net_option_count; i++)
		if (net_options[i].kind == kind && strlen(net_options[i].name) == len &&
		    strncmp(net_options[i].name, name, len) == 0)
			return &net_options[i];
	return NULL;
}

const char *net_bond_word(const char *key, const char *value)
{
	static const char *const modes[] = { "balance-rr", "active-backup", "balance-xor",
					     "broadcast",  "802.3ad",	    "balance-tlb",
					     "balance-alb" };
	uint32_t n;

	if (parse_u32(value, &n) < 0)
		return value;
	if (strcmp(key, "mode") == 0 && n < ARRAY_SIZE(modes))
		return modes[n];
	if (strcmp(key, "lacp_rate") == 0 && n < 2)
		return n ? "fast" : "slow";
	return value;
}

int net_bool(const char *text)
{
	static const char *const words[] = { "1", "yes", "y", "true",  "t", "on",
					     "0", "no",	 "n", "false", "f", "off" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return i < ARRAY_SIZE(words) / 2;
	return -1;
}

bool net_mac_of(const char *text, char *buf)
{
	static const char shape[] = "%c%c:%c%c:%c%c:%c%c:%c%c:%c%c";
	char digit[12];
	size_t n = 0, step = strchr(text, '.') ? 4 : 2;
	const char *s = text;

	for (; *s; s++) {
		if (isxdigit((unsigned char)*s) && n < sizeof(digit)) {
			digit[n++] = (char)tolower((unsigned char)*s);
			continue;
		}
		/* a mark stands between groups only */
		if (!n || n >= sizeof(digit) || n % step || !strchr(step == 4 ? "." : ":-", *s) ||
		    !isxdigit((unsigned char)s[-1]))
			return false;
	}
	if (n != sizeof(digit) || (size_t)(s - text) != n + n / step - 1)
		return false;
	snprintf(buf, 18, shape, digit[0], digit[1], digit[2], digit[3], digit[4], digit[5],
		 digit[6], digit[7], digit[8], digit[9], digit[10], digit[11]);
	return true;
}

bool net_is_ini_word(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if (str_is_empty(text))
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f || strchr("\"'\\;", *s))
			return false;
	return true;
}

char *net_label_of(const char *text)
{
	char *ret = strdup(*text ? text : "link"), *s;

	for (s = ret; s && *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			*s = '_';
	return ret;
}

char *net_label_free(const struct net_model *m, const char *label)
{
	char *ret = strdup(label);
	unsigned n;

	for (n = 2; ret && net_find(m, ret); n++) {
		free(ret);
		if (asprintf(&ret, "%s-%u", label, n) < 0)
			return NULL;
	}
	return ret;
}

struct net_link *net_find_mac(const struct net_model *m, const char *mac)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		if (m->links[i].mac && strcmp(m->links[i].mac, mac) == 0)
			return &m->links[i];
	return NULL;
}

void net_list_drop(struct strlist *l, const char *text)
{
	size_t i, kept = 0;

	for (i = 0; i < l->count; i++) {
		if (strcmp(l->items[i], text) == 0)
			free(l->items[i]);
		else
			l->items[kept++] = l->items[i];
	}
	l->count = kept;
}

int net_lose_extra(struct net_output *o, const struct net_link *l)
{
	size_t i;

	for (i = 0; i < l->extra.count; i++)
		if (net_loss(o, "%s: '%s' is not written", l->name, l->extra.items[i]) < 0)
			return -1;
	return 0;
}

static bool is_sound(const char *text)
{
	return !text || net_is_ini_word(text);
}

bool net_route_is_sound(const struct net_route *r)
{
	return net_is_ini_word(r->to) && is_sound(r->via) && is_sound(r->src) && is_sound(r->type);
}

bool net_rule_is_sound(const struct net_rule *r)
{
	return is_sound(r->from) && is_sound(r->to) && is_sound(r->iif) && is_sound(r->fwmark);
}

static bool has_file(const struct net_output *o, const char *path)
{
	unsigned i;

	for (i = 0; i < o->file_count; i++)
		if (strcmp(o->files[i].path, path) == 0)
			return true;
	return false;
}

struct net_file *net_file_add_named(struct net_output *o, const char *start, const char *label,
				    const char *suffix, unsigned mode)
{
	struct net_file *ret;
	char *path;
	unsigned n;

	if (asprintf(&path, "%s%s%s", start, label, suffix) < 0)
		return NULL;
	for (n = 2; has_file(o, path); n++) {
		free(path);
		if (asprintf(&path, "%s%s-%u%s", start, label, n, suffix) < 0)
			return NULL;
	}
	ret = net_file_add(o, path, mode);
	free(path);
	return ret;
}
