/* SPDX-License-Identifier: MIT */
/*
 * DHCPv6 across clients: where this machine's identity (DUID) is written down, the clone's client is told it in its own words.
 * What a client makes of the machine-id by itself is written nowhere, and cannot be carried over.
 */
#include <string.h>

#include "rewrite/duid.h"
#include "rewrite/net_fit.h"
#include "rewrite/plan_priv.h"

#define NETWORKD_CONF "/etc/systemd/networkd.conf.d/10-rehost-duid.conf"
#define NM_CONF "/etc/NetworkManager/conf.d/10-rehost-duid.conf"
#define HEADER "# made by rehost: this machine's DHCPv6 identity\n"
#define HAS_DHCPV6_SECTION 249 /* systemd; before, one section was for both families */

enum client { CLIENT_OTHER, CLIENT_NETWORKD, CLIENT_NM };

static enum client client_of(const struct net_model *m)
{
	bool is_netplan = m->stack && strcmp(m->stack, "netplan") == 0;
	const char *name = is_netplan ? m->renderer : m->stack;

	if (!name)
		return is_netplan ? CLIENT_NETWORKD : CLIENT_OTHER;
	if (strcmp(name, "systemd-networkd") == 0 || (is_netplan && strcmp(name, "networkd") == 0))
		return CLIENT_NETWORKD;
	return strcmp(name, "NetworkManager") == 0 ? CLIENT_NM : CLIENT_OTHER;
}

/* The identity that the client wrote which this machine used. Others' files may be left from long ago. */
static bool find_duid(struct planner *p, const char *dhclient, struct duid *ret)
{
	static const char *const places[] = { "/var/lib/dhcpcd/duid", "/var/lib/dhcpcd5/duid",
					      "/etc/dhcpcd.duid" };
	const char *stack = p->target_net.stack;
	size_t i;

	if (!stack || (!net_has_no_client(stack) && strcmp(stack, "dhcpcd") != 0))
		return false;
	if (dhclient && net_has_no_client(stack))
		return duid_parse_dhclient(ret, dhclient);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		if (plan_read_target(p, places[i], &text) > 0)
			return duid_parse_hex(ret, strbuf_str(&text));
	}
	return false;
}

/* One of an earlier machine must not speak for this one. */
static int drop_own(struct planner *p, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read(p, path, &text);

	if (rc <= 0 || !str_starts(strbuf_str(&text), HEADER))
		return rc < 0 ? -1 : 0;
	return plan_remove(p, path, "the DHCPv6 identity of an earlier machine");
}

static int write_conf(struct planner *p, const char *path, struct strbuf *b)
{
	if (b->failed)
		return plan_nomem(p);
	if (plan_write(p, path, strbuf_str(b), b->len, 0644,
		       "the DHCPv6 identity of this machine") < 0)
		return -1;
	return plan_note(p, "DHCPv6: the clone asks with this machine's identity (DUID), by %s",
			 path);
}

static int write_networkd(struct planner *p, const struct duid *d)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	unsigned version = inspect_systemd_version(p->clone);
	const char *type = duid_type_word(d);

	if (!type)
		return plan_note(p, "DHCPv6: systemd-networkd has no word for this machine's kind "
				    "of identity (DUID): a server that knows it may give another "
				    "address");
	strbuf_addf(&b, HEADER "[%s]\nDUIDType=%s\nDUIDRawData=",
		    version && version < HAS_DHCPV6_SECTION ? "DHCP" : "DHCPv6", type);
	duid_add_hex(&b, d->bytes + 2, d->len - 2);
	strbuf_addc(&b, '\n');
	return write_conf(p, NETWORKD_CONF, &b);
}

/* A default for all connections (NetworkManager.conf(5)): netplan writes its own at every start. */
static int write_nm(struct planner *p, const struct duid *d)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	strbuf_adds(&b, HEADER "[connection-rehost-duid]\nipv6.dhcp-duid=");
	duid_add_hex(&b, d->bytes, d->len);
	strbuf_addc(&b, '\n');
	return write_conf(p, NM_CONF, &b);
}

int plan_duid(struct planner *p, const char *dhclient)
{
	enum client client = client_of(&p->source_net);
	struct duid d;
	bool found = dhclient || p->facts->target_files ? find_duid(p, dhclient, &d) : false;
	bool has_v6 = false;
	unsigned i;

	if (err_is_set(p->e))
		return -1;
	for (i = 0; i < p->target_net.link_count; i++)
		has_v6 |= p->target_net.links[i].v6 == NET_DHCP;
	found = found && has_v6;
	if (found && client == CLIENT_NETWORKD ? write_networkd(p, &d) < 0
					       : drop_own(p, NETWORKD_CONF) < 0)
		return -1;
	return (found && client == CLIENT_NM) ? write_nm(p, &d) : drop_own(p, NM_CONF);
}
