/* SPDX-License-Identifier: MIT */
/* The words of "ip route" and "ip rule" (ip-route(8), ip-rule(8)), and of route(8), into the model and back. */
#include <arpa/inet.h>
#include <string.h>

#include "rewrite/net_priv.h"

struct words {
	const struct strlist *list;
	size_t at;
	const char *link; /* the device that may be named */
};

static const char *next(struct words *w)
{
	return w->at < w->list->count ? w->list->items[w->at++] : NULL;
}

bool net_is_one_of(const char *word, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(word, *known) == 0)
			return true;
	return false;
}

/* A device: the link itself, by name or as ifupdown's variable. */
static bool is_own_device(const struct words *w, const char *word)
{
	static const char *const variables[] = { "$IFACE", "\"$IFACE\"", "${IFACE}", "\"${IFACE}\"",
						 NULL };

	return word && (strcmp(word, w->link) == 0 || net_is_one_of(word, variables));
}

/* Numbers, and the names every system has (/etc/iproute2/rt_tables). */
static bool parse_table(const char *word, uint32_t *ret)
{
	if (!word)
		return false;
	if (strcmp(word, "main") == 0)
		*ret = 0;
	else if (strcmp(word, "default") == 0)
		*ret = 253;
	else if (strcmp(word, "local") == 0)
		*ret = 255;
	else if (parse_u32(word, ret) < 0)
		return false;
	else if (*ret == 254)
		*ret = 0;
	return true;
}

static bool parse_number(const char *word, uint32_t *ret)
{
	return word && parse_u32(word, ret) == 0;
}

bool net_is_address(const char *text)
{
	uint8_t bytes[16];

	return text && inet_pton(net_is_v6(text) ? AF_INET6 : AF_INET, text, bytes) == 1;
}

static bool set_address(char **to, const char *word)
{
	if (!net_is_address(word))
		return false;
	free(*to);
	*to = strdup(word);
	return *to != NULL;
}

/* One word of a route and what belongs to it; false: not understood. */
static bool take_route_word(struct words *w, struct net_route *r, const char *word)
{
	static const char *const nothing[] = { "scope", "proto", "protocol", NULL };
	static const char *const values[] = { "link", "global", "static", "boot", NULL };

	if (strcmp(word, "via") == 0) {
		word = next(w);
		if (word && (strcmp(word, "inet6") == 0 || strcmp(word, "inet") == 0))
			word = next(w);
		return set_address(&r->via, word);
	}
	if (strcmp(word, "src") == 0)
		return set_address(&r->src, next(w));
	if (strcmp(word, "dev") == 0)
		return is_own_device(w, next(w));
	if (strcmp(word, "metric") == 0 || strcmp(word, "preference") == 0)
		return parse_number(next(w), &r->metric);
	if (strcmp(word, "mtu") == 0)
		return parse_number(next(w), &r->mtu);
	if (strcmp(word, "table") == 0)
		return parse_table(next(w), &r->table);
	if (strcmp(word, "onlink") == 0)
		return r->is_onlink = true;
	if (net_is_one_of(word, nothing)) {
		word = next(w);
		return word && net_is_one_of(word, values);
	}
	return false;
}

/* In route(8) a family is said by an option or seen by the first address. */
static bool words_are_v6(const struct strlist *words, size_t from)
{
	size_t i;

	for (i = from; i < words->count; i++)
		if (net_is_v6(words->items[i]))
			return true;
	return false;
}

void net_route_done(struct net_route *r)
{
	free(r->to);
	free(r->via);
	free(r->src);
	free(r->type);
	*r = (struct net_route){ 0 };
}

void net_rule_done(struct net_rule *r)
{
	free(r->from);
	free(r->to);
	free(r->iif);
	free(r->fwmark);
	*r = (struct net_rule){ 0 };
}

int net_parse_route(struct net_route *ret, const struct strlist *words, size_t from, bool is_v6,
		    const char *link)
{
	static const char *const types[] = { "blackhole", "unreachable", "prohibit", "unicast",
					     NULL };
	struct words w = { words, from, link };
	const char *word = next(&w);

	*ret = (struct net_route){ 0 };
	is_v6 = is_v6 || words_are_v6(words, from);
	if (word && net_is_one_of(word, types)) {
		ret->type = strcmp(word, "unicast") == 0 ? NULL : strdup(word);
		word = next(&w);
	}
	if (word && strcmp(word, "to") == 0)
		word = next(&w);
	ret->to = word ? net_prefix_of(word, is_v6) : NULL;
	for (word = next(&w); ret->to && word; word = next(&w))
		if (!take_route_word(&w, ret, word))
			break;
	if (ret->to && !word)
		return 1;
	net_route_done(ret);
	return 0;
}

int net_parse_rule(struct net_rule *ret, const struct strlist *words, size_t from, bool is_v6)
{
	static const char *const tables[] = { "table", "lookup", NULL };
	static const char *const priorities[] = { "priority", "pref",  "preference",
						  "prio",     "order", NULL };
	struct words w = { words, from, "" };
	const char *word;
	bool ok = true;

	*ret = (struct net_rule){ .is_v6 = is_v6 || words_are_v6(words, from) };
	while (ok && (word = next(&w))) {
		const char *value = next(&w);
		char **text = strcmp(word, "from") == 0 ? &ret->from
			      : strcmp(word, "to") == 0 ? &ret->to
							: NULL;

		if (!value) {
			ok = false;
		} else if (text) {
			if (strcmp(value, "all") == 0)
				continue;
			free(*text);
			*text = net_prefix_of(value, ret->is_v6);
			ok = *text != NULL;
		} else if (net_is_one_of(word, tables)) {
			ok = parse_table(value, &ret->table);
		} else if (net_is_one_of(word, priorities)) {
			ok = parse_u32(value, &ret->priority) == 0;
		} else if (strcmp(word, "iif") == 0 || strcmp(word, "dev") == 0) {
			ok = !ret->iif && (ret->iif = strdup(value));
		} else if (strcmp(word, "fwmark") == 0) {
			ok = !ret->fwmark && (ret->fwmark = strdup(value));
		} else {
			ok = false;
		}
	}
	if (ok && words->count > from)
		return 1;
	net_rule_done(ret);
	return 0;
}

int net_parse_old_route(struct net_route *ret, const struct strlist *words, size_t from,
			const char *link)
{
	struct words w = { words, from, link };
	const char *word = next(&w), *mask = NULL, *to = NULL;
	struct in_addr a;
	bool ok = true;

	*ret = (struct net_route){ 0 };
	if (word && (strcmp(word, "-net") == 0 || strcmp(word, "-host") == 0))
		to = next(&w);
	else
		to = word;
	while (to && ok && (word = next(&w))) {
		if (strcmp(word, "netmask") == 0)
			ok = (mask = next(&w)) != NULL;
		else if (strcmp(word, "gw") == 0)
			ok = set_address(&ret->via, next(&w));
		else if (strcmp(word, "metric") == 0)
			ok = parse_number(next(&w), &ret->metric);
		else
			ok = is_own_device(&w, strcmp(word, "dev") == 0 ? next(&w) : word);
	}
	if (to && ok && mask && inet_pton(AF_INET, mask, &a) == 1) {
		uint32_t v = ntohl(a.s_addr);

		ok = !(~v & (~v + 1)) && !strchr(to, '/') &&
		     asprintf(&ret->to, "%s/%d", to, __builtin_popcount(v)) > 0;
	} else if (to && ok && !mask) {
		ret->to = net_prefix_of(to, false);
	}
	if (ok && ret->to)
		return 1;
	net_route_done(ret);
	return 0;
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

static bool is_prefix(const char *text)
{
	char *prefix = text && strchr(text, '/') ? net_prefix_of(text, false) : NULL;
	bool ok = prefix != NULL;

	free(prefix);
	return ok;
}

bool net_is_device_name(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "._-@");

	return len > 0 && len <= 15 && !text[len] && strcmp(text, ".") != 0 &&
	       strcmp(text, "..") != 0 && text[0] != '-';
}

bool net_print_route(struct strbuf *out, const struct net_route *r, const char *device)
{
	static const char *const types[] = { "blackhole", "unreachable", "prohibit", NULL };

	if (!is_prefix(r->to) || (r->via && !net_is_address(r->via)) ||
	    (r->src && !net_is_address(r->src)) || (r->type && !net_is_one_of(r->type, types)))
		return false;
	if (r->type)
		strbuf_addf(out, "%s ", r->type);
	strbuf_adds(out, r->to);
	if (r->via)
		strbuf_addf(out, " via %s", r->via);
	if (!r->type && device)
		strbuf_addf(out, " dev %s", device);
	if (r->is_onlink)
		strbuf_adds(out, " onlink");
	if (r->metric)
		strbuf_addf(out, " metric %u", r->metric);
	if (r->table)
		strbuf_addf(out, " table %u", r->table);
	if (r->mtu)
		strbuf_addf(out, " mtu %u", r->mtu);
	if (r->src)
		strbuf_addf(out, " src %s", r->src);
	return true;
}

bool net_print_rule(struct strbuf *out, const struct net_rule *r)
{
	if ((r->from && !is_prefix(r->from)) || (r->to && !is_prefix(r->to)) ||
	    (r->iif && !net_is_device_name(r->iif)) ||
	    (r->fwmark && r->fwmark[strspn(r->fwmark, "0123456789abcdefABCDEFx/")]))
		return false;
	strbuf_addf(out, "from %s", r->from ? r->from : "all");
	if (r->to)
		strbuf_addf(out, " to %s", r->to);
	if (r->iif)
		strbuf_addf(out, " iif %s", r->iif);
	if (r->fwmark)
		strbuf_addf(out, " fwmark %s", r->fwmark);
	strbuf_addf(out, " table %u", r->table ? r->table : 254);
	if (r->priority)
		strbuf_addf(out, " priority %u", r->priority);
	return true;
}
