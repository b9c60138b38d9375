/* SPDX-License-Identifier: MIT */
/*
 * DHCP: the clone asks as this machine has asked, so that it gets this machine's address. A server may know its clients by
 * client identifier or DUID instead of the card's address. What this machine's files and leases tell is carried over,
 * what the source brought goes; nothing is invented.
 */
#include <limits.h>
#include <string.h>

#include "rewrite/dhclient.h"
#include "rewrite/duid.h"
#include "rewrite/net_fit.h"
#include "rewrite/plan_priv.h"

#define CONF "/etc/dhcp/dhclient.conf"
#define DHCPCD_CONF "/etc/dhcpcd.conf"
#define LEASE_DIR "/var/lib/dhcp"
#define SEND_ID "send dhcp-client-identifier"

/* ---- leases of the source ----------------------------------------------------------------------------------- */

static int remove_lease(struct planner *p, const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	if (!strstr(name, ".lease") && !str_starts(name, "lease-") && strcmp(name, "duid") != 0 &&
	    strcmp(name, "duid.xml") != 0 && strcmp(name, "iaid.xml") != 0)
		return 0;
	return plan_remove_secret(p, path, "a lease of the source's address");
}

static int remove_leases(struct planner *p)
{
	static const char *const dirs[] = { LEASE_DIR,		 "/var/lib/dhcpcd",
					    "/var/lib/dhcpcd5",	 "/var/lib/NetworkManager",
					    "/var/lib/dhclient", "/var/lib/wicked" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		if (plan_each_file(p, NULL, dirs[i], "", remove_lease) < 0)
			return -1;
	return plan_remove_secret(p, "/etc/dhcpcd.duid", "the source's DHCP identity");
}

/* ---- what this machine sends -------------------------------------------------------------------------------- */

struct own_id {
	char *dhclient;	   /* value of the statement; NULL: none known */
	char *duid;	   /* "default-duid", with its quotes */
	bool has_dhclient; /* there are traces of this client at all */
	bool has_dhcpcd;
};

static bool has_method(const struct net_model *m, bool v6)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		if ((v6 ? m->links[i].v6 : m->links[i].v4) == NET_DHCP)
			return true;
	return false;
}

static unsigned count_dhcp(const struct net_model *m)
{
	unsigned i, n = 0;

	for (i = 0; i < m->link_count; i++)
		n += m->links[i].v4 == NET_DHCP;
	return n;
}

/* Takes the last such statement of the text. Two that differ, with several links, are more than is understood. */
static int take_value(struct planner *p, const struct strbuf *text, const char *words, char **ret,
		      const char *path)
{
	const char *s = strbuf_str(text);
	struct dhclient_scan scan = { .text = s, .len = text->len };
	struct dhclient_statement st, last = { 0 };
	char *value;

	while (dhclient_next(&scan, words, &st))
		last = st;
	if (!last.end)
		return 0;
	if (!dhclient_value_is_plain(s + last.value, last.value_end - last.value))
		return plan_note(p,
				 "this machine's %s: the DHCP identifier is not understood and was "
				 "not taken over",
				 path);
	value = strndup(s + last.value, last.value_end - last.value);
	if (!value)
		return plan_nomem(p);
	if (*ret && strcmp(*ret, value) != 0 && count_dhcp(&p->target_net) > 1) {
		free(value);
		return plan_note(p, "this machine's cards use several DHCP identifiers: only one "
				    "was taken over; look at " CONF);
	}
	free(*ret);
	*ret = value;
	return 0;
}

static int read_leases(struct planner *p, struct own_id *own, bool v6)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	const struct root *files = p->facts->target_files;
	size_t i;

	if (!files || !root_is_dir(files, LEASE_DIR))
		return 0;
	if (root_list(files, LEASE_DIR, &names, p->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		char path[PATH_MAX];
		int rc = 0;

		if (!str_starts(names.items[i], v6 ? "dhclient6" : "dhclient") ||
		    (!v6 && str_starts(names.items[i], "dhclient6")))
			continue;
		snprintf(path, sizeof(path), LEASE_DIR "/%s", names.items[i]);
		if (plan_read_target(p, path, &text) <= 0)
			continue;
		own->has_dhclient = true;
		if (v6)
			rc = take_value(p, &text, "default-duid", &own->duid, path);
		else if (!own->dhclient)
			rc = take_value(p, &text, "option dhcp-client-identifier", &own->dhclient,
					path);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* What dhcpcd kept, in dhclient's words. */
static int take_duid_of_dhcpcd(struct planner *p, const struct strbuf *text, struct own_id *own)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	struct duid d;

	if (!own->has_dhcpcd || !duid_parse_hex(&d, strbuf_str(text)))
		return 0; /* write_dhcpcd_duid() says so where it counts */
	duid_add_dhclient(&b, &d);
	own->duid = strbuf_take(&b);
	return own->duid ? 0 : plan_nomem(p);
}

static int read_own(struct planner *p, struct own_id *own)
{
	struct strbuf conf cleanup_strbuf = STRBUF_INIT, duid cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read_target(p, CONF, &conf);

	if (rc < 0 || (rc > 0 && take_value(p, &conf, SEND_ID, &own->dhclient, CONF) < 0))
		return -1;
	own->has_dhcpcd = plan_read_target(p, "/var/lib/dhcpcd/duid", &duid) > 0 ||
			  plan_read_target(p, "/var/lib/dhcpcd5/duid", &duid) > 0 ||
			  plan_read_target(p, "/etc/dhcpcd.duid", &duid) > 0;
	if (err_is_set(p->e) || read_leases(p, own, false) < 0)
		return -1;
	if (!has_method(&p->target_net, true))
		return 0;
	if (read_leases(p, own, true) < 0)
		return -1;
	return own->duid || own->has_dhclient ? 0 : take_duid_of_dhcpcd(p, &duid, own);
}

/* ---- dhclient ------------------------------------------------------------------------------------------------ */

static void add_commented(struct strbuf *out, const char *s, size_t len)
{
	size_t i;

	strbuf_adds(out, "# rehost: ");
	for (i = 0; i < len; i++) {
		strbuf_addc(out, s[i]);
		if (s[i] == '\n')
			strbuf_adds(out, "# ");
	}
}

/* The source's statements become comments, on lines of their own; this machine's is put at the end. */
static int edit_dhclient(struct planner *p, const struct own_id *own)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, out cleanup_strbuf = STRBUF_INIT;
	struct dhclient_scan scan;
	struct dhclient_statement st;
	size_t at = 0;
	bool has_own = false;
	const char *s;
	int rc = plan_read(p, CONF, &text);

	if (rc < 0)
		return -1;
	s = strbuf_str(&text);
	scan = (struct dhclient_scan){ .text = s, .len = text.len };
	while (dhclient_next(&scan, SEND_ID, &st)) {
		size_t n = st.value_end - st.value;

		strbuf_add(&out, s + at, st.start - at);
		if (st.depth == 0 && !has_own && own->dhclient && strlen(own->dhclient) == n &&
		    memcmp(own->dhclient, s + st.value, n) == 0) {
			has_own = true;
			strbuf_add(&out, s + st.start, st.end - st.start);
		} else {
			add_commented(&out, s + st.start, st.end - st.start);
			strbuf_addc(&out, '\n'); /* what follows on that line is no comment */
			if (plan_note(p,
				      CONF ": the source's DHCP identifier %.*s is no longer sent",
				      (int)(n > 100 ? 100 : n), s + st.value) < 0)
				return -1;
		}
		at = st.end;
	}
	strbuf_add(&out, s + at, text.len - at);
	if (own->dhclient && !has_own) {
		if (out.len && out.data[out.len - 1] != '\n')
			strbuf_addc(&out, '\n');
		strbuf_addf(&out, "# made by rehost: as this machine asks\n" SEND_ID " %s;\n",
			    own->dhclient);
		if (plan_note(p, CONF ": asks with this machine's identifier %.100s",
			      own->dhclient) < 0)
			return -1;
	}
	if (!rc && !out.len)
		return 0;
	return plan_rewrite(p, CONF, &out, "the DHCP identifier of this machine");
}

/* For DHCPv6 the identity is in the lease file; one without a lease is read as well (dhclient.leases(5)). */
static int write_duid6(struct planner *p, const struct own_id *own)
{
	unsigned i;

	for (i = 0; own->duid && i < p->target_net.link_count; i++) {
		const struct net_link *l = &p->target_net.links[i];
		struct strbuf b cleanup_strbuf = STRBUF_INIT;
		char path[PATH_MAX];

		if (l->v6 != NET_DHCP || strchr(l->name, '/'))
			continue;
		snprintf(path, sizeof(path), LEASE_DIR "/dhclient6.%.64s.leases", l->name);
		strbuf_addf(&b, "default-duid %s;\n", own->duid);
		if (b.failed)
			return plan_nomem(p);
		if (plan_write_secret(p, path, strbuf_str(&b), b.len, 0644,
				      "the DHCPv6 identity of this machine") < 0)
			return -1;
	}
	return 0;
}

/* ---- dhcpcd --------------------------------------------------------------------------------------------------- */

static bool is_duid(const struct strbuf *text)
{
	const char *s = strbuf_str(text);
	size_t n = strspn(s, "0123456789abcdefABCDEF:");

	return n >= 5 && n <= 400 && strcmp(s + n, "\n") == 0;
}

/* The identity file has moved between versions: it goes where the clone's dhcpcd has its own. */
static int write_dhcpcd_duid(struct planner *p, const struct own_id *own)
{
	static const char *const places[] = { "/var/lib/dhcpcd/duid", "/var/lib/dhcpcd5/duid",
					      "/etc/dhcpcd.duid" };
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *to = places[0];
	struct duid d;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places) && !text.len; i++)
		if (plan_read_target(p, places[i], &text) < 0)
			return -1;
	if (!text.len && own->duid && duid_parse_dhclient(&d, own->duid)) {
		duid_add_hex(&text, d.bytes, d.len);
		strbuf_addc(&text, '\n');
	}
	if (!text.len)
		return 0;
	if (!is_duid(&text))
		return plan_note(p, "this machine's dhcpcd identity is not understood and was not "
				    "taken over");
	if (!root_is_dir(p->clone, "/var/lib/dhcpcd"))
		to = root_is_dir(p->clone, "/var/lib/dhcpcd5") ? places[1] : places[2];
	return plan_write_secret(p, to, strbuf_str(&text), text.len, 0644,
				 "the DHCP identity of this machine");
}

/* "clientid", "clientid VALUE", "duid", "duid VALUE" (dhcpcd.conf(5)): how the identity is made. */
static bool is_id_line(const char *line, size_t len)
{
	size_t n;

	while (len && (*line == ' ' || *line == '\t'))
		line++, len--;
	n = len >= 8 && strncmp(line, "clientid", 8) == 0 ? 8
	    : len >= 4 && strncmp(line, "duid", 4) == 0	  ? 4
							  : 0;
	return n && (n == len || strchr(" \t\r\n", line[n]));
}

static void copy_id_lines(const char *s, struct strbuf *out, struct strbuf *ret_ids, bool drop)
{
	while (*s) {
		size_t len = strcspn(s, "\n"), whole = len + (s[len] == '\n');

		if (is_id_line(s, len)) {
			strbuf_add(ret_ids, s, len);
			strbuf_addc(ret_ids, '\n');
			if (drop && out)
				strbuf_adds(out, "# rehost: ");
		}
		if (out)
			strbuf_add(out, s, whole);
		s += whole;
	}
}

/* Global lines come before the first "interface" block; what this machine says goes to the beginning. */
static int edit_dhcpcd(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT, own cleanup_strbuf = STRBUF_INIT;
	struct strbuf out cleanup_strbuf = STRBUF_INIT, body cleanup_strbuf = STRBUF_INIT;
	struct strbuf theirs cleanup_strbuf = STRBUF_INIT, ours cleanup_strbuf = STRBUF_INIT;
	size_t i;

	if (plan_read_target(p, DHCPCD_CONF, &own) < 0 || plan_read(p, DHCPCD_CONF, &text) < 0)
		return -1;
	if (!text.len || !own.len)
		return 0;
	copy_id_lines(strbuf_str(&own), NULL, &ours, false);
	copy_id_lines(strbuf_str(&text), &body, &theirs, true);
	if (strcmp(strbuf_str(&ours), strbuf_str(&theirs)) == 0)
		return 0;
	for (i = 0; i < ours.len; i++)
		if ((unsigned char)ours.data[i] >= 0x7f ||
		    (ours.data[i] < 0x20 && !strchr("\t\n", ours.data[i])))
			return plan_note(p, "this machine's " DHCPCD_CONF
					    " is not understood: look at clientid and duid there");
	strbuf_addf(&out, "%s%s", strbuf_str(&ours), strbuf_str(&body));
	return plan_rewrite(p, DHCPCD_CONF, &out, "the DHCP identifier of this machine");
}

/* ---- both ------------------------------------------------------------------------------------------------------ */

static bool clone_has(const struct planner *p, const char *program)
{
	char path[64];

	snprintf(path, sizeof(path), "/sbin/%s", program);
	if (root_is_file(p->clone, path))
		return true;
	snprintf(path, sizeof(path), "/usr/sbin/%s", program);
	return root_is_file(p->clone, path);
}

/* ifupdown takes the first of dhclient, udhcpc, dhcpcd that is installed. */
static int edit_all(struct planner *p, const struct own_id *own)
{
	bool dhclient = clone_has(p, "dhclient"), dhcpcd = clone_has(p, "dhcpcd");

	if (dhclient && (edit_dhclient(p, own) < 0 || write_duid6(p, own) < 0))
		return -1;
	if (dhcpcd && (edit_dhcpcd(p) < 0 || write_dhcpcd_duid(p, own) < 0))
		return -1;
	if ((own->has_dhclient && !dhclient) || (own->has_dhcpcd && !dhcpcd && !own->has_dhclient))
		return plan_note(p,
				 "this machine has asked for its address with %s, which the "
				 "source does not have: a DHCP server that knows its clients by "
				 "more than the card's address may give another one",
				 own->has_dhclient ? "dhclient" : "dhcpcd");
	return 0;
}

/* What networkd and NetworkManager say of themselves comes from their own files and from the machine-id. */
static int note_other_client(struct planner *p, enum net_way way, const struct own_id *own)
{
	const char *source = p->source_net.stack, *target = p->target_net.stack;
	const char *client = own->has_dhclient ? "dhclient" : own->has_dhcpcd ? "dhcpcd" : target;

	if (way == NET_WAY_MODEL)
		return plan_note(p,
				 "this machine asked for its address with %s, the clone asks with "
				 "%s: a DHCP server that knows its clients by more than the card's "
				 "address may give another one",
				 client, source);
	return plan_note(p,
			 "the clone asks for its address with %s, whose identifier is made of the "
			 "machine id unless its files say otherwise: a DHCP server that knows its "
			 "clients by it may give another address",
			 source);
}

int plan_dhcp(struct planner *p, enum net_way way)
{
	/* the same dhcpcd with the same file asks in the same way */
	bool same = way == NET_WAY_FILES && strcmp(p->source_net.stack, "dhcpcd") == 0;
	bool has_client = !net_has_no_client(p->source_net.stack);
	struct own_id own = { 0 };
	int rc;

	if (remove_leases(p) < 0)
		return -1;
	if (!has_method(&p->target_net, false) && !has_method(&p->target_net, true))
		return plan_duid(p, NULL);
	rc = read_own(p, &own);
	if (rc == 0)
		rc = plan_duid(p, own.duid);
	if (rc == 0 && !has_client)
		rc = edit_all(p, &own);
	if (rc == 0 && same)
		rc = write_dhcpcd_duid(p, &own);
	if (rc == 0 && !same && (has_client || way == NET_WAY_MODEL))
		rc = note_other_client(p, way, &own);
	free(own.dhclient);
	free(own.duid);
	return rc;
}
