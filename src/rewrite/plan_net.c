/* SPDX-License-Identifier: MIT */
/* Network: the target's own files in the place of the source's, and card names pinned so that they stay valid. */
#include <limits.h>
#include <string.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_priv.h"

#define MAIN_FILE "/etc/network/interfaces"
#define NET_DIR "/etc/network/interfaces.d"

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
		if (plan_find_link(p, l->name))
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
	    place_target_files(p) < 0 || plan_net_names(p) < 0)
		return -1;
	return plan_dhcp(p) < 0 ? -1 : plan_resolv_conf(p);
}
