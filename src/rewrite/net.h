/* SPDX-License-Identifier: MIT */
/* The neutral network model, readers that fill it in from a tree, and writers that say it in a stack's own files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"

/*
 * How a family gets what changes by itself. Addresses of a link hold in any case: v4 NET_DHCP with an IPv4 address means
 * both, v6 NET_AUTO with an IPv6 address means router advertisements beside it.
 */
enum net_method {
	NET_OFF, /* v4: nothing. v6: no address but a link-local one, router advertisements ignored */
	NET_STATIC, /* addresses only; v6: router advertisements ignored */
	NET_DHCP,   /* v6: DHCPv6, and the routers that advertise themselves */
	NET_AUTO    /* v6 only: SLAAC */
};

enum net_kind {
	NET_CARD,
	NET_BOND,
	NET_BRIDGE,
	NET_VLAN,
	NET_OTHER /* tunnels, dummies and what else has no card; what it is stands in extra */
};

/* ip-route(8). Texts are owned; NULL or 0: not given. */
struct net_route {
	char *to;  /* "10.0.0.0/8", "0.0.0.0/0", "::/0"; never "default", always with a length */
	char *via; /* NULL: on the link */
	bool is_onlink;
	uint32_t metric, table, mtu;
	char *src;
	char *type; /* "blackhole", "unreachable", "prohibit"; NULL: unicast */
};

/* ip-rule(8) */
struct net_rule {
	bool is_v6;
	char *from, *to; /* with a length; NULL: all */
	char *iif, *fwmark;
	uint32_t table, priority;
};

struct net_link {
	char *name; /* what the files call it: of a card also a label that is no interface name, when mac is given */
	char *mac; /* the card is found by this address; lower case, colons; NULL: by its name */
	char *set_mac; /* the address it is given */
	enum net_kind kind;
	bool at_boot; /* auto or allow-hotplug */
	enum net_method v4, v6;
	struct strlist addresses; /* "192.0.2.10/24", "2001:db8::10/64" */
	char *peer4;		  /* of the first IPv4 address; without a length */
	char *gateway4,
		*gateway6; /* the default routes of the main table without more words; others are routes */
	bool is_onlink4,
		is_onlink6; /* the gateway lies outside every prefix of the link and is reached all the same */
	struct net_route *routes;
	unsigned route_count;
	struct net_rule *rules;
	unsigned rule_count;
	struct strlist dns;
	struct strlist search;
	unsigned mtu;	      /* 0: not given */
	struct strlist ports; /* bond, bridge: names of links */
	char *parent;	      /* vlan: name of a link */
	unsigned vlan_id;     /* vlan: 1 to 4094 */
	struct strlist
		options; /* bond, bridge: "mode=active-backup", "miimon=100", "stp=no", "forward_delay=0": kernel names,
				   Documentation/networking/bonding.rst; times of a bridge in seconds */
	struct strlist extra; /* options the model has no word for, as written */
};

struct net_model {
	char *stack;		/* "ifupdown"; NULL: none found */
	char *renderer;		/* netplan's: "networkd" or "NetworkManager"; other stacks: NULL */
	struct net_link *links; /* without lo */
	unsigned link_count;
	struct strlist files; /* paths the model was read from, and that belong to it */
	struct strlist
		units; /* what starts it, of stacks where that names links: "netctl@lan.service", OpenRC's "net.eth0" */
	struct strlist notes;
};

/*
 * Reads the active stack's configuration below root. No configuration at all: stack NULL, success. A whole system
 * (it has /usr) is judged by what is installed and enabled; a bare folder of configuration files, such as an
 * identity's, by the files alone. A file of systemd-networkd or NetworkManager that is for cards only the running system
 * can tell gives a link whose name is a pattern ("en*", "*"), and a note.
 */
int net_read(struct net_model *ret, const struct root *root, struct err *e) must_check;
void net_done(struct net_model *m);
json_t *net_json(const struct net_model *m);

/* The link of that name, or NULL. */
const struct net_link *net_find(const struct net_model *m, const char *name);
/* The link that has it as a port, or NULL. */
const struct net_link *net_port_owner(const struct net_model *m, const char *name);
/* Whether it has an address of that family. */
bool net_has_addresses(const struct net_link *l, bool v6);
/* Bridges, bonds, VLANs and the like: no card of their own. */
bool net_link_is_virtual(const struct net_link *l);

/* A file that a writer wants. */
struct net_file {
	char *path; /* "/etc/netplan/10-rehost.yaml" */
	unsigned mode;
	struct strbuf text;
};

struct net_output {
	struct net_file *files;
	unsigned file_count;
	struct strlist
		units; /* what must be enabled for it: "systemd-networkd.service"; OpenRC's services: "net.eth0" */
	struct strlist
		losses; /* what the stack cannot say, and the nearest that was written; empty: everything is said */
};

/*
 * Says m in the files of a stack (the names of net_model.stack). root: the tree they are for, looked at for versions and
 * programs only; may be NULL: the newest. ERR_UNSUPPORTED: no writer for that stack.
 */
int net_write(struct net_output *ret, const char *stack, const struct net_model *m,
	      const struct root *root, struct err *e) must_check;
void net_output_done(struct net_output *o);
