/* SPDX-License-Identifier: MIT */
/* Names of network cards: the source's bindings go, this machine's are pinned so that its network files stay valid. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "rewrite/plan_priv.h"

#define RULES "/etc/udev/rules.d/70-persistent-net.rules"

const struct fact_link *plan_find_link(const struct planner *p, const char *name)
{
	unsigned i;

	for (i = 0; i < p->facts->link_count; i++)
		if (p->facts->links[i].target_name &&
		    strcmp(p->facts->links[i].target_name, name) == 0)
			return &p->facts->links[i];
	return NULL;
}

static bool is_kernel_name(const char *name)
{
	return str_starts(name, "eth") && isdigit((unsigned char)name[3]);
}

/*
 * Type=ether keeps VLANs and bridges, which share the card's address, from taking its name. Before 243 udev compared Type=
 * with DEVTYPE, which cards do not have: there the driver tells them apart.
 */
static int write_link_file(struct planner *p, const struct fact_link *l, unsigned version)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/etc/systemd/network/10-rehost-%s.link", l->target_name);
	strbuf_addf(&b,
		    "# made by rehost: this machine's network files call this card %s\n[Match]\n"
		    "MACAddress=%s\n",
		    l->target_name, l->mac);
	if (version >= 243)
		strbuf_adds(&b, "Type=ether\n");
	else if (l->driver)
		strbuf_addf(&b, "Driver=%s\n", l->driver);
	strbuf_addf(&b, "\n[Link]\nName=%s\n", l->target_name);
	if (b.failed)
		return plan_nomem(p);
	return plan_write(p, path, strbuf_str(&b), b.len, 0644,
			  "the card keeps the name that this machine's network files use");
}

static int write_rules(struct planner *p)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	unsigned i;

	strbuf_adds(&b, "# made by rehost: names that this machine's network files use\n");
	for (i = 0; i < p->facts->link_count; i++) {
		const struct fact_link *l = &p->facts->links[i];

		if (l->target_name)
			strbuf_addf(&b,
				    "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", "
				    "ATTR{address}==\"%s\", ATTR{type}==\"1\", NAME=\"%s\"\n",
				    l->mac, l->target_name);
	}
	return plan_rewrite(p, RULES, &b, "cards keep the names that this machine's files use");
}

/* Two cards with one address (a virtual function and its twin) cannot be told apart by it. */
static bool mac_is_unique(const struct planner *p, const char *mac)
{
	unsigned i, n = 0;

	for (i = 0; i < p->facts->link_count; i++)
		n += strcmp(p->facts->links[i].mac, mac) == 0;
	return n == 1;
}

static int pin_names(struct planner *p)
{
	bool systemd = p->tree.init && strcmp(p->tree.init, "systemd") == 0;
	unsigned version = systemd ? inspect_systemd_version(p->clone) : 0;
	unsigned i, named = 0, kernel_names = 0;

	for (i = 0; i < p->facts->link_count; i++) {
		const struct fact_link *l = &p->facts->links[i];

		if (!l->target_name)
			continue;
		named++;
		kernel_names += is_kernel_name(l->target_name);
		if (!mac_is_unique(p, l->mac)) {
			if (plan_note(p,
				      "%s shares its hardware address with another card: its name "
				      "could not be pinned",
				      l->target_name) < 0)
				return -1;
			continue;
		}
		if (systemd && write_link_file(p, l, version) < 0)
			return -1;
	}
	if (kernel_names && p->facts->link_count > 1 &&
	    plan_note(p,
		      "this machine has several cards and calls one of them eth0 or the like: the "
		      "kernel may number them differently; after the first boot look whether each "
		      "has its address") < 0)
		return -1;
	if (named && (!systemd || (kernel_names && p->facts->link_count > 1)))
		return write_rules(p);
	return 0;
}

/* One .link file of the clone that is not to stay when it binds a name. */
static int drop_link_file(struct planner *p, const char *name)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[PATH_MAX], own[NAME_MAX + 1];

	snprintf(path, sizeof(path), "/etc/systemd/network/%s", name);
	if (str_starts(name, "10-rehost-")) {
		snprintf(own, sizeof(own), "%.*s", (int)(strlen(name) - 15), name + 10);
		return plan_find_link(p, own)
			       ? 0
			       : plan_remove(p, path, "names a card of an earlier machine");
	}
	if (!root_is_file(p->clone, path))
		return 0; /* a link to /dev/null switches a default off */
	if (plan_read(p, path, &text) < 0)
		return -1;
	if (!strstr(strbuf_str(&text), "Address=") && !strstr(strbuf_str(&text), "Name="))
		return 0;
	return plan_move_aside(p, path, "names a card of the source");
}

static int drop_rules_file(struct planner *p, const char *name)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/etc/udev/rules.d/%s", name);
	if (root_is_file(p->clone, path) && plan_read(p, path, &text) < 0)
		return -1;
	/* One made by an earlier rewriting is taken back by write_rules when it is still right. */
	if (str_starts(strbuf_str(&text), "# made by rehost"))
		return plan_remove(p, path, "names cards of an earlier machine");
	return plan_move_aside(p, path, "names devices of the source");
}

/* Removes what binds names to the source's cards. */
static int drop_source_names(struct planner *p)
{
	struct strlist links cleanup_strlist = STRLIST_INIT, rules cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (root_is_dir(p->clone, "/etc/systemd/network") &&
	    root_list(p->clone, "/etc/systemd/network", &links, p->e) < 0)
		return -1;
	for (i = 0; i < links.count; i++)
		if (str_ends(links.items[i], ".link") && drop_link_file(p, links.items[i]) < 0)
			return -1;
	if (root_is_dir(p->clone, "/etc/udev/rules.d") &&
	    root_list(p->clone, "/etc/udev/rules.d", &rules, p->e) < 0)
		return -1;
	for (i = 0; i < rules.count; i++)
		if ((strstr(rules.items[i], "persistent-net") ||
		     strstr(rules.items[i], "persistent-cd")) &&
		    drop_rules_file(p, rules.items[i]) < 0)
			return -1;
	return 0;
}

int plan_net_names(struct planner *p)
{
	return drop_source_names(p) < 0 ? -1 : pin_names(p);
}
