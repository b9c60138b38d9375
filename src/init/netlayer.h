/* SPDX-License-Identifier: MIT */
/*
 * Links that are made on top of others: vlan=, bond= and bridge= in the syntax of dracut.cmdline(7).
 * Pure functions.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define NET_LAYERS_MAX 8
#define NET_BELOW_MAX 8

enum net_layer_kind {
	NET_VLAN,
	NET_BOND,
	NET_BRIDGE,
};

/* Options of a bond by their names in the kernel's networking/bonding. */
enum net_bond_option {
	BOND_MODE, /* the kernel's number, 0 balance-rr to 6 balance-alb */
	BOND_MIIMON,
	BOND_UPDELAY,
	BOND_DOWNDELAY,
	BOND_LACP_RATE,
	BOND_XMIT_HASH_POLICY,
	BOND_FAIL_OVER_MAC,
	BOND_AD_SELECT,
	BOND_MIN_LINKS,
	BOND_OPTIONS,
};

#define BOND_MODE_8023AD 4
#define BOND_NOT_SAID (-1)

struct net_layer {
	enum net_layer_kind kind;
	char name[IFNAMSIZ];
	char below[NET_BELOW_MAX][64]; /* links it is made of, in words as in ip= */
	size_t nbelow;
	unsigned vid;		  /* VLAN: 1 to 4094 */
	int option[BOND_OPTIONS]; /* bond: the kernel's value or BOND_NOT_SAID */
	char primary[64];	  /* bond: the preferred link, or "" */
	unsigned mtu;		  /* bond: 0: leave */
};

/*
 * The value of a word. -1 when it is not understood. Of a bond that holds although an option of it
 * is unknown *ret_partly is set to true, else it is left alone.
 */
int netlayer_parse(struct net_layer *ret, enum net_layer_kind kind, const char *value,
		   bool *ret_partly);
