/* SPDX-License-Identifier: MIT */
/* Links that are made on top of others. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "init/netd.h"

static struct netd_link *made_link(struct netd *n, const struct net_layer *layer)
{
	for (size_t i = 0; i < n->nlinks; i++)
		if (n->links[i].id.made && strcmp(n->links[i].id.name, layer->name) == 0)
			return &n->links[i];
	return NULL;
}

static bool has_ports(const struct netd *n, const struct netd_link *made)
{
	for (size_t i = 0; i < n->nlinks; i++)
		if (n->links[i].master == made->ifindex)
			return true;
	return false;
}

/* The switch at the other end of a bond often lets a single link work; a link with carrier first. */
static void stand_in(struct netd *n, const struct net_layer *layer, const int *below, size_t count)
{
	struct netd_link *l = &n->links[below[0]];

	for (size_t i = 0; i < count; i++)
		if (n->links[below[i]].id.carrier) {
			l = &n->links[below[i]];
			break;
		}
	snprintf(l->id.alias, sizeof(l->id.alias), "%s", layer->name);
	l->id.taken = false;
	log_warn("network: %s stands in for %s", l->id.name, layer->name);
}

static bool make(struct netd *n, size_t index, const int *below, size_t count)
{
	const struct net_layer *layer = &n->conf->layers[index];
	const struct netd_link *first = &n->links[below[0]];

	/* A bond takes its first port's address by itself. A VLAN can be up only above a link that is. */
	if (layer->kind == NET_VLAN && !first->raised)
		return false;
	if (rtnl_layer_make(n->fd, layer, first->ifindex,
			    layer->kind == NET_BRIDGE ? first->id.mac : NULL) == 0) {
		log_info("network: %s made", layer->name);
		return true;
	}
	netd_refused(n, "%s on %s", layer->name, first->id.name);
	n->layer_failed[index] = true;
	if (layer->kind != NET_VLAN)
		stand_in(n, layer, below, count);
	return true;
}

static bool add_ports(struct netd *n, const struct net_layer *layer, const struct netd_link *made,
		      const int *below, size_t count)
{
	bool changed = false, hopeless = count > 0;

	for (size_t i = 0; i < count; i++)
		hopeless &= n->links[below[i]].not_a_port && !n->links[below[i]].id.alias[0];
	if (hopeless && !has_ports(n, made)) {
		stand_in(n, layer, below, count);
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		struct netd_link *port = &n->links[below[i]];
		bool primary = layer->primary[0] &&
			       netconf_link_matches(n->conf, layer->primary, &port->id);

		if (port->master == made->ifindex || port->not_a_port || port == made)
			continue;
		changed = true;
		if (rtnl_port_add(n->fd, port->ifindex, made->ifindex) < 0) {
			netd_refused(n, "%s as a port of %s", port->id.name, layer->name);
			port->not_a_port = true;
			port->raised = false;
			continue;
		}
		port->raised = true;
		if (primary && rtnl_bond_primary(n->fd, made->ifindex, port->ifindex) < 0)
			netd_refused(n, "%s as the preferred port of %s", port->id.name,
				     layer->name);
	}
	return changed;
}

bool netd_build_layers(struct netd *n, bool patient)
{
	struct net_link_id ids[NET_LINKS_MAX];
	bool changed = false;

	for (size_t i = 0; i < n->nlinks; i++) {
		n->links[i].id.taken = n->links[i].master != 0;
		ids[i] = n->links[i].id;
	}
	for (size_t k = 0; k < n->conf->nlayers && !changed; k++) {
		const struct net_layer *layer = &n->conf->layers[k];
		const struct netd_link *made = made_link(n, layer);
		int below[NET_BELOW_MAX];
		unsigned missing;
		size_t count;

		if (n->layer_failed[k])
			continue;
		/* What it was made of is not looked for among strangers again. */
		bool known = made && (layer->kind == NET_VLAN || has_ports(n, made));

		count = netconf_below(n->conf, layer, ids, n->nlinks, patient || known, below,
				      &missing);
		for (size_t i = 0; i < count && layer->kind != NET_VLAN; i++)
			ids[below[i]].taken = n->links[below[i]].id.taken =
				!n->links[below[i]].not_a_port;
		/* A port that comes later is added; a bond is not made of half of its links at once. */
		if (count && !made && (!missing || !patient))
			changed = make(n, k, below, count);
		else if (made && layer->kind != NET_VLAN)
			changed = add_ports(n, layer, made, below, count);
	}
	return changed;
}
