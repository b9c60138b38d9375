/* SPDX-License-Identifier: MIT */
/* resolv.conf of every kind: this machine's name servers, where the clone looks for them. */
#include <limits.h>
#include <string.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_net.h"

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

/* Domains that this machine's network files name. */
static void add_search(const struct planner *p, struct strbuf *out)
{
	unsigned i, said = 0;
	size_t n;

	for (i = 0; i < p->target_net.link_count; i++)
		for (n = 0; n < p->target_net.links[i].search.count; n++) {
			const char *s = p->target_net.links[i].search.items[n];

			if (!*s ||
			    s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789.-_")])
				continue;
			strbuf_addf(out, "%s %s", said++ ? "" : "search", s);
		}
	if (said)
		strbuf_addc(out, '\n');
}

static bool asks_by_dhcp(const struct planner *p)
{
	unsigned i;

	for (i = 0; i < p->target_net.link_count; i++)
		if (p->target_net.links[i].v4 == NET_DHCP || p->target_net.links[i].v6 == NET_DHCP)
			return true;
	return false;
}

/* A lease need not bring name servers, and the source's would answer for another network until it does. */
static int empty_resolv_conf(struct planner *p, const char *path)
{
	struct strbuf old cleanup_strbuf = STRBUF_INIT, b cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read(p, path, &old);

	if (rc <= 0 || !old.len)
		return rc;
	strbuf_adds(&b, "# made by rehost: this machine gets its name servers by DHCP\n");
	return plan_rewrite(p, path, &b, "the source's name servers");
}

static int write_resolv_conf(struct planner *p, const char *path, const struct strbuf *own,
			     const struct strlist *servers)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	size_t i;

	/* The target's own bytes, unless they only lead to a resolver on the old system itself. */
	if (own->len && !strstr(strbuf_str(own), "nameserver 127."))
		return plan_rewrite(p, path, own, "this machine's name servers");
	if (!servers->count && asks_by_dhcp(p))
		return empty_resolv_conf(p, path);
	if (!servers->count)
		return plan_note(p,
				 "no name server of this machine is known: %s stays as the source "
				 "had it",
				 path);
	add_search(p, &b);
	for (i = 0; i < servers->count; i++)
		strbuf_addf(&b, "nameserver %s\n", servers->items[i]);
	return plan_rewrite(p, path, &b, "this machine's name servers");
}

int plan_net_servers(struct planner *p, struct strlist *ret)
{
	struct strbuf own cleanup_strbuf = STRBUF_INIT;

	if (plan_read_target(p, "/etc/resolv.conf", &own) < 0)
		return -1;
	return find_servers(p, strbuf_str(&own), ret);
}

static bool is_managed_by_nm(const struct planner *p)
{
	return strcmp(p->source_net.stack, "NetworkManager") == 0;
}

/* Whether what the clone starts knows its name servers from the files written for it, or by DHCP. */
static bool stack_has_servers(const struct planner *p)
{
	unsigned i;

	for (i = 0; i < p->target_net.link_count; i++)
		if (p->target_net.links[i].dns.count || p->target_net.links[i].v4 == NET_DHCP)
			return strcmp(p->source_net.stack, "ifupdown") != 0;
	return false;
}

int plan_net_resolv_conf(struct planner *p)
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
	if (own.len && plan_net_keep_target(p, "/etc/resolv.conf", &own) < 0)
		return -1;
	if (root_readlink(p->clone, "/etc/resolv.conf", link, sizeof(link)) < 0)
		link[0] = '\0';
	if (strstr(link, "systemd/resolve/") && net_any_exists(p->clone, resolved))
		return stack_has_servers(p) ? 0 : write_resolved(p, &servers);
	if (strstr(link, "run/NetworkManager/") && is_managed_by_nm(p))
		return 0;
	/* netconfig makes it of /etc/sysconfig/network/config */
	if (strstr(link, "run/netconfig/") && strcmp(p->source_net.stack, "wicked") == 0)
		return 0;
	if (strstr(link, "run/resolvconf/"))
		return write_resolv_conf(p, "/etc/resolvconf/resolv.conf.d/base", &own, &servers);
	return write_resolv_conf(p, "/etc/resolv.conf", &own, &servers);
}
