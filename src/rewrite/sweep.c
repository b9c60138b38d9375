/* SPDX-License-Identifier: MIT */
#include "rewrite/sweep.h"

#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "rewrite/leftovers.h"
#include "rewrite/mentions.h"
#include "rewrite/net.h"

#define NAMES_MAX 256

/* What no program reads as its configuration. '*' crosses folders. */
static bool is_passed_over(const char *path)
{
	static const char *const patterns[] = {
		"*/README*", "*.md",	   "*~",	  "*.bak",     "*.orig",    "*.old",
		"*.save",    "*.dpkg-*",   "*.ucf-*",	  "*.rpmsave", "*.rpmnew",  "*.rpmorig",
		"*.pacnew",  "*.pacsave",  "*.apk-new",	  "*.sample",  "*.example", "*.disabled",
		"*/doc/*",   "/etc/motd*", "/etc/issue*",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		if (fnmatch(patterns[i], path, 0) == 0)
			return true;
	return false;
}

/* Where an address of a card decides what that card is called or given. */
static bool matches_cards(const char *path)
{
	static const char *const places[] = {
		"/etc/udev/",		"/etc/systemd/network/", "/etc/netplan/",
		"/etc/NetworkManager/", "/etc/network/",	 "/etc/sysconfig/",
		"/etc/iftab",		"/etc/mactab",		 "/etc/conf.d/",
		"/etc/netctl/",		"/etc/wicked/",		 "/etc/cloud/",
		"/boot/grub",		"/boot/loader/",	 "/etc/default/grub",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (str_starts(path, places[i]))
			return true;
	return false;
}

static int printf_like(5, 6) tell(struct sweep *s, enum sweep_weight weight, const char *id,
				  unsigned told[2], const char *fmt, ...)
{
	char text[PATH_MAX + 512];
	va_list ap;

	if (told[weight]++ >= SWEEP_SHOWN_MAX)
		return 0;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return s->tell(s->arg, weight, id, text);
}

static int tell_more(struct sweep *s, const char *id, const unsigned told[2], const char *what)
{
	char text[128];
	unsigned w;

	for (w = 0; w < 2; w++) {
		if (told[w] <= SWEEP_SHOWN_MAX)
			continue;
		snprintf(text, sizeof(text), "%u more places name %s of the source",
			 told[w] - SWEEP_SHOWN_MAX, what);
		if (s->tell(s->arg, w, id, text) < 0)
			return -1;
	}
	return 0;
}

/* ---- cards ---- */

static bool is_mac(const char *s)
{
	size_t i;

	for (i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return false;
	return s[17] == '\0';
}

static int add_mac(struct strlist *needles, const char *mac)
{
	char lower[18], upper[18];
	size_t i;

	for (i = 0; i < 18; i++) {
		lower[i] = (char)tolower((unsigned char)mac[i]);
		upper[i] = (char)toupper((unsigned char)mac[i]);
	}
	if (strlist_has(needles, lower))
		return 0;
	if (strlist_add(needles, lower) < 0)
		return -1;
	return strcmp(lower, upper) == 0 ? 0 : strlist_add(needles, upper);
}

static int find_cards(struct sweep *s, const struct root *clone, const json_t *macs, struct err *e)
{
	static const char *const dirs[] = { "/etc", "/boot", NULL };
	struct strlist needles cleanup_strlist = STRLIST_INIT, hits cleanup_strlist = STRLIST_INIT;
	unsigned told[2] = { 0 };
	size_t i;

	for (i = 0; i < json_array_size(macs) && i < NAMES_MAX; i++) {
		const char *mac = json_string_value(json_array_get(macs, i));

		if (mac && is_mac(mac) && add_mac(&needles, mac) < 0)
			return err_set(e, ERR_NOMEM, 0, "looking for the source's cards");
	}
	if (!needles.count)
		return 0;
	if (leftovers_scan(clone, dirs, &needles, &hits, e) < 0)
		return -1;
	for (i = 0; i < hits.count; i++) {
		char path[PATH_MAX];
		const char *mac = strrchr(hits.items[i], ' ');
		bool counts;

		snprintf(path, sizeof(path), "%.*s", (int)strcspn(hits.items[i], ":"),
			 hits.items[i]);
		if (!mac || is_passed_over(path))
			continue;
		s->cards++;
		counts = matches_cards(path);
		if (tell(s, counts ? SWEEP_WARNING : SWEEP_NOTE, "source-mac", told,
			 "%.*s names the source's card %s%s", (int)(mac - hits.items[i] - 1),
			 hits.items[i], mac + 1,
			 counts ? ", which this machine does not have" : "") < 0)
			return err_set(e, ERR_NOMEM, 0, "looking for the source's cards");
	}
	return tell_more(s, "source-mac", told, "cards");
}

/* ---- addresses ---- */

/* The kernel's command line and loader: an address there is taken by the initramfs. */
static int find_in_boot(struct sweep *s, const struct root *clone, const struct strlist *addresses,
			unsigned told[2], struct err *e)
{
	static const char *const dirs[] = { "/boot", NULL };
	struct strlist hits cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!addresses->count)
		return 0;
	if (leftovers_scan(clone, dirs, addresses, &hits, e) < 0)
		return -1;
	for (i = 0; i < hits.count; i++) {
		const char *address = strrchr(hits.items[i], ' ');

		if (!address)
			continue;
		s->addresses++;
		if (tell(s, SWEEP_WARNING, "source-address", told,
			 "%.*s names %s, an address of the source: what starts from there may "
			 "take it",
			 (int)(address - hits.items[i] - 1), hits.items[i], address + 1) < 0)
			return err_set(e, ERR_NOMEM, 0, "looking for the source's addresses");
	}
	return 0;
}

static int tell_mention(struct sweep *s, const struct mention *m, const struct net_model *net,
			unsigned told[2])
{
	if (m->binds)
		return tell(s, SWEEP_WARNING, "source-address", told,
			    "%s:%zu binds %s to %s, an address of the source: it may not start, "
			    "and does not answer here",
			    m->file, m->line, m->service, m->address);
	if (strlist_has(&net->files, m->file))
		return tell(s, SWEEP_WARNING, "source-address", told,
			    "%s:%zu names %s, an address of the source, in the clone's network",
			    m->file, m->line, m->address);
	return tell(s, SWEEP_NOTE, "source-address", told,
		    "%s:%zu names %s, an address of the source", m->file, m->line, m->address);
}

static bool is_same_place(const struct mention *a, const struct mention *b)
{
	return a->line == b->line && strcmp(a->file, b->file) == 0 &&
	       strcmp(a->address, b->address) == 0;
}

static int find_addresses(struct sweep *s, const struct root *clone, const json_t *list,
			  struct err *e)
{
	struct strlist plain cleanup_strlist = STRLIST_INIT;
	struct mentions m = { 0 };
	struct net_model net = { 0 };
	unsigned told[2] = { 0 };
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && i < json_array_size(list) && i < NAMES_MAX; i++) {
		const char *address = json_string_value(json_array_get(list, i));
		size_t before = m.own_count;

		if (!address)
			continue;
		rc = mentions_add_own(&m, address);
		if (rc == 0 && m.own_count > before)
			rc = strlist_add(&plain, address);
	}
	if (rc < 0)
		err_set(e, ERR_NOMEM, 0, "looking for the source's addresses");
	/* a network that is not understood is told by others */
	if (rc == 0 && m.own_count && net_read(&net, clone, NULL) < 0)
		net = (struct net_model){ 0 };
	if (rc == 0 && m.own_count)
		rc = mentions_find(&m, clone, NULL, e);
	for (i = 0; rc == 0 && i < m.count; i++) {
		if (!m.items[i].is_own || is_passed_over(m.items[i].file) ||
		    (i && is_same_place(&m.items[i], &m.items[i - 1])))
			continue;
		s->addresses++;
		rc = tell_mention(s, &m.items[i], &net, told);
	}
	if (rc == 0)
		rc = find_in_boot(s, clone, &plain, told, e);
	if (rc == 0)
		rc = tell_more(s, "source-address", told, "addresses");
	net_done(&net);
	mentions_done(&m);
	return rc;
}

int sweep_find(struct sweep *s, const struct root *clone, const json_t *source, struct err *e)
{
	if (find_cards(s, clone, json_object_get(source, "macs"), e) < 0 ||
	    find_addresses(s, clone, json_object_get(source, "addresses"), e) < 0)
		return err_ctx(e, "looking for what names the source");
	return 0;
}
