/* SPDX-License-Identifier: MIT */
#include "rewrite/net_fit.h"

#include <string.h>
#include <strings.h>

#include "rewrite/net_priv.h"

int net_read_target(struct net_model *ret, const struct rewrite_facts *facts, struct err *e)
{
	*ret = (struct net_model){ 0 };
	if (!facts->target_files)
		return 0;
	if (facts->target_stack && net_can_read(facts->target_stack))
		return net_read_as(ret, facts->target_stack, facts->target_files, e);
	return net_read(ret, facts->target_files, e);
}

static bool is_only_card(const struct rewrite_facts *facts, const char *mac)
{
	unsigned i, n = 0;

	for (i = 0; i < facts->link_count; i++)
		n += strcasecmp(facts->links[i].mac, mac) == 0;
	return n == 1;
}

const struct fact_link *net_card_of(const struct net_link *l, const struct rewrite_facts *facts)
{
	unsigned i;

	if (l->kind != NET_CARD)
		return NULL;
	if (l->mac && is_only_card(facts, l->mac))
		for (i = 0; i < facts->link_count; i++)
			if (strcasecmp(facts->links[i].mac, l->mac) == 0)
				return &facts->links[i];
	for (i = 0; i < facts->link_count; i++)
		if (facts->links[i].target_name &&
		    strcmp(facts->links[i].target_name, l->name) == 0)
			return &facts->links[i];
	return NULL;
}

/* New names by index, NULL: the old one stays. */
static const char *new_name(const struct net_model *m, const char *const *names, const char *old)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		if (strcmp(m->links[i].name, old) == 0)
			return names[i];
	return NULL;
}

static int rename_text(const struct net_model *m, const char *const *names, char **text)
{
	const char *name = *text ? new_name(m, names, *text) : NULL;
	char *copy;

	if (!name)
		return 0;
	copy = strdup(name);
	if (!copy)
		return -1;
	free(*text);
	*text = copy;
	return 0;
}

/* What others say of the cards first, the cards' own names last: they are what is looked up. */
static int rename_all(struct net_model *m, const char *const *names)
{
	unsigned i, k;
	size_t n;

	for (i = 0; i < m->link_count; i++) {
		struct net_link *l = &m->links[i];

		if (rename_text(m, names, &l->parent) < 0)
			return -1;
		for (n = 0; n < l->ports.count; n++)
			if (rename_text(m, names, &l->ports.items[n]) < 0)
				return -1;
		for (k = 0; k < l->rule_count; k++)
			if (rename_text(m, names, &l->rules[k].iif) < 0)
				return -1;
	}
	for (i = 0; i < m->link_count; i++) {
		char *copy = names[i] ? strdup(names[i]) : NULL;

		if (!names[i])
			continue;
		if (!copy)
			return -1;
		free(m->links[i].name);
		m->links[i].name = copy;
	}
	return 0;
}

static int set_mac(struct net_link *l, const char *mac)
{
	char *copy = mac ? strdup(mac) : NULL;

	if (mac && !copy)
		return -1;
	free(l->mac);
	l->mac = copy;
	return 0;
}

int net_fit(struct net_model *m, const struct rewrite_facts *facts, bool by_mac, struct err *e)
{
	const char **names cleanup_free = calloc(m->link_count + 1, sizeof(*names));
	bool is_ifupdown = m->stack && strcmp(m->stack, "ifupdown") == 0;
	unsigned i;

	for (i = 0; names && i < m->link_count; i++) {
		struct net_link *l = &m->links[i];
		const struct fact_link *card = net_card_of(l, facts);

		if (is_ifupdown && l->v6 == NET_OFF && l->v4 != NET_OFF &&
		    !net_port_owner(m, l->name))
			l->v6 = NET_AUTO;
		if (!card || !card->target_name)
			continue;
		names[i] = card->target_name;
		if (set_mac(l, by_mac && is_only_card(facts, card->mac) ? card->mac : NULL) < 0)
			return err_set(e, ERR_NOMEM, 0, "network cards");
	}
	if (!names || rename_all(m, names) < 0)
		return err_set(e, ERR_NOMEM, 0, "network cards");
	return 0;
}
