/* SPDX-License-Identifier: MIT */
/*
 * Network: this machine's own in the place of the source's. With one stack on both sides the target's files are taken byte for
 * byte; otherwise its model is written for the stack that the clone starts. Card names are pinned so that both stay valid.
 */
#include <limits.h>
#include <string.h>

#include "rewrite/net_fit.h"
#include "rewrite/net_priv.h"
#include "rewrite/plan_net.h"

#define MAIN_FILE "/etc/network/interfaces"

static bool has_program(const struct planner *p, const char *const *paths)
{
	return net_any_exists(p->clone, paths);
}

static bool is_ifupdown(const char *stack)
{
	return strcmp(stack, "ifupdown") == 0;
}

/* The clone would start no network at all: what to change on the source. */
static int block_without_stack(struct planner *p)
{
	static const char *const ifup[] = { "/sbin/ifup", "/usr/sbin/ifup", NULL };

	if (!is_ifupdown(p->target_net.stack))
		return plan_block(p, "no network configuration that is in use was found on the "
				     "source: the clone would come up without network");
	if (!has_program(p, ifup))
		return plan_block(
			p,
			"the source has no ifupdown (/sbin/ifup) to read this machine's %s: "
			"install it on the source, then send it again",
			MAIN_FILE);
	return plan_block(p,
			  "ifupdown is installed on the source but not in use (no enabled "
			  "networking.service, or nothing in %s): the clone would come up "
			  "without network",
			  MAIN_FILE);
}

/* Both say netplan, but this machine's files hand the links to a program that the clone lacks. */
static bool needs_other_renderer(const struct planner *p)
{
	static const char *const nm[] = { "/usr/sbin/NetworkManager", "/sbin/NetworkManager",
					  NULL };
	const char *renderer = p->target_net.renderer;

	return renderer && strcmp(renderer, "NetworkManager") == 0 && !has_program(p, nm);
}

/* How the clone gets its network; says why not. */
static int judge_stacks(struct planner *p, enum net_way *ret)
{
	const char *source = p->source_net.stack, *target = p->target_net.stack;
	char word[80];

	*ret = NET_WAY_NONE;
	if (!target)
		return plan_block(
			p,
			"no network configuration of this machine was found in %s or any other "
			"place; its own files are what the clone must come up with",
			MAIN_FILE);
	if (!source)
		return block_without_stack(p);
	if (strcmp(source, target) == 0 && !needs_other_renderer(p)) {
		*ret = is_ifupdown(source) &&
				       !net_ifupdown_fits(p->clone, p->facts->target_files,
							  &p->target_net.files, word, sizeof(word))
			       ? NET_WAY_MODEL
			       : NET_WAY_FILES;
		return *ret == NET_WAY_FILES
			       ? 0
			       : plan_note(p,
					   "the source's ifup is another program than this "
					   "machine's and does not understand \"%s\": the same "
					   "network was written in its words",
					   word);
	}
	if (!net_can_read(target))
		return plan_block(p,
				  "this machine's old system configured its network with %s, which "
				  "rehost cannot read yet",
				  target);
	if (!net_can_write(source))
		return plan_block(p,
				  "the source configures its network with %s, which rehost cannot "
				  "write yet. Let another one (ifupdown) do it on the source, "
				  "then send it again",
				  source);
	*ret = NET_WAY_MODEL;
	return plan_note(p,
			 "this machine configured its network with %s, the source does it with %s: "
			 "the same network was written for %s",
			 target, source, source);
}

static bool has_word(const struct net_link *l, const char *prefix)
{
	size_t i;

	for (i = 0; i < l->extra.count; i++)
		if (str_starts(l->extra.items[i], prefix))
			return true;
	return false;
}

/* The target's configuration must speak of cards that are there, and need only programs the clone has. */
static int check_target_links(struct planner *p)
{
	static const char *const dhcp[] = { "/sbin/dhclient",  "/usr/sbin/dhclient",
					    "/sbin/udhcpc",    "/usr/sbin/udhcpc",
					    "/sbin/dhcpcd",    "/usr/sbin/dhcpcd",
					    "/usr/bin/dhcpcd", NULL };
	/* Debian's package is scripts of ifupdown alone since 11; the program of that name went */
	static const char *const ifenslave[] = { "/etc/network/if-pre-up.d/ifenslave",
						 "/sbin/ifenslave", "/usr/sbin/ifenslave", NULL };
	static const char *const brctl[] = { "/sbin/brctl", "/usr/sbin/brctl", NULL };
	const struct net_model *m = &p->target_net;
	bool ifupdown = is_ifupdown(p->source_net.stack);
	bool has_no_client = net_has_no_client(p->source_net.stack) && !has_program(p, dhcp);
	unsigned i, found = 0;

	for (i = 0; i < m->link_count; i++) {
		const struct net_link *l = &m->links[i];

		if (has_no_client && (l->v4 == NET_DHCP || l->v6 == NET_DHCP) &&
		    plan_block(p,
			       "%s gets its address by DHCP here, but the source has no DHCP "
			       "client: install isc-dhcp-client on it, then send it again",
			       l->name) < 0)
			return -1;
		if (ifupdown && (l->kind == NET_BOND || has_word(l, "bond-")) &&
		    !has_program(p, ifenslave) &&
		    plan_block(p, "%s is a bond here, but the source lacks the package ifenslave",
			       l->name) < 0)
			return -1;
		if (ifupdown && (l->kind == NET_BRIDGE || has_word(l, "bridge_")) &&
		    !has_program(p, brctl) &&
		    plan_block(p,
			       "%s is a bridge here, but the source lacks the package "
			       "bridge-utils",
			       l->name) < 0)
			return -1;
		if (net_card_of(l, p->facts))
			found++;
		else if (!net_link_is_virtual(l) && l->at_boot &&
			 plan_note(p,
				   "this machine's network files name %s, but no card of it was "
				   "found",
				   l->name) < 0)
			return -1;
	}
	if (m->link_count && !found)
		return plan_block(p,
				  "none of the links in this machine's network files belongs to a "
				  "card that was found: the clone would come up without network");
	return 0;
}

/* ---- the model for another stack ------------------------------------------------------------------------------ */

/* Name servers that this machine's files do not tie to a link, for stacks that manage resolv.conf themselves. */
static int give_servers(struct planner *p)
{
	struct strlist servers cleanup_strlist = STRLIST_INIT;
	struct net_link *to = NULL;
	unsigned i;
	size_t n;

	if (is_ifupdown(p->source_net.stack))
		return 0;
	for (i = 0; i < p->target_net.link_count; i++) {
		struct net_link *l = &p->target_net.links[i];

		if (l->dns.count)
			return 0;
		if (!to && (l->gateway4 || l->gateway6))
			to = l;
	}
	if (!to)
		return 0; /* by DHCP: so come its name servers */
	if (plan_net_servers(p, &servers) < 0)
		return -1;
	for (n = 0; n < servers.count; n++)
		if (strlist_add(&to->dns, servers.items[n]) < 0)
			return plan_nomem(p);
	return 0;
}

static int write_model(struct planner *p)
{
	const char *stack = p->source_net.stack;
	struct net_output o;
	int rc = 0;
	size_t i;

	if (net_fit(&p->target_net, p->facts, !net_is_by_name(stack), p->e) < 0 ||
	    give_servers(p) < 0)
		return -1;
	if (net_write(&o, stack, &p->target_net, p->clone, p->e) < 0)
		return -1;
	for (i = 0; rc == 0 && i < o.losses.count; i++)
		rc = plan_note(p, "%s cannot say all of this machine's network: %s", stack,
			       o.losses.items[i]);
	if (rc == 0)
		rc = plan_net_place_output(p, &o);
	net_output_done(&o);
	return rc;
}

int plan_net(struct planner *p)
{
	enum net_way way;

	if (judge_stacks(p, &way) < 0)
		return -1;
	if (way == NET_WAY_NONE)
		return 0;
	if (check_target_links(p) < 0)
		return -1;
	if (way == NET_WAY_FILES ? plan_net_place_files(p) < 0 : write_model(p) < 0)
		return -1;
	if (plan_net_names(p) < 0 || plan_dhcp(p, way) < 0)
		return -1;
	return plan_net_resolv_conf(p);
}
