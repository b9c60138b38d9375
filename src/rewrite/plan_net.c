/* SPDX-License-Identifier: MIT */
/* Network: the target's own files in the place of the source's, and card names pinned so that they stay valid. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_priv.h"

#define MAIN_FILE "/etc/network/interfaces"
#define NET_DIR "/etc/network/interfaces.d"
#define RULES "/etc/udev/rules.d/70-persistent-net.rules"

static bool has_program(const struct planner *p, const char *const *paths)
{
	return net_any_exists(p->clone, paths);
}

/* Says why the source's stack cannot take the target's files. *ret_ok: it can. */
static int judge_stacks(struct planner *p, bool *ret_ok)
{
	static const char *const ifup[] = { "/sbin/ifup", "/usr/sbin/ifup", NULL };
	const char *source = p->source_net.stack, *target = p->target_net.stack;

	*ret_ok = false;
	if (!target)
		return plan_block(
			p,
			"no network configuration of this machine was found in %s; its own "
			"files are what the clone must come up with",
			MAIN_FILE);
	if (strcmp(target, "ifupdown") != 0)
		return plan_block(p,
				  "this machine's old system configured its network with %s, which "
				  "rehost cannot carry over yet (only %s)",
				  target, MAIN_FILE);
	if (source && strcmp(source, "ifupdown") != 0)
		return plan_block(p,
				  "the source configures its network with %s; rehost can only give "
				  "the clone this machine's %s yet. Enable ifupdown on the source, "
				  "then send it again",
				  source, MAIN_FILE);
	if (!has_program(p, ifup))
		return plan_block(
			p,
			"the source has no ifupdown (/sbin/ifup) to read this machine's %s: "
			"install it on the source, then send it again",
			MAIN_FILE);
	*ret_ok = true;
	if (!source)
		return plan_block(p,
				  "ifupdown is installed on the source but not in use (no enabled "
				  "networking.service, or nothing in %s): the clone would come up "
				  "without network",
				  MAIN_FILE);
	return 0;
}

static const struct fact_link *find_fact(const struct planner *p, const char *name)
{
	unsigned i;

	for (i = 0; i < p->facts->link_count; i++)
		if (p->facts->links[i].target_name &&
		    strcmp(p->facts->links[i].target_name, name) == 0)
			return &p->facts->links[i];
	return NULL;
}

/* The target's configuration must speak of cards that are there, and need only programs the clone has. */
static int check_target_links(struct planner *p)
{
	static const char *const dhcp[] = { "/sbin/dhclient",
					    "/usr/sbin/dhclient",
					    "/sbin/udhcpc",
					    "/usr/sbin/udhcpc",
					    "/sbin/dhcpcd",
					    "/usr/sbin/dhcpcd",
					    NULL };
	static const char *const ifenslave[] = { "/sbin/ifenslave", "/usr/sbin/ifenslave", NULL };
	static const char *const brctl[] = { "/sbin/brctl", "/usr/sbin/brctl", NULL };
	const struct net_model *m = &p->target_net;
	unsigned i, found = 0;
	size_t n;

	for (i = 0; i < m->link_count; i++) {
		const struct net_link *l = &m->links[i];

		if ((l->v4 == NET_DHCP || l->v6 == NET_DHCP) && !has_program(p, dhcp) &&
		    plan_block(p,
			       "%s gets its address by DHCP here, but the source has no DHCP "
			       "client: install isc-dhcp-client on it, then send it again",
			       l->name) < 0)
			return -1;
		for (n = 0; n < l->extra.count; n++) {
			const char *x = l->extra.items[n];

			if (str_starts(x, "bond-") && !has_program(p, ifenslave) &&
			    plan_block(p,
				       "%s is a bond here, but the source lacks the package "
				       "ifenslave",
				       l->name) < 0)
				return -1;
			if (str_starts(x, "bridge_") && !has_program(p, brctl) &&
			    plan_block(p,
				       "%s is a bridge here, but the source lacks the package "
				       "bridge-utils",
				       l->name) < 0)
				return -1;
		}
		if (find_fact(p, l->name))
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

/* ---- files ------------------------------------------------------------------------------------------------- */

static int keep_target(struct planner *p, const char *path, const struct strbuf *text)
{
	char kept[PATH_MAX];

	if (snprintf(kept, sizeof(kept), "%s%s", TARGET_ORIGINAL, path) >= (int)sizeof(kept))
		return 0;
	return plan_write(p, kept, strbuf_str(text), text->len, 0600,
			  "this machine's own, kept for people");
}

static int move_aside_source_files(struct planner *p)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < p->source_net.files.count; i++)
		if (!strlist_has(&p->target_net.files, p->source_net.files.items[i]) &&
		    plan_move_aside(p, p->source_net.files.items[i],
				    "the source's network configuration") < 0)
			return -1;
	/* Also what the source did not read: this machine's own file may source the whole folder. */
	if (!root_is_dir(p->clone, NET_DIR))
		return 0;
	if (root_list(p->clone, NET_DIR, &names, p->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", NET_DIR, names.items[i]) >=
		    (int)sizeof(path))
			continue;
		if (!strlist_has(&p->target_net.files, path) &&
		    plan_move_aside(p, path, "the source's network configuration") < 0)
			return -1;
	}
	return 0;
}

static int place_target_files(struct planner *p)
{
	size_t i;

	for (i = 0; i < p->target_net.files.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const char *path = p->target_net.files.items[i];
		int rc = plan_read_target(p, path, &text);

		if (rc < 0)
			return -1;
		if (rc == 0 || !str_starts(path, "/etc/"))
			continue;
		if (plan_rewrite(p, path, &text, "this machine's own network configuration") < 0 ||
		    keep_target(p, path, &text) < 0)
			return -1;
	}
	for (i = 0; i < p->target_net.notes.count; i++)
		if (plan_note(p, "this machine's network: %s", p->target_net.notes.items[i]) < 0)
			return -1;
	return 0;
}

/* ---- names of cards ---------------------------------------------------------------------------------------- */

static bool is_kernel_name(const char *name)
{
	return str_starts(name, "eth") && isdigit((unsigned char)name[3]);
}

/* systemd's version, from the name of its private library; 0: unknown. */
static unsigned systemd_version(const struct planner *p)
{
	static const char *const dirs[] = { "/usr/lib/systemd", "/lib/systemd",
					    "/usr/lib/x86_64-linux-gnu/systemd",
					    "/usr/lib/i386-linux-gnu/systemd" };
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (!root_is_dir(p->clone, dirs[i]) ||
		    root_list(p->clone, dirs[i], &names, NULL) < 0)
			continue;
		for (n = 0; n < names.count; n++) {
			char digits[8] = "";
			uint32_t v;

			if (!str_starts(names.items[n], "libsystemd-shared-"))
				continue;
			snprintf(digits, sizeof(digits), "%.*s",
				 (int)strspn(names.items[n] + 18, "0123456789") % 8,
				 names.items[n] + 18);
			if (parse_u32(digits, &v) == 0)
				return v;
		}
	}
	return 0;
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
	unsigned version = systemd ? systemd_version(p) : 0;
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
		return find_fact(p, own)
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

/* ---- leases and names of other machines --------------------------------------------------------------------- */

static int remove_leases(struct planner *p)
{
	static const char *const dirs[] = { "/var/lib/dhcp", "/var/lib/dhcpcd", "/var/lib/dhcpcd5",
					    "/var/lib/NetworkManager" };
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;
		char path[PATH_MAX];

		if (!root_is_dir(p->clone, dirs[i]))
			continue;
		if (root_list(p->clone, dirs[i], &names, p->e) < 0)
			return -1;
		for (n = 0; n < names.count; n++) {
			if (!strstr(names.items[n], ".lease") &&
			    strcmp(names.items[n], "duid") != 0)
				continue;
			snprintf(path, sizeof(path), "%s/%s", dirs[i], names.items[n]);
			if (plan_remove_secret(p, path, "a lease of the source's address") < 0)
				return -1;
		}
	}
	return plan_remove_secret(p, "/etc/dhcpcd.duid", "the source's DHCP identity");
}

/* ---- resolv.conf -------------------------------------------------------------------------------------------- */

/* An address, with a scope perhaps: what may be written into another file. */
static bool is_server(const char *s)
{
	return *s && !s[strspn(s, "0123456789abcdefABCDEF.:%_-ghijklmnopqrstuvwxyz")] &&
	       !str_starts(s, "127.");
}

/* Name servers of the target: from its resolv.conf, else from its network files. */
static int find_servers(struct planner *p, const char *text, struct strlist *ret)
{
	unsigned i;
	size_t n;

	while (*text) {
		size_t len = strcspn(text, "\n");
		char server[64];

		if (sscanf(text, "nameserver %63s", server) == 1 && !str_starts(server, "127.") &&
		    strlist_add(ret, server) < 0)
			return plan_nomem(p);
		text += len + (text[len] == '\n');
	}
	for (i = 0; i < p->target_net.link_count && !ret->count; i++)
		for (n = 0; n < p->target_net.links[i].dns.count; n++)
			if (is_server(p->target_net.links[i].dns.items[n]) &&
			    strlist_add(ret, p->target_net.links[i].dns.items[n]) < 0)
				return plan_nomem(p);
	return 0;
}

static int write_resolved(struct planner *p, const struct strlist *servers)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	if (!servers->count)
		return 0;
	strbuf_adds(&b, "# made by rehost: this machine's name servers\n[Resolve]\nDNS=");
	for (i = 0; i < servers->count; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", servers->items[i]);
	strbuf_addc(&b, '\n');
	if (b.failed)
		return plan_nomem(p);
	return plan_write(p, "/etc/systemd/resolved.conf.d/10-rehost.conf", strbuf_str(&b), b.len,
			  0644, "this machine's name servers");
}

static int write_resolv_conf(struct planner *p, const char *path, const struct strbuf *own,
			     const struct strlist *servers)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	/* The target's own bytes, unless they only lead to a resolver on the old system itself. */
	if (own->len && !strstr(strbuf_str(own), "nameserver 127."))
		return plan_rewrite(p, path, own, "this machine's name servers");
	if (!servers->count) {
		for (i = 0; i < p->target_net.link_count; i++)
			if (p->target_net.links[i].v4 == NET_DHCP)
				return 0;
		return plan_note(p,
				 "no name server of this machine is known: %s stays as the source "
				 "had it",
				 path);
	}
	for (i = 0; i < servers->count; i++)
		strbuf_addf(&b, "nameserver %s\n", servers->items[i]);
	return plan_rewrite(p, path, &b, "this machine's name servers");
}

static int plan_resolv_conf(struct planner *p)
{
	static const char *const resolved[] = {
		"/etc/systemd/system/sysinit.target.wants/systemd-resolved.service",
		"/etc/systemd/system/multi-user.target.wants/systemd-resolved.service",
		"/etc/systemd/system/dbus-org.freedesktop.resolve1.service", NULL
	};
	struct strlist servers cleanup_strlist = STRLIST_INIT;
	struct strbuf own cleanup_strbuf = STRBUF_INIT;
	char link[PATH_MAX] = "";

	if (plan_read_target(p, "/etc/resolv.conf", &own) < 0 ||
	    find_servers(p, strbuf_str(&own), &servers) < 0)
		return -1;
	if (own.len && keep_target(p, "/etc/resolv.conf", &own) < 0)
		return -1;
	if (root_readlink(p->clone, "/etc/resolv.conf", link, sizeof(link)) < 0)
		link[0] = '\0';
	if (strstr(link, "systemd/resolve/") && net_any_exists(p->clone, resolved))
		return write_resolved(p, &servers);
	if (strstr(link, "run/resolvconf/"))
		return write_resolv_conf(p, "/etc/resolvconf/resolv.conf.d/base", &own, &servers);
	return write_resolv_conf(p, "/etc/resolv.conf", &own, &servers);
}

int plan_net(struct planner *p)
{
	bool ok;

	if (judge_stacks(p, &ok) < 0)
		return -1;
	if (!ok)
		return 0;
	if (check_target_links(p) < 0 || move_aside_source_files(p) < 0 ||
	    place_target_files(p) < 0 || drop_source_names(p) < 0 || pin_names(p) < 0)
		return -1;
	return remove_leases(p) < 0 ? -1 : plan_resolv_conf(p);
}
