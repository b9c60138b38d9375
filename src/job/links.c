/* SPDX-License-Identifier: MIT */
#include "job/links.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LINKS_MAX 64

/* ---- names fixed by MAC ------------------------------------------------------------------------ */

void mac_names_done(struct mac_names *m)
{
	strlist_done(&m->macs);
	strlist_done(&m->names);
}

static int add_pair(struct mac_names *m, const char *mac, const char *name, struct err *e)
{
	char lower[32];
	size_t i;

	if (strlen(mac) != 17 || !*name || strlen(name) > 15)
		return 0;
	for (i = 0; i <= 17; i++)
		lower[i] = mac[i] == '-' ? ':' : (char)tolower((unsigned char)mac[i]);
	if (strlist_add(&m->macs, lower) < 0 || strlist_add(&m->names, name) < 0)
		return err_set(e, ERR_NOMEM, 0, "names of network cards");
	return 0;
}

/* The quoted text behind key in line: ATTR{address}=="..." */
static bool quoted_after(const char *line, const char *key, char *buf, size_t size)
{
	const char *p = strstr(line, key);
	size_t len;

	if (!p)
		return false;
	p += strlen(key);
	len = strcspn(p, "\"");
	if (p[len] != '"' || len >= size)
		return false;
	memcpy(buf, p, len);
	buf[len] = '\0';
	return true;
}

int mac_names_add_udev(struct mac_names *m, const char *text, struct err *e)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&lines, text, "\r\n") < 0)
		return err_set(e, ERR_NOMEM, 0, "udev rules");
	for (i = 0; i < lines.count; i++) {
		const char *line = lines.items[i] + strspn(lines.items[i], " \t");
		char mac[32], name[32];

		if (*line == '#' || (!quoted_after(line, "ATTR{address}==\"", mac, sizeof(mac)) &&
				     !quoted_after(line, "SYSFS{address}==\"", mac, sizeof(mac))))
			continue;
		if (!quoted_after(line, " NAME=\"", name, sizeof(name)) &&
		    !quoted_after(line, ",NAME=\"", name, sizeof(name)) &&
		    !quoted_after(line, "NAME:=\"", name, sizeof(name)))
			continue;
		if (add_pair(m, mac, name, e) < 0)
			return -1;
	}
	return 0;
}

int mac_names_add_link(struct mac_names *m, const char *text, struct err *e)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	struct strlist macs cleanup_strlist = STRLIST_INIT;
	const char *name = NULL;
	size_t i;

	if (strlist_split(&lines, text, "\r\n") < 0)
		return err_set(e, ERR_NOMEM, 0, "link file");
	for (i = 0; i < lines.count; i++) {
		const char *line = lines.items[i] + strspn(lines.items[i], " \t");

		if ((str_starts(line, "MACAddress=") || str_starts(line, "PermanentMACAddress=")) &&
		    strlist_split(&macs, strchr(line, '=') + 1, " \t") < 0)
			return err_set(e, ERR_NOMEM, 0, "link file");
		if (str_starts(line, "Name="))
			name = line + 5;
	}
	for (i = 0; i < macs.count && name; i++) {
		if (add_pair(m, macs.items[i], name, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- the rescue's own view ------------------------------------------------------------------------ */

void links_done(struct rescue_links *l)
{
	unsigned i;

	for (i = 0; i < l->count; i++) {
		struct rescue_link *k = &l->items[i];

		free(k->name);
		free(k->mac);
		free(k->driver);
		free(k->gateway);
		free(k->target_name);
		strlist_done(&k->addresses);
		strlist_done(&k->other_names);
	}
	free(l->items);
	*l = (struct rescue_links){ 0 };
}

static char *copy_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? strdup(s) : NULL;
}

static int copy_list(struct strlist *ret, const json_t *list)
{
	size_t i;

	for (i = 0; i < json_array_size(list) && i < LINKS_MAX; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s && strlist_add(ret, s) < 0)
			return -1;
	}
	return 0;
}

int links_from_json(struct rescue_links *ret, const json_t *net, struct err *e)
{
	const json_t *list = json_object_get(net, "links");
	size_t count = json_array_size(list), i;

	*ret = (struct rescue_links){ 0 };
	if (count > LINKS_MAX)
		count = LINKS_MAX;
	ret->items = calloc(count ? count : 1, sizeof(*ret->items));
	if (!ret->items)
		return err_set(e, ERR_NOMEM, 0, "network cards");
	for (i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);
		struct rescue_link *k = &ret->items[ret->count];

		k->name = copy_text(o, "name");
		k->mac = copy_text(o, "mac");
		k->driver = copy_text(o, "driver");
		k->gateway = copy_text(o, "gateway");
		ret->count++;
		if (!k->name || !k->mac) {
			ret->count--;
			free(k->name);
			free(k->mac);
			free(k->driver);
			free(k->gateway);
			*k = (struct rescue_link){ 0 };
		} else if (copy_list(&k->addresses, json_object_get(o, "addresses")) < 0 ||
			   copy_list(&k->other_names, json_object_get(o, "other_names")) < 0) {
			links_done(ret);
			return err_set(e, ERR_NOMEM, 0, "network cards");
		}
	}
	return 0;
}

/* ---- matching ---------------------------------------------------------------------------------- */

/* "192.0.2.1/24" and "192.0.2.1/32" are the same address. */
static bool same_address(const char *a, const char *b)
{
	size_t n = strcspn(a, "/");

	return n == strcspn(b, "/") && strncasecmp(a, b, n) == 0;
}

/* The card behind a configured name: ports of bridges and bonds, the base of an alias. Empty: none. */
static void physical_name(const struct net_link *l, char *buf, size_t size)
{
	buf[0] = '\0';
	if (l->ports.count)
		snprintf(buf, size, "%s", l->ports.items[0]);
	else if (l->kind == NET_CARD || l->kind == NET_BRIDGE || l->kind == NET_BOND)
		snprintf(buf, size, "%.*s", (int)strcspn(l->name, ":"), l->name);
}

static bool is_taken(const struct rescue_links *l, const char *name)
{
	unsigned i;

	for (i = 0; i < l->count; i++) {
		if (l->items[i].target_name && strcmp(l->items[i].target_name, name) == 0)
			return true;
	}
	return false;
}

static int take(struct rescue_links *l, struct rescue_link *k, const char *name, struct err *e)
{
	/* a label of a file ("Wired connection 1") is no name for a card */
	if (k->target_name || is_taken(l, name) || strlen(name) > 15 || !*name ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			      "._-")])
		return 0;
	k->target_name = strdup(name);
	return k->target_name ? 0 : err_set(e, ERR_NOMEM, 0, "network cards");
}

static bool has_same_address(const struct rescue_link *k, const struct net_link *n)
{
	size_t a, b;

	for (a = 0; a < k->addresses.count; a++) {
		for (b = 0; b < n->addresses.count; b++) {
			if (same_address(k->addresses.items[a], n->addresses.items[b]))
				return true;
		}
	}
	return false;
}

/* Files that find a card by its address: by their label, else by what udev would call it, or the rescue does. */
static int match_own_macs(struct rescue_links *l, const struct net_model *model, struct err *e)
{
	unsigned i, k;

	for (i = 0; i < l->count; i++) {
		struct rescue_link *r = &l->items[i];

		for (k = 0; k < model->link_count; k++) {
			const struct net_link *n = &model->links[k];

			if (!n->mac || n->kind != NET_CARD || strcasecmp(n->mac, r->mac) != 0)
				continue;
			if (take(l, r, n->name, e) < 0 ||
			    (r->other_names.count && take(l, r, r->other_names.items[0], e) < 0) ||
			    take(l, r, r->name, e) < 0)
				return -1;
		}
	}
	return 0;
}

enum pass { BY_ADDRESS, BY_UDEV_NAME, BY_SAME_NAME, PASSES };

static int match_pass(struct rescue_links *l, const struct net_model *model, enum pass pass,
		      struct err *e)
{
	unsigned i, k;

	for (i = 0; i < l->count; i++) {
		struct rescue_link *r = &l->items[i];

		for (k = 0; k < model->link_count; k++) {
			const struct net_link *n = &model->links[k];
			char name[64];
			bool hit;

			physical_name(n, name, sizeof(name));
			if (n->mac)
				continue; /* match_own_macs knows better */
			hit = pass == BY_ADDRESS     ? has_same_address(r, n)
			      : pass == BY_UDEV_NAME ? strlist_has(&r->other_names, name)
						     : strcmp(r->name, name) == 0;
			if (hit && take(l, r, name, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int match_macs(struct rescue_links *l, const struct mac_names *m, struct err *e)
{
	unsigned i;
	size_t k;

	for (i = 0; i < l->count; i++) {
		for (k = 0; k < m->macs.count; k++) {
			if (strcasecmp(l->items[i].mac, m->macs.items[k]) == 0 &&
			    take(l, &l->items[i], m->names.items[k], e) < 0)
				return -1;
		}
	}
	return 0;
}

/* What is left over on both sides, if it is one each. */
static int match_last(struct rescue_links *l, const struct net_model *model, struct err *e)
{
	struct rescue_link *card = NULL;
	char left[64] = "", name[64];
	unsigned i, cards = 0, names = 0;

	for (i = 0; i < l->count; i++) {
		if (!l->items[i].target_name) {
			card = &l->items[i];
			cards++;
		}
	}
	for (i = 0; i < model->link_count; i++) {
		physical_name(&model->links[i], name, sizeof(name));
		/* a VLAN is no card */
		if (!*name || model->links[i].mac || strchr(name, '.') || is_taken(l, name) ||
		    strcmp(name, left) == 0)
			continue;
		memcpy(left, name, sizeof(left));
		names++;
	}
	return cards == 1 && names == 1 ? take(l, card, left, e) : 0;
}

int links_match(struct rescue_links *l, const struct net_model *model, const struct mac_names *m,
		struct err *e)
{
	if (match_own_macs(l, model, e) < 0 || match_pass(l, model, BY_ADDRESS, e) < 0 ||
	    match_macs(l, m, e) < 0 || match_pass(l, model, BY_UDEV_NAME, e) < 0 ||
	    match_pass(l, model, BY_SAME_NAME, e) < 0)
		return -1;
	return match_last(l, model, e);
}
