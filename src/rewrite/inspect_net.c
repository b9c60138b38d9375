/* SPDX-License-Identifier: MIT */
/* Which network stack is active, and why we think so: net_read decides, this says what speaks for it and for others. */
#include <string.h>

#include "rewrite/inspect_priv.h"

/* What proves a stack: what starts it, and its files. In a tree where nothing starts it the files alone prove little. */
static const struct evidence {
	const char *stack;
	const char *started;  /* services, as services_match() takes them; NULL: files do */
	const char *files[3]; /* folder and pattern in one: "/etc/netplan/" "*.yaml" */
	const char *generator[3];
	bool needs_files; /* what starts it starts others too */
} evidence[] = {
	{ .stack = "netplan",
	  .files = { "/etc/netplan/*.yaml" },
	  .generator = { "/usr/lib/systemd/system-generators/netplan",
			 "/lib/systemd/system-generators/netplan" },
	  .needs_files = true },
	{ .stack = "systemd-networkd",
	  .started = "systemd-networkd",
	  .files = { "/etc/systemd/network/*.network", "/usr/lib/systemd/network/*.network" } },
	{ .stack = "ifupdown", .started = "networking", .files = { "/etc/network/interfaces" } },
	{ .stack = "NetworkManager",
	  .started = "NetworkManager",
	  .files = { "/etc/NetworkManager/system-connections/*",
		     "/etc/sysconfig/network-scripts/ifcfg-*" } },
	/* the service network is SUSE's ifup or RHEL's scripts, or an alias of what came after them */
	{ .stack = "wicked",
	  .started = "wicked network",
	  .files = { "/etc/sysconfig/network/ifcfg-*" },
	  .needs_files = true },
	{ .stack = "ifcfg",
	  .started = "network NetworkManager",
	  .files = { "/etc/sysconfig/network-scripts/ifcfg-*" },
	  .needs_files = true },
	{ .stack = "netctl",
	  .started = "netctl@* netctl-auto@* netctl-ifplugd@* netctl",
	  .files = { "/etc/netctl/*" } },
	{ .stack = "netifrc", .started = "net.[!l]*", .files = { "/etc/conf.d/net" } },
	{ .stack = "dhcpcd", .started = "dhcpcd dhcpcd@*", .files = { "/etc/dhcpcd.conf" } },
	{ .stack = "connman", .started = "connman connmand", .files = { "/var/lib/connman/*" } },
	{ .stack = "cloud-init",
	  .started = "cloud-init cloud-init-local cloud-init-main",
	  .files = { "/etc/cloud/cloud.cfg" } },
};

static const struct evidence *find_row(const char *stack)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(evidence); i++)
		if (strcmp(evidence[i].stack, stack) == 0)
			return &evidence[i];
	return NULL;
}

/* The first file of the row that is there; ifcfg-lo and examples configure nothing. */
static char *find_file(const struct inspect_look *l, const struct evidence *row)
{
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(row->files) && row->files[i]; i++) {
		struct strlist found cleanup_strlist = STRLIST_INIT;
		const char *name = strrchr(row->files[i], '/');
		char dir[128];

		snprintf(dir, sizeof(dir), "%.*s", (int)(name - row->files[i]), row->files[i]);
		inspect_glob(l->root, dir, name + 1, &found);
		for (n = 0; n < found.count; n++)
			if (root_is_file(l->root, found.items[n]) &&
			    !str_ends(found.items[n], "/ifcfg-lo") &&
			    !str_ends(found.items[n], ".template"))
				return strdup(found.items[n]);
	}
	return NULL;
}

static const char *find_start(const struct inspect_look *l, const struct evidence *row)
{
	const char *link = row->started ? inspect_started(l, row->started) : NULL;

	return link ? link : inspect_first(l->root, row->generator);
}

/* "it is started (LINK) and FILE is there" */
static void say_evidence(const struct inspect_look *l, const struct evidence *row,
			 struct strbuf *out)
{
	const char *start = find_start(l, row);
	char *file cleanup_free = find_file(l, row);

	if (start && inspect_first(l->root, row->generator) == start)
		strbuf_addf(out, "its generator is installed (%s)", start);
	else if (start)
		strbuf_addf(out, "it is started (%s)", start);
	if (file)
		strbuf_addf(out, "%s%s is there", start ? " and " : "", file);
	if (!start && !file)
		strbuf_adds(out, "files of it are there");
}

/* All other stacks that are started. */
static json_t *list_others(const struct inspect_look *l)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(evidence); i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		char *file cleanup_free = find_file(l, &evidence[i]);
		json_t *o;

		if ((l->net.stack && strcmp(l->net.stack, evidence[i].stack) == 0) ||
		    !find_start(l, &evidence[i]) || (evidence[i].needs_files && !file))
			continue;
		say_evidence(l, &evidence[i], &text);
		o = json_object();
		json_object_set_new(o, "stack", json_text(evidence[i].stack));
		json_object_set_new(o, "because", json_text(strbuf_str(&text)));
		json_array_append_new(list, o);
	}
	return list;
}

static void say_why(const struct inspect_look *l, const json_t *others, struct strbuf *out)
{
	const char *stack = l->net.stack;
	const struct evidence *row = stack ? find_row(stack) : NULL;
	json_t *o;
	size_t i;

	if (row) {
		strbuf_addf(out, "%s: ", stack);
		say_evidence(l, row, out);
	} else if (stack) {
		strbuf_addf(out, "%s: %s%s", stack, l->net.files.count ? l->net.files.items[0] : "",
			    l->net.files.count ? " is there" : "its files are there");
	} else {
		strbuf_adds(out, "no stack that can be read here has files that configure a link");
	}
	if (json_array_size(others) == 0)
		return;
	strbuf_adds(out, stack ? "; it goes before " : "; started is ");
	json_array_foreach(others, i, o)
	{
		strbuf_addf(out, "%s%s", i ? ", " : "",
			    json_string_value(json_object_get(o, "stack")));
	}
	if (stack)
		strbuf_adds(out, ", started as well");
}

json_t *inspect_network(struct inspect_look *l)
{
	struct strbuf why cleanup_strbuf = STRBUF_INIT;
	json_t *o = net_json(&l->net), *others = list_others(l);

	say_why(l, others, &why);
	json_object_set_new(o, "why", json_text(strbuf_str(&why)));
	json_object_set_new(o, "others", others);
	return o;
}
