/* SPDX-License-Identifier: MIT */
#include "rewrite/net_fit.h"
#include "rewrite/net_priv.h"

#include <string.h>

bool net_dir_has(const struct root *root, const char *dir, const char *suffix)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_dir(root, dir) || root_list(root, dir, &names, NULL) < 0)
		return false;
	for (i = 0; i < names.count; i++)
		if (str_ends(names.items[i], suffix))
			return true;
	return false;
}

bool net_any_exists(const struct root *root, const char *const *paths)
{
	struct stat st;

	for (; *paths; paths++)
		if (root_lstat(root, *paths, &st) == 0)
			return true;
	return false;
}

/*
 * In order of precedence. ifupdown comes before NetworkManager because it is active only when it configures a
 * link, and NetworkManager leaves alone what /etc/network/interfaces names (NetworkManager.conf(5), managed=false).
 * ifcfg comes before it because NetworkManager reads these files too, by a plugin.
 * dhcpcd comes behind ifupdown, netctl and netifrc, which use it as their DHCP client.
 * cloud-init comes last: as soon as it has run, what it wrote is another stack's.
 */
static const struct net_backend *const backends[] = { &net_netplan,  &net_networkd, &net_ifupdown,
						      &net_wicked,   &net_ifcfg,    &net_nm,
						      &net_netctl,   &net_netifrc,  &net_dhcpcd,
						      &net_cloudinit };

static const struct net_backend *find_active(const struct root *root)
{
	bool whole = root_is_dir(root, "/usr");
	size_t i;

	/* Files alone: what configures links in the oldest way is more than a file that some package left. */
	if (!whole && net_ifupdown.is_active(root, whole))
		return &net_ifupdown;
	for (i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i]->is_active(root, whole))
			return backends[i];
	return NULL;
}

static int read_notes_only(struct net_model *m, struct err *e)
{
	return strlist_addf(&m->notes,
			    "%s configures the network; rehost does not read its files yet",
			    m->stack) < 0
		       ? err_set(e, ERR_NOMEM, 0, "%s", m->stack)
		       : 0;
}

static const struct net_backend *find_backend(const char *stack)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(backends); i++)
		if (strcmp(backends[i]->name, stack) == 0)
			return backends[i];
	return NULL;
}

bool net_can_read(const char *stack)
{
	const struct net_backend *b = find_backend(stack);

	return b && b->read;
}

bool net_can_write(const char *stack)
{
	const struct net_backend *b = find_backend(stack);

	return b && b->write;
}

bool net_is_by_name(const char *stack)
{
	static const char *const stacks[] = { "ifupdown", "netctl", "netifrc",
					      "dhcpcd",	  "wicked", NULL };

	return net_is_one_of(stack, stacks);
}

bool net_has_no_client(const char *stack)
{
	static const char *const stacks[] = { "ifupdown", "netctl", "netifrc", NULL };

	return net_is_one_of(stack, stacks);
}

static int read_with(struct net_model *ret, const struct net_backend *b, const struct root *root,
		     struct err *e)
{
	ret->stack = strdup(b->name);
	if (!ret->stack)
		err_set(e, ERR_NOMEM, 0, "%s", b->name);
	else if ((b->read ? b->read(ret, root, e) : read_notes_only(ret, e)) == 0)
		return 0;
	net_done(ret);
	return err_ctx(e, "reading the network configuration");
}

int net_read(struct net_model *ret, const struct root *root, struct err *e)
{
	const struct net_backend *b = find_active(root);

	*ret = (struct net_model){ 0 };
	return b ? read_with(ret, b, root, e) : 0;
}

int net_read_as(struct net_model *ret, const char *stack, const struct root *root, struct err *e)
{
	const struct net_backend *b = find_backend(stack);

	*ret = (struct net_model){ 0 };
	if (!b || !b->read)
		return err_set(e, ERR_RW_STACK, 0, "%s", stack);
	return read_with(ret, b, root, e);
}

int net_write(struct net_output *ret, const char *stack, const struct net_model *m,
	      const struct root *root, struct err *e)
{
	const struct net_backend *b = find_backend(stack);

	*ret = (struct net_output){ 0 };
	if (!b || !b->write)
		return err_set(e, ERR_RW_STACK, 0, "%s", stack);
	if (b->write(ret, m, root, e) == 0)
		return 0;
	net_output_done(ret);
	return err_ctx(e, "writing the network configuration for %s", stack);
}

void net_output_done(struct net_output *o)
{
	unsigned i;

	for (i = 0; i < o->file_count; i++) {
		free(o->files[i].path);
		strbuf_done(&o->files[i].text);
	}
	free(o->files);
	strlist_done(&o->units);
	strlist_done(&o->losses);
	*o = (struct net_output){ 0 };
}

struct net_file *net_file_add(struct net_output *o, const char *path, unsigned mode)
{
	struct net_file *grown = reallocarray(o->files, o->file_count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	o->files = grown;
	grown = &o->files[o->file_count];
	*grown = (struct net_file){ .path = strdup(path), .mode = mode };
	if (!grown->path)
		return NULL;
	o->file_count++;
	return grown;
}

int net_loss(struct net_output *o, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = strlist_vaddf(&o->losses, fmt, ap);
	va_end(ap);
	return rc;
}

static void link_done(struct net_link *l)
{
	unsigned i;

	for (i = 0; i < l->route_count; i++)
		net_route_done(&l->routes[i]);
	for (i = 0; i < l->rule_count; i++)
		net_rule_done(&l->rules[i]);
	free(l->routes);
	free(l->rules);
	free(l->name);
	free(l->mac);
	free(l->set_mac);
	free(l->peer4);
	free(l->gateway4);
	free(l->gateway6);
	free(l->parent);
	strlist_done(&l->addresses);
	strlist_done(&l->dns);
	strlist_done(&l->search);
	strlist_done(&l->ports);
	strlist_done(&l->options);
	strlist_done(&l->extra);
}

void net_done(struct net_model *m)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		link_done(&m->links[i]);
	free(m->links);
	free(m->stack);
	free(m->renderer);
	strlist_done(&m->files);
	strlist_done(&m->units);
	strlist_done(&m->notes);
	*m = (struct net_model){ 0 };
}

const struct net_link *net_find(const struct net_model *m, const char *name)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		if (strcmp(m->links[i].name, name) == 0)
			return &m->links[i];
	return NULL;
}

const struct net_link *net_port_owner(const struct net_model *m, const char *name)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		if (strlist_has(&m->links[i].ports, name))
			return &m->links[i];
	return NULL;
}

struct net_link *net_link_get(struct net_model *m, const char *name)
{
	struct net_link *grown = (struct net_link *)net_find(m, name);

	if (grown)
		return grown;
	grown = reallocarray(m->links, m->link_count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	m->links = grown;
	grown = &m->links[m->link_count];
	*grown = (struct net_link){ .name = strdup(name) };
	if (!grown->name)
		return NULL;
	m->link_count++;
	return grown;
}

bool net_link_is_virtual(const struct net_link *l)
{
	static const char *const prefixes[] = {
		"bridge_", "bridge-", "bond-",	"bond_",  "vlan-",
		"vlan_",   "vxlan-",  "tunnel", "slaves", "pre-up ip link add ",
		NULL
	};
	size_t i, n;

	if (l->kind != NET_CARD || strchr(l->name, '.'))
		return true;
	for (i = 0; i < l->extra.count; i++)
		for (n = 0; prefixes[n]; n++)
			/* bond-master is said of the card that joins a bond */
			if (str_starts(l->extra.items[i], prefixes[n]) &&
			    strncmp(l->extra.items[i] + 4, "-master", 7) != 0)
				return true;
	return false;
}

static json_t *routes_json(const struct net_link *l)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < l->route_count; i++) {
		const struct net_route *r = &l->routes[i];
		json_t *o = json_object();

		json_object_set_new(o, "to", json_text(r->to));
		json_object_set_new(o, "via", json_text(r->via));
		json_object_set_new(o, "on_link", json_boolean(r->is_onlink));
		json_object_set_new(o, "metric", json_integer(r->metric));
		json_object_set_new(o, "table", json_integer(r->table));
		json_object_set_new(o, "mtu", json_integer(r->mtu));
		json_object_set_new(o, "src", json_text(r->src));
		json_object_set_new(o, "type", json_text(r->type));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *rules_json(const struct net_link *l)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < l->rule_count; i++) {
		const struct net_rule *r = &l->rules[i];
		json_t *o = json_object();

		json_object_set_new(o, "family", json_text(r->is_v6 ? "inet6" : "inet"));
		json_object_set_new(o, "from", json_text(r->from));
		json_object_set_new(o, "to", json_text(r->to));
		json_object_set_new(o, "iif", json_text(r->iif));
		json_object_set_new(o, "fwmark", json_text(r->fwmark));
		json_object_set_new(o, "table", json_integer(r->table));
		json_object_set_new(o, "priority", json_integer(r->priority));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *link_json(const struct net_link *l)
{
	static const char *const methods[] = {
		[NET_OFF] = "off", [NET_STATIC] = "static", [NET_DHCP] = "dhcp", [NET_AUTO] = "auto"
	};
	static const char *const kinds[] = { [NET_CARD] = "card",
					     [NET_BOND] = "bond",
					     [NET_BRIDGE] = "bridge",
					     [NET_VLAN] = "vlan",
					     [NET_OTHER] = "other" };
	json_t *o = json_object();

	json_object_set_new(o, "name", json_text(l->name));
	json_object_set_new(o, "kind", json_text(kinds[l->kind]));
	json_object_set_new(o, "mac", json_text(l->mac));
	json_object_set_new(o, "set_mac", json_text(l->set_mac));
	json_object_set_new(o, "at_boot", json_boolean(l->at_boot));
	json_object_set_new(o, "v4", json_text(methods[l->v4]));
	json_object_set_new(o, "v6", json_text(methods[l->v6]));
	json_object_set_new(o, "addresses", json_text_list(&l->addresses));
	json_object_set_new(o, "peer4", json_text(l->peer4));
	json_object_set_new(o, "gateway4", json_text(l->gateway4));
	json_object_set_new(o, "gateway6", json_text(l->gateway6));
	json_object_set_new(o, "on_link4", json_boolean(l->is_onlink4));
	json_object_set_new(o, "on_link6", json_boolean(l->is_onlink6));
	json_object_set_new(o, "routes", routes_json(l));
	json_object_set_new(o, "rules", rules_json(l));
	json_object_set_new(o, "dns", json_text_list(&l->dns));
	json_object_set_new(o, "search", json_text_list(&l->search));
	json_object_set_new(o, "mtu", json_integer(l->mtu));
	json_object_set_new(o, "ports", json_text_list(&l->ports));
	json_object_set_new(o, "parent", json_text(l->parent));
	json_object_set_new(o, "vlan_id", json_integer(l->vlan_id));
	json_object_set_new(o, "options", json_text_list(&l->options));
	json_object_set_new(o, "extra", json_text_list(&l->extra));
	return o;
}

json_t *net_json(const struct net_model *m)
{
	json_t *o = json_object(), *links = json_array();
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		json_array_append_new(links, link_json(&m->links[i]));
	json_object_set_new(o, "stack", json_text(m->stack));
	json_object_set_new(o, "renderer", json_text(m->renderer));
	json_object_set_new(o, "links", links);
	json_object_set_new(o, "files", json_text_list(&m->files));
	json_object_set_new(o, "units", json_text_list(&m->units));
	json_object_set_new(o, "notes", json_text_list(&m->notes));
	return o;
}
