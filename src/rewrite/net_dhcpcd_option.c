/* SPDX-License-Identifier: MIT */
/* What the lines of dhcpcd.conf(5) mean for one link. */
#include <fnmatch.h>
#include <string.h>

#include "rewrite/net_dhcpcd_priv.h"

struct link_lines {
	struct net_link *l;
	char *address4, *mask4, *address6; /* each line replaces the one before */
	bool no4, no6, no_dhcp, no_rs, no_auto, asks6;
	uint32_t metric;
	bool failed; /* no memory */
};

static void extra(struct link_lines *p, const char *option, const char *value)
{
	p->failed |= strlist_addf(&p->l->extra, "%s%s%s", option, *value ? " " : "", value) < 0;
}

static void set_text(struct link_lines *p, char **to, const char *value)
{
	free(*to);
	*to = *value ? strdup(value) : NULL;
	p->failed |= *value && !*to;
}

static void take_route(struct link_lines *p, const char *to, const char *via)
{
	struct net_route r = { .to = net_prefix_of(to, false) };

	/* without a router it is not taken, nor what comes behind it (inet_dhcproutes) */
	if (!r.to || !net_is_address(via) || net_is_v6(r.to) || net_is_v6(via) ||
	    strcmp(via, "0.0.0.0") == 0) {
		p->failed |= strlist_addf(&p->l->extra, "static routes=%s %s", to, via) < 0;
	} else {
		r.via = (char *)via;
		p->failed |= net_take_route(p->l, &r) < 0;
	}
	free(r.to);
}

/* "static routers=", "static classless_static_routes=DEST GATEWAY": pairs, on one line or several. */
static void take_routes(struct link_lines *p, const char *value, bool pairs)
{
	struct strlist w cleanup_strlist = STRLIST_INIT;
	size_t i;

	p->failed |= strlist_split(&w, value, " ,\t") < 0;
	for (i = 0; i < w.count; i += pairs ? 2 : 1) {
		if (!pairs)
			take_route(p, "default", w.items[i]);
		else
			take_route(p, w.items[i], i + 1 < w.count ? w.items[i + 1] : "");
	}
}

static void take_static(struct link_lines *p, const char *text)
{
	static const char *const routes[] = { "routes", "static_routes", "classless_static_routes",
					      "ms_classless_static_routes", NULL };
	const char *value = text + strcspn(text, "=");
	char key[64];
	uint32_t n;

	snprintf(key, sizeof(key), "%.*s", (int)(value - text < 63 ? value - text : 63), text);
	value += *value == '=';
	value += strspn(value, " \t");
	if (strcmp(key, "ip_address") == 0)
		set_text(p, &p->address4, value);
	else if (strcmp(key, "subnet_mask") == 0)
		set_text(p, &p->mask4, value);
	else if (strcmp(key, "ip6_address") == 0)
		set_text(p, &p->address6, value);
	else if (strcmp(key, "routers") == 0)
		take_routes(p, value, false);
	else if (net_is_one_of(key, routes))
		take_routes(p, value, true);
	else if (strcmp(key, "domain_name_servers") == 0)
		p->failed |= strlist_split(&p->l->dns, value, " ,\t") < 0;
	else if (strcmp(key, "domain_search") == 0 || strcmp(key, "domain_name") == 0)
		p->failed |= strlist_split(&p->l->search, value, " ,\t") < 0;
	else if ((strcmp(key, "interface_mtu") == 0 || strcmp(key, "mtu") == 0) &&
		 parse_u32(value, &n) == 0)
		p->l->mtu = n;
	else if (strcmp(key, "broadcast_address") != 0)
		extra(p, "static", text);
}

/* One that switches something on or off; false: another line. */
static bool take_switch(struct link_lines *p, const char *option)
{
	if (strcmp(option, "noipv4") == 0 || strcmp(option, "ipv6only") == 0)
		p->no4 = true;
	else if (strcmp(option, "noipv6") == 0 || strcmp(option, "ipv4only") == 0)
		p->no6 = true;
	else if (strcmp(option, "nodhcp") == 0)
		p->no_dhcp = true;
	else if (strcmp(option, "noipv6rs") == 0)
		p->no_rs = true;
	else if (strcmp(option, "ipv6rs") == 0)
		p->no_rs = false;
	else if (strcmp(option, "ipv6ra_noautoconf") == 0)
		p->no_auto = true;
	else if (strcmp(option, "ia_na") == 0)
		p->asks6 = true;
	else
		return false;
	return true;
}

static void take_line(struct link_lines *p, const struct dhcpcd_line *line)
{
	/* how it is asked, logged and handed on: no part of the network */
	static const char *const passed[] = { "allowinterfaces",
					      "denyinterfaces",
					      "hostname",
					      "hostname_short",
					      "duid",
					      "clientid",
					      "iaid",
					      "persistent",
					      "option",
					      "require",
					      "nooption",
					      "vendorclassid",
					      "userclass",
					      "slaac",
					      "nohook",
					      "hook",
					      "timeout",
					      "reboot",
					      "background",
					      "waitip",
					      "debug",
					      "quiet",
					      "logfile",
					      "controlgroup",
					      "noarp",
					      "noipv4ll",
					      "fqdn",
					      "nodelay",
					      "noalias",
					      "nodhcp6",
					      "embedded",
					      "profile",
					      "arping",
					      "script",
					      "nodev",
					      "master",
					      NULL };

	if (strcmp(line->option, "static") == 0) {
		take_static(p, line->value);
	} else if (strcmp(line->option, "inform") == 0) {
		/* the address is kept as a static one is; the server is only asked for the rest */
		if (*line->value)
			set_text(p, &p->address4, line->value);
		extra(p, line->option, line->value);
	} else if (strcmp(line->option, "metric") == 0) {
		if (parse_u32(line->value, &p->metric) < 0)
			extra(p, line->option, line->value);
	} else if (!take_switch(p, line->option) && !net_is_one_of(line->option, passed)) {
		extra(p, line->option, line->value);
	}
}

/* ---- what comes of it ---------------------------------------------------------------------------------------------- */

static void add_address(struct link_lines *p, const char *text, const char *mask, bool v6)
{
	char *prefix = NULL;
	int len = mask ? net_mask_length(mask) : -1;

	if (!strchr(text, '/') && len >= 0 && asprintf(&prefix, "%s/%d", text, len) < 0)
		prefix = NULL;
	if (!prefix)
		prefix = strcmp(text, "default") == 0 ? NULL : net_prefix_of(text, v6);
	if (prefix && net_is_v6(prefix) == v6)
		p->failed |= strlist_add(&p->l->addresses, prefix) < 0;
	else
		extra(p, v6 ? "static ip6_address" : "static ip_address", text);
	free(prefix);
}

static void settle_methods(struct link_lines *p)
{
	struct net_link *l = p->l;

	if (p->address4 && !p->no4)
		add_address(p, p->address4, p->mask4, false);
	if (p->address6 && !p->no6)
		add_address(p, p->address6, NULL, true);
	if (p->no4)
		l->v4 = NET_OFF;
	else if (p->address4)
		l->v4 = NET_STATIC;
	else
		l->v4 = p->no_dhcp ? NET_OFF : NET_DHCP;
	if (p->no6)
		l->v6 = NET_OFF;
	else if (p->asks6)
		l->v6 = NET_DHCP;
	else if (!p->no_rs && !p->no_auto)
		l->v6 = NET_AUTO;
	else
		l->v6 = p->address6 ? NET_STATIC : NET_OFF;
	/* routers are still heard, though not for addresses */
	if (p->no_auto && !p->no_rs && !p->no6)
		extra(p, "ipv6ra_noautoconf", "");
}

/* "Metrics are used to prefer an interface over another one": of every route of the link. */
static void settle_metric(struct link_lines *p)
{
	struct net_link *l = p->l;
	struct net_route r = { .to = (char *)"0.0.0.0/0", .via = l->gateway4 };
	char text[16];
	unsigned i;

	if (!p->metric)
		return;
	for (i = 0; i < l->route_count; i++)
		l->routes[i].metric = p->metric;
	if (l->gateway4) {
		l->gateway4 = NULL;
		r.metric = p->metric;
		p->failed |= net_take_route(l, &r) < 0;
		free(r.via);
	} else if (l->v4 == NET_DHCP || l->v6 != NET_OFF) {
		snprintf(text, sizeof(text), "%u", p->metric);
		extra(p, "metric", text);
	}
}

int dhcpcd_read_options(struct net_link *l, const struct dhcpcd_file *f)
{
	struct link_lines p = { .l = l };
	bool skip = false;
	unsigned i;
	size_t n;

	for (n = 0; n < f->count; n++) {
		const struct dhcpcd_line *line = &f->lines[n];

		if (strcmp(line->option, "interface") == 0)
			skip = fnmatch(line->value, l->name, 0) != 0 &&
			       strcmp(line->value, l->name) != 0;
		else if (strcmp(line->option, "ssid") == 0 || strcmp(line->option, "profile") == 0)
			skip = true;
		else if (!skip)
			take_line(&p, line);
	}
	settle_methods(&p);
	settle_metric(&p);
	/* dhcpcd makes the way to a router outside by itself (inet_routerhostroute) */
	net_settle_gateways(l);
	for (i = 0; i < l->route_count; i++)
		l->routes[i].is_onlink = l->routes[i].via && net_needs_onlink(l, l->routes[i].via);
	free(p.address4);
	free(p.mask4);
	free(p.address6);
	return p.failed ? -1 : 0;
}
