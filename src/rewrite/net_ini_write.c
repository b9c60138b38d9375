/* SPDX-License-Identifier: MIT */
/* What the writers of systemd-networkd and of NetworkManager have in common. */
#include "rewrite/net_ini_priv.h"

void ini_lose(struct ini_writer *w, const char *what, const char *value)
{
	char safe[200];

	str_escape(safe, sizeof(safe), value ? value : "");
	w->failed |= net_loss(w->o, "%s: %s '%s' is not written", w->l->name, what, safe) < 0;
}

void ini_put(struct ini_writer *w, const char *key, const char *value)
{
	if (net_is_ini_word(value))
		strbuf_addf(w->to, "%s=%s\n", key, value);
	else
		ini_lose(w, key, value);
}

void ini_section(struct ini_writer *w, const char *name)
{
	strbuf_addf(w->to, "\n[%s]\n", name);
}

static void write_missing(struct ini_writer *w, void (*write_link)(struct ini_writer *w),
			  const char *name)
{
	struct net_link l = { .name = (char *)name, .at_boot = true };

	if (!name || net_find(w->m, name))
		return;
	w->l = &l;
	write_link(w);
	w->l = NULL;
}

void ini_write_links(struct ini_writer *w, void (*write_link)(struct ini_writer *w),
		     bool with_parents)
{
	const struct net_model *m = w->m;
	unsigned i;
	size_t n;

	for (i = 0; i < m->link_count; i++) {
		w->l = &m->links[i];
		write_link(w);
	}
	for (i = 0; i < m->link_count; i++) {
		for (n = 0; n < m->links[i].ports.count; n++)
			write_missing(w, write_link, m->links[i].ports.items[n]);
		if (with_parents)
			write_missing(w, write_link, m->links[i].parent);
	}
}
