/* SPDX-License-Identifier: MIT */
/* Writing the files below /etc/sysconfig: what RHEL's and SUSE's have in common. */
#include <limits.h>
#include <string.h>

#include "rewrite/net_sysconfig_priv.h"
#include "rewrite/shellfile.h"

void sysconfig_lose(struct ini_writer *w, const char *fmt, ...)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	char name[64], text[400];
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	str_escape(name, sizeof(name), w->l->name);
	str_escape(text, sizeof(text), strbuf_str(&b));
	w->failed |= b.failed || net_loss(w->o, "%s: %s", name, text) < 0;
}

/* Nothing in it that ends a quoted text or a line, or that a program could take for more than one word. */
bool sysconfig_is_plain(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789._:@%+,/=-")];
}

void sysconfig_put(struct ini_writer *w, const char *name, const char *value)
{
	if (sysconfig_is_plain(value))
		strbuf_addf(w->to, "%s='%s'\n", name, value);
	else
		sysconfig_lose(w, "%s \"%s\" is not written", name, value);
}

void sysconfig_put_list(struct ini_writer *w, const char *name, const struct strlist *words)
{
	size_t i, said = 0;

	for (i = 0; i < words->count; i++) {
		if (!sysconfig_is_plain(words->items[i])) {
			sysconfig_lose(w, "%s \"%s\" is not written", name, words->items[i]);
			continue;
		}
		if (said++)
			strbuf_addf(w->to, " %s", words->items[i]);
		else
			strbuf_addf(w->to, "%s='%s", name, words->items[i]);
	}
	if (said)
		strbuf_adds(w->to, "'\n");
}

bool sysconfig_can_write(struct ini_writer *w)
{
	const struct net_link *l = w->l;

	if (!net_is_device_name(l->name) || strchr(l->name, '@') ||
	    (l->kind == NET_VLAN && (!l->parent || !net_is_device_name(l->parent))))
		sysconfig_lose(w, "no interface can be called so: it was left out");
	else if (l->kind == NET_VLAN && !l->vlan_id)
		sysconfig_lose(w, "the id of the VLAN is not known: it was left out");
	else if (l->kind == NET_OTHER)
		sysconfig_lose(w, "it is no card, bond, bridge or VLAN and was left out");
	else
		return true;
	return false;
}

int sysconfig_begin(struct ini_writer *w, const char *dir, const char *prefix)
{
	char path[PATH_MAX];
	struct net_file *f;

	snprintf(path, sizeof(path), "%s/%s%s", dir, prefix, w->l->name);
	f = net_file_add(w->o, path, 0644);
	if (!f) {
		w->failed = true;
		return -1;
	}
	w->to = &f->text;
	strbuf_adds(w->to, SYSCONFIG_WRITTEN);
	return 0;
}

void sysconfig_write_list(struct ini_writer *w, const char *dir, const char *prefix,
			  void (*write)(struct ini_writer *w))
{
	struct net_file *f;

	if (sysconfig_begin(w, dir, prefix) < 0)
		return;
	write(w);
	f = &w->o->files[w->o->file_count - 1];
	w->failed |= f->text.failed;
	w->to = NULL;
	if (f->text.len > strlen(SYSCONFIG_WRITTEN))
		return;
	strbuf_done(&f->text);
	free(f->path);
	w->o->file_count--;
}

bool sysconfig_is_prefix(struct ini_writer *w, const char *address)
{
	char *prefix cleanup_free = net_prefix_of(address, net_is_v6(address));

	if (prefix && strchr(address, '/') && strcmp(prefix, address) == 0)
		return true;
	sysconfig_lose(w, "the address \"%s\" is not written", address);
	return false;
}

/* ---- routes ---------------------------------------------------------------------------------------------------- */

typedef void (*print_fn)(struct ini_writer *w, const struct net_route *r);

static void print_way_to(struct ini_writer *w, const char *gateway, struct strlist *said,
			 print_fn print)
{
	struct net_route r = { 0 };

	if (!net_is_address(gateway) || strlist_has(said, gateway))
		return;
	r.to = net_prefix_of(gateway, net_is_v6(gateway));
	w->failed |= !r.to || strlist_add(said, gateway) < 0;
	if (r.to)
		print(w, &r);
	free(r.to);
}

void sysconfig_each_route(struct ini_writer *w, bool v6, bool with_default, const char *has_way,
			  print_fn print)
{
	struct strlist said cleanup_strlist = STRLIST_INIT;
	const struct net_link *l = w->l;
	const char *gateway = v6 ? l->gateway6 : l->gateway4;
	struct net_route first = { .to = (char *)(v6 ? "::/0" : "0.0.0.0/0"),
				   .via = (char *)gateway };
	unsigned i;

	with_default = with_default && gateway;
	w->failed |= has_way && strlist_add(&said, has_way) < 0;
	if (with_default && (v6 ? l->is_onlink6 : l->is_onlink4))
		print_way_to(w, gateway, &said, print);
	for (i = 0; i < l->route_count; i++)
		if (net_is_v6(l->routes[i].to) == v6 && l->routes[i].via && l->routes[i].is_onlink)
			print_way_to(w, l->routes[i].via, &said, print);
	if (with_default)
		print(w, &first);
	for (i = 0; i < l->route_count; i++) {
		struct net_route r = l->routes[i];

		r.is_onlink = false;
		if (net_is_v6(r.to) == v6)
			print(w, &r);
	}
}

/* ---- files of the whole system ----------------------------------------------------------------------------------- */

static const struct sysconfig_change *find_change(const struct sysconfig_change *changes,
						  size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(changes[i].name, name) == 0)
			return &changes[i];
	return NULL;
}

/* The change that the assignment of that line gets, or NULL. */
static const struct sysconfig_change *change_of_line(const struct shell_file *f, size_t line,
						     const struct sysconfig_change *changes,
						     size_t count)
{
	size_t i;

	for (i = 0; i < f->count; i++)
		if (f->vars[i].line == line)
			return find_change(changes, count, f->vars[i].name);
	return NULL;
}

static void print_changed(struct strbuf *out, const struct shell_file *f,
			  const struct sysconfig_change *changes, size_t count)
{
	size_t i;

	for (i = 0; i < f->lines.count; i++) {
		const struct sysconfig_change *c = change_of_line(f, i, changes, count);

		if (!c)
			strbuf_addf(out, "%s\n", f->lines.items[i]);
		else if (c->value)
			strbuf_addf(out, "%s='%s'\n", c->name, c->value);
	}
	for (i = 0; i < count; i++)
		if (changes[i].value && !changes[i].only_there &&
		    !shell_file_find(f, changes[i].name))
			strbuf_addf(out, "%s='%s'\n", changes[i].name, changes[i].value);
}

int sysconfig_edit(struct net_output *o, const struct root *root, const char *path,
		   const struct sysconfig_change *changes, size_t count, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct shell_file f;
	struct net_file *to;
	int rc = 0;

	if (root && root_is_file(root, path) &&
	    root_read(root, path, &text, SYSCONFIG_MAX_BYTES, e) < 0)
		return -1;
	if (shell_file_parse(&f, strbuf_str(&text), text.len, e) < 0)
		return err_ctx(e, "%s", path);
	strbuf_done(&text);
	print_changed(&text, &f, changes, count);
	shell_file_done(&f);
	if (!text.len && !text.failed)
		return 0;
	to = net_file_add(o, path, 0644);
	if (to)
		strbuf_add(&to->text, text.data, text.len);
	if (text.failed || !to || to->text.failed)
		rc = err_set(e, ERR_NOMEM, 0, "%s", path);
	return rc;
}
