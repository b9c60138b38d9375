/* SPDX-License-Identifier: MIT */
/* inspect: what a root folder is, or what a disk would start, without touching either. */
#include <stdio.h>
#include <string.h>

#include "base/root.h"
#include "cli/commands.h"
#include "job/bootview.h"
#include "rewrite/inspect.h"
#include "rewrite/net.h"

/* What a tree says may hold control characters. */
static void print_field(const char *label, const char *value)
{
	char safe[300];

	str_escape(safe, sizeof(safe), value);
	printf("%-14s%s\n", label, safe);
}

static void print_text(const struct inspection *i)
{
	size_t k;

	print_field("system", i->pretty_name ? i->pretty_name : "unknown");
	print_field("family", i->family ? i->family : "unknown");
	print_field("architecture", i->architecture ? i->architecture : "unknown");
	print_field("init", i->init ? i->init : "unknown");
	print_field("hostname", i->hostname ? i->hostname : "none");
	print_field("machine-id", i->machine_id ? i->machine_id : "none");
	print_field("initramfs by", i->initramfs_tool ? i->initramfs_tool : "unknown");
	print_field("GRUB", i->has_grub_pc && i->has_grub_efi ? "BIOS, UEFI"
			    : i->has_grub_pc		      ? "BIOS"
			    : i->has_grub_efi		      ? "UEFI"
							      : "none");
	for (k = 0; k < i->kernels.count; k++)
		print_field("kernel", i->kernels.items[k]);
}

static void print_network(const struct net_model *m)
{
	static const char *const methods[] = { [NET_OFF] = "off",
					       [NET_STATIC] = "static",
					       [NET_DHCP] = "DHCP",
					       [NET_AUTO] = "automatic" };
	char safe[300];
	unsigned i;
	size_t n;

	printf("network       %s\n", m->stack ? m->stack : "no known configuration");
	for (i = 0; i < m->link_count; i++) {
		const struct net_link *l = &m->links[i];

		str_escape(safe, sizeof(safe), l->name);
		printf("  %s: IPv4 %s, IPv6 %s%s\n", safe, methods[l->v4], methods[l->v6],
		       l->at_boot ? "" : ", not at boot");
		for (n = 0; n < l->addresses.count; n++) {
			str_escape(safe, sizeof(safe), l->addresses.items[n]);
			printf("    %s\n", safe);
		}
	}
	for (n = 0; n < m->notes.count; n++) {
		str_escape(safe, sizeof(safe), m->notes.items[n]);
		printf("  note: %s\n", safe);
	}
}

static int inspect(const struct root *root, bool json, struct err *e)
{
	struct inspection found;
	struct net_model net;
	int rc = 0;

	if (inspect_tree(&found, root, e) < 0)
		return -1;
	if (net_read(&net, root, e) < 0) {
		inspect_done(&found);
		return -1;
	}
	if (json) {
		json_t *o = inspect_json(&found);

		json_object_set_new(o, "network", net_json(&net));
		rc = json_print(stdout, o);
	} else {
		print_text(&found);
		print_network(&net);
	}
	inspect_done(&found);
	net_done(&net);
	return rc;
}

static void print_steps(const json_t *steps)
{
	char safe[700];
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
	{
		str_escape(safe, sizeof(safe), json_string_value(json_object_get(step, "text")));
		printf("  %s %s\n", json_is_true(json_object_get(step, "ok")) ? "ok " : "NOT",
		       safe);
	}
}

static int inspect_boot(const char *disk, const struct bootview_options *o, bool json,
			struct err *e)
{
	struct bootview b;
	int rc = 0;

	if (bootview_look(&b, disk, o, e) < 0)
		return -1;
	if (json) {
		rc = json_print(stdout, bootview_json(&b));
	} else {
		print_field("starts", boot_outcome_name(b.starts));
		if (b.then != b.starts)
			print_field("then", boot_outcome_name(b.then));
		print_field("because", b.why);
		print_field("loader", *b.via ? b.via : "none");
		print_field("S", *b.s ? b.s : "none");
		print_field("job record", b.j_state);
		print_steps(b.steps);
	}
	bootview_done(&b);
	return rc;
}

int cmd_inspect(const struct command *c, int argc, char **argv)
{
	struct root root cleanup_root = ROOT_INIT;
	struct bootview_options boot = { 0 };
	const char *disk = NULL;
	const struct command_option options[] = { { .name = "boot", .text = &disk },
						  { .name = "efi-path", .text = &boot.efi_path },
						  { .name = "uefi", .flag = &boot.uefi },
						  { .name = "hash", .flag = &boot.hash } };
	struct err e = ERR_INIT;
	bool json = false;
	char **words;
	int rc = command_options(c, argc, argv, options, ARRAY_SIZE(options), &json, 0, 1, &words);

	if (rc >= 0)
		return rc;
	if (disk && words[0])
		return command_usage(c, "either --boot DISK or a folder");
	if (!disk && !words[0])
		return command_usage(c, "something is missing");
	if (disk) {
		rc = inspect_boot(disk, &boot, json, &e);
	} else {
		rc = root_open(&root, words[0], &e);
		if (rc == 0)
			rc = inspect(&root, json, &e);
	}
	return command_end_offline(json, rc, &e);
}
