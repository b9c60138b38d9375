/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the network files of RHEL and of SUSE: read as the only files of a system, and what was read is written. A
 * writer lets nothing of it become a line of its own, or anything a shell would look into.
 */
#include <string.h>

#include "fuzz_folder.h"
#include "rewrite/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RHEL "/etc/sysconfig/network-scripts/"
#define SUSE "/etc/sysconfig/network/"

/* NAME='...', words of routes and rules, or net.ipv6.conf.NAME = 0. */
static void check_line(const char *line, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "._:@%+,/=- ";
	size_t i, quotes = 0;

	for (i = 0; i < len; i++) {
		quotes += line[i] == '\'';
		if (line[i] != '\'' && !strchr(plain, line[i]))
			abort();
	}
	if (quotes && (quotes != 2 || line[len - 1] != '\''))
		abort();
}

static void check_file(const struct net_file *f)
{
	const char *s = strbuf_str(&f->text);

	if (strpbrk(strrchr(f->path, '/') + 1, "\n'$ "))
		abort();
	while (*s) {
		size_t len = strcspn(s, "\n");

		if (*s != '#' && s[len] == '\n')
			check_line(s, len);
		else if (s[len] != '\n')
			abort();
		s += len + 1;
	}
}

static void write_all(const struct net_model *m)
{
	static const char *const stacks[] = { "ifcfg", "wicked" };
	struct net_output o;
	unsigned i, n;

	for (i = 0; i < ARRAY_SIZE(stacks); i++) {
		if (net_write(&o, stacks[i], m, NULL, NULL) < 0)
			continue;
		for (n = 0; n < o.file_count; n++)
			check_file(&o.files[n]);
		net_output_done(&o);
	}
}

static void read_model(const struct root *root)
{
	struct net_model m;

	if (net_read(&m, root, NULL) < 0)
		return;
	json_decref(net_json(&m));
	write_all(&m);
	net_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const rhel[] = { RHEL "ifcfg-eth0",	     RHEL "ifcfg-eth0:1",
					    RHEL "ifcfg-eth0-range", RHEL "route-eth0",
					    RHEL "route6-eth0",	     RHEL "rule-eth0",
					    "/etc/sysconfig/network" };
	static const char *const suse[] = { SUSE "ifcfg-eth0",	SUSE "ifroute-eth0",
					    SUSE "ifrule-eth0", SUSE "ifsysctl-eth0",
					    SUSE "routes",	SUSE "config",
					    SUSE "dhcp" };
	static struct root roots[2];
	static int fds[2][7];
	static bool is_open;

	if (!is_open) {
		folder(&roots[0], rhel, fds[0], 7);
		folder(&roots[1], suse, fds[1], 7);
		is_open = true;
	}
	folder_fill(fds[0], 7, data, size);
	folder_fill(fds[1], 7, data, size);
	read_model(&roots[0]);
	read_model(&roots[1]);
	return 0;
}
