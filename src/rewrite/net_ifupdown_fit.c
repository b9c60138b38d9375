/* SPDX-License-Identifier: MIT */
/* Whether a file of another machine's ifup means the same to this one's: one path, three programs (interfaces(5) of each). */
#include <limits.h>
#include <string.h>

#include "rewrite/net_fit.h"
#include "rewrite/net_ifupdown.h"

/* Alpine's is a link to one program of many. */
enum ifupdown_flavour ifupdown_flavour_of(const struct root *root)
{
	static const char *const places[] = { "/sbin/ifup", "/usr/sbin/ifup" };
	char text[PATH_MAX];
	size_t i;

	for (i = 0; root && i < ARRAY_SIZE(places); i++) {
		if (root_readlink(root, places[i], text, sizeof(text)) < 0)
			continue;
		if (strstr(text, "busybox"))
			return IFUPDOWN_BUSYBOX;
		if (str_ends(text, "ifupdown") || strstr(text, "ifupdown-ng"))
			return IFUPDOWN_NG;
	}
	if (root && (root_is_file(root, "/usr/libexec/ifupdown-ng/static") ||
		     root_is_dir(root, "/usr/libexec/ifupdown-ng")))
		return IFUPDOWN_NG;
	return IFUPDOWN_DEBIAN;
}

static const char *option(const struct stanza *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->option_count; i++)
		if (strcmp(s->options[i].name, name) == 0)
			return s->options[i].value;
	return NULL;
}

/* networking/ifupdown.c: other methods are "unknown method", and the length stands in "netmask" alone. */
static const char *busybox_lacks(const struct stanza *s)
{
	static const char *const methods[] = { "static", "manual", "loopback", NULL };
	const char *address = option(s, "address");
	const char *method = s->words.count > 2 ? s->words.items[2] : "";

	if (s->words.count < 3)
		return "iface";
	if (strcmp(s->words.items[1], "inet6") == 0 && !net_is_one_of(method, methods))
		return method;
	if (strcmp(method, "static") == 0 && !option(s, "netmask"))
		return address ? address : "static";
	return NULL;
}

/* What only ifupdown-ng takes: a stanza without family and method, and its own words for bonds and VLANs. */
static const char *debian_lacks(const struct stanza *s)
{
	static const char *const words[] = { "use", "bond-members", "vlan-id", "requires", NULL };
	size_t i;

	if (s->words.count < 3)
		return "iface";
	for (i = 0; i < s->option_count; i++)
		if (net_is_one_of(s->options[i].name, words))
			return s->options[i].name;
	return NULL;
}

static const char *stanza_lacks(enum ifupdown_flavour flavour, const struct stanza *s)
{
	if (s->kind == STANZA_IFACE && flavour == IFUPDOWN_BUSYBOX)
		return busybox_lacks(s);
	if (s->kind == STANZA_IFACE)
		return flavour == IFUPDOWN_DEBIAN ? debian_lacks(s) : NULL;
	if (flavour == IFUPDOWN_DEBIAN)
		return NULL;
	/* "allow-hotplug" is Debian's: elsewhere nothing, or an error, comes of it */
	if (s->kind == STANZA_AUTO && strcmp(s->keyword, "auto") != 0)
		return s->keyword;
	return s->kind == STANZA_OTHER ? s->keyword : NULL;
}

static bool file_fits(enum ifupdown_flavour flavour, const struct root *files, const char *path,
		      char *word, size_t size)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct interfaces_file f;
	const char *lacks = NULL;
	size_t i;

	if (root_read(files, path, &text, INTERFACES_MAX_BYTES, NULL) < 0 ||
	    interfaces_parse(&f, strbuf_str(&text), text.len, NULL) < 0)
		return true;
	for (i = 0; i < f.stanza_count && !lacks; i++)
		lacks = stanza_lacks(flavour, &f.stanzas[i]);
	if (lacks)
		str_escape(word, size, lacks);
	interfaces_done(&f);
	return !lacks;
}

bool net_ifupdown_fits(const struct root *clone, const struct root *files,
		       const struct strlist *paths, char *word, size_t size)
{
	enum ifupdown_flavour flavour = ifupdown_flavour_of(clone);
	size_t i;

	for (i = 0; i < paths->count; i++)
		if (!file_fits(flavour, files, paths->items[i], word, size))
			return false;
	return true;
}
