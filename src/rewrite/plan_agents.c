/* SPDX-License-Identifier: MIT */
/* Programs of cloud providers that change network, names, keys or accounts by themselves: off, unless this machine is theirs. */
#include <limits.h>
#include <string.h>

#include "rewrite/agents.h"
#include "rewrite/net_priv.h"
#include "rewrite/plan_priv.h"
#include "rewrite/services.h"

/* ---- switching one service off ---- */

static int mask_unit(struct planner *p, const char *unit, const char *why)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), UNIT_DIR "/%s", unit);
	/* stays off when the package is upgraded, and one link brings it back */
	return plan_keep_source(p, path) < 0 ? -1 : plan_symlink(p, path, "/dev/null", why);
}

/* A link that stops it takes the place of the one that starts it: a package's upgrade would make the latter again. */
static int stop_script(struct planner *p, const char *link, const char *name, const char *why)
{
	const char *base = strrchr(link, '/') + 1;
	char text[PATH_MAX], stop[PATH_MAX];

	if (root_readlink(p->clone, link, text, sizeof(text)) < 0)
		return 0;
	if (plan_move_aside(p, link, why) < 0)
		return -1;
	if (str_starts(link, "/etc/runlevels/"))
		return 0;
	snprintf(stop, sizeof(stop), "%.*sK01%s", (int)(base - link), link, name);
	return plan_symlink(p, stop, text, why);
}

int plan_disable_service(struct planner *p, const char *name, const char *why)
{
	struct strlist links cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (p->tree.init && strcmp(p->tree.init, "systemd") == 0)
		return mask_unit(p, name, why);
	if (services_links(&links, p->clone, name, p->e) < 0)
		return -1;
	for (i = 0; i < links.count; i++)
		if (stop_script(p, links.items[i], name, why) < 0)
			return -1;
	return 0;
}

int plan_disable_matching(struct planner *p, const char *patterns, const char *why,
			  struct strbuf *ret_names)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (services_list(&names, p->clone, p->tree.init, p->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		if (!services_match(patterns, names.items[i]))
			continue;
		if (plan_disable_service(p, names.items[i], why) < 0)
			return -1;
		strbuf_addf(ret_names, " %s", names.items[i]);
	}
	return ret_names->failed ? plan_nomem(p) : 0;
}

/* ---- agents ---- */

static int plan_agent(struct planner *p, const struct agent_row *a, bool *ret_found)
{
	struct strbuf names cleanup_strbuf = STRBUF_INIT;

	if (a->vendor && p->facts->vendor && str_starts(p->facts->vendor, a->vendor)) {
		if (net_any_exists(p->clone, a->files))
			return plan_note(p, "%s stays on: this machine is one of %s's too", a->name,
					 a->provider);
		return 0;
	}
	if (plan_disable_matching(p, a->patterns, "an agent of the provider the source came from",
				  &names) < 0)
		return -1;
	if (names.len) {
		*ret_found = true;
		return plan_note(
			p, "%s (%s) is switched off, it would change network, names or keys:%s",
			a->name, a->provider, strbuf_str(&names));
	}
	if (!net_any_exists(p->clone, a->files) || p->is_ours)
		return 0;
	return plan_note(p,
			 "%s (%s) is installed and may change network or keys; what would start it "
			 "was not found",
			 a->name, a->provider);
}

/*
 * Amazon's own: rules of udev and a hook of dhclient that set up cards by asking EC2's metadata. What remains is said:
 * the packages are the source's and stay.
 */
static int clean_amazon(struct planner *p)
{
	static const char *const rules[] = { "53-ec2-network-interfaces.rules",
					     "51-ec2-hvm-devices.rules",
					     "75-persistent-net-generator.rules",
					     "99-vpc-policy-routes.rules",
					     "60-ec2-net-utils.rules" };
	static const char *const folders[] = { "/usr/lib/udev/rules.d", "/lib/udev/rules.d" };
	static const char why[] = "Amazon clean-up: it would set up this machine's cards as EC2's";
	bool is_amazon = p->tree.id && strcmp(p->tree.id, "amzn") == 0;
	char path[PATH_MAX], own[PATH_MAX];
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		/* Debian has one of that name, too, and means no harm */
		if (strstr(rules[i], "generator") && !is_amazon)
			continue;
		snprintf(own, sizeof(own), "/etc/udev/rules.d/%s", rules[i]);
		if (root_is_file(p->clone, own) && plan_move_aside(p, own, why) < 0)
			return -1;
		for (k = 0; k < ARRAY_SIZE(folders); k++) {
			snprintf(path, sizeof(path), "%s/%s", folders[k], rules[i]);
			if (root_exists(p->clone, path) &&
			    plan_symlink(p, own, "/dev/null", why) < 0)
				return -1;
		}
	}
	if (plan_move_aside(p, "/etc/dhcp/dhclient.d/ec2dhcp.sh", why) < 0)
		return -1;
	if (!is_amazon)
		return 0;
	return plan_note(p, "Amazon clean-up: the agents of EC2 are off; whether Amazon's package "
			    "mirrors answer outside EC2 shows the first update");
}

/* Files that make cloud-init take this machine for one of another provider. */
static int drop_markers(struct planner *p)
{
	if (p->facts->vendor && str_starts(p->facts->vendor, "Vultr"))
		return 0;
	return root_is_file(p->clone, "/etc/vultr")
		       ? plan_move_aside(p, "/etc/vultr", "marks a machine of Vultr")
		       : 0;
}

/* ---- what the new provider wants ---- */

static int note_provider(struct planner *p)
{
	static const struct {
		const char *vendor, *text;
	} wants[] = {
		{ "Microsoft",
		  "Azure shows a machine without its agent (walinuxagent) as not ready; "
		  "it runs all the same" },
		{ "Linode",
		  "Linode's Network Helper rewrites the network files from outside at every "
		  "boot: switch it off for this machine in the panel" },
		{ "Akamai",
		  "Linode's Network Helper rewrites the network files from outside at every "
		  "boot: switch it off for this machine in the panel" },
		{ "OracleCloud",
		  "Oracle's machines start from a disk in the network: never take the "
		  "first card down in the running clone" },
		{ "DigitalOcean",
		  "a reserved address of DigitalOcean needs the anchor address that is "
		  "configured here: keep it" },
	};
	size_t i;

	for (i = 0; p->facts->vendor && i < ARRAY_SIZE(wants); i++)
		if (str_starts(p->facts->vendor, wants[i].vendor))
			return plan_note(p, "%s", wants[i].text);
	return 0;
}

int plan_agents(struct planner *p)
{
	bool found = false;
	size_t i;

	for (i = 0; i < agent_count; i++)
		if (!agent_rows[i].is_kept && plan_agent(p, &agent_rows[i], &found) < 0)
			return -1;
	return clean_amazon(p) < 0 || drop_markers(p) < 0 || note_provider(p) < 0 ? -1 : 0;
}
