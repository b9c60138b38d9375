/* SPDX-License-Identifier: MIT */
/* VLANs, bonds and bridges. The kernel loads the module for a kind by itself (/sbin/modprobe). */
#include <string.h>

#include "init/rtnl_priv.h"

static const char *const kinds[] = { "vlan", "bond", "bridge" };

/* In the order of enum net_bond_option; sizes as bond_policy of the kernel has them. */
static const struct {
	int attribute;
	bool is_byte;
} bond_attributes[BOND_OPTIONS] = {
	{ IFLA_BOND_MODE, true },	   { IFLA_BOND_MIIMON, false },
	{ IFLA_BOND_UPDELAY, false },	   { IFLA_BOND_DOWNDELAY, false },
	{ IFLA_BOND_AD_LACP_RATE, true },  { IFLA_BOND_XMIT_HASH_POLICY, true },
	{ IFLA_BOND_FAIL_OVER_MAC, true }, { IFLA_BOND_AD_SELECT, true },
	{ IFLA_BOND_MIN_LINKS, false },
};

static void put_bond(struct rtnl_request *r, const struct net_layer *layer)
{
	for (int i = 0; i < BOND_OPTIONS; i++) {
		int value = layer->option[i];

		/* The kernel refuses the whole bond for LACP's rate in another mode. */
		if (value == BOND_NOT_SAID ||
		    (i == BOND_LACP_RATE && layer->option[BOND_MODE] != BOND_MODE_8023AD))
			continue;
		if (bond_attributes[i].is_byte)
			rtnl_put_u8(r, bond_attributes[i].attribute, (uint8_t)value);
		else
			rtnl_put_u32(r, bond_attributes[i].attribute, (uint32_t)value);
	}
}

static void begin_link(struct rtnl_request *r, int flags, int ifindex)
{
	rtnl_begin(r, RTM_NEWLINK, flags, sizeof(r->link));
	r->link.ifi_index = ifindex;
}

int rtnl_layer_make(int fd, const struct net_layer *layer, int lower, const uint8_t *mac)
{
	const char *kind = kinds[layer->kind];
	struct rtattr *info, *data;
	struct rtnl_request r;
	uint16_t vid = (uint16_t)layer->vid;

	begin_link(&r, NLM_F_CREATE | NLM_F_EXCL, 0);
	rtnl_put(&r, IFLA_IFNAME, layer->name, strlen(layer->name) + 1);
	if (layer->mtu)
		rtnl_put_u32(&r, IFLA_MTU, layer->mtu);
	if (mac)
		rtnl_put(&r, IFLA_ADDRESS, mac, 6);
	if (layer->kind == NET_VLAN)
		rtnl_put_u32(&r, IFLA_LINK, (uint32_t)lower);
	info = rtnl_open_nest(&r, IFLA_LINKINFO);
	rtnl_put(&r, IFLA_INFO_KIND, kind, strlen(kind));
	data = rtnl_open_nest(&r, IFLA_INFO_DATA);
	if (layer->kind == NET_VLAN)
		rtnl_put(&r, IFLA_VLAN_ID, &vid, sizeof(vid));
	else if (layer->kind == NET_BOND)
		put_bond(&r, layer);
	rtnl_close_nest(&r, data);
	rtnl_close_nest(&r, info);
	return rtnl_change(fd, &r);
}

int rtnl_port_add(int fd, int ifindex, int master)
{
	struct rtnl_request r;

	if (rtnl_link_down(fd, ifindex) < 0)
		return -1;
	begin_link(&r, 0, ifindex);
	rtnl_put_u32(&r, IFLA_MASTER, (uint32_t)master);
	if (rtnl_change(fd, &r) < 0)
		return -1;
	return rtnl_link_up(fd, ifindex, 0, NULL);
}

int rtnl_bond_primary(int fd, int bond, int ifindex)
{
	struct rtattr *info, *data;
	struct rtnl_request r;

	begin_link(&r, 0, bond);
	info = rtnl_open_nest(&r, IFLA_LINKINFO);
	rtnl_put(&r, IFLA_INFO_KIND, kinds[NET_BOND], strlen(kinds[NET_BOND]));
	data = rtnl_open_nest(&r, IFLA_INFO_DATA);
	rtnl_put_u32(&r, IFLA_BOND_PRIMARY, (uint32_t)ifindex);
	rtnl_close_nest(&r, data);
	rtnl_close_nest(&r, info);
	return rtnl_change(fd, &r);
}
