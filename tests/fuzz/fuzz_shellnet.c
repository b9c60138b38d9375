/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a netctl profile, as netifrc's conf.d/net and as dhcpcd.conf, each the only file of a system; what was read
 * is written for all three. Nothing of it may become a command of a shell that sources what was written.
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "rewrite/net_netifrc_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = { "/etc/netctl/lan", NETIFRC, "/etc/dhcpcd.conf" };
static struct root roots[ARRAY_SIZE(paths)];
static int fds[ARRAY_SIZE(paths)];

static void open_folders(void)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		char dir[] = "/tmp/rehost-fuzz-XXXXXX";

		if (!mkdtemp(dir) || root_open(&roots[i], dir, NULL) < 0 ||
		    root_replace(&roots[i], paths[i], "", 0, NULL, NULL) < 0)
			abort();
		fds[i] = root_openat(&roots[i], paths[i], O_WRONLY, 0, NULL);
	}
}

static void check_script(struct net_file *f)
{
	struct shell_script s;
	char *functions = strstr(strbuf_str(&f->text), netifrc_functions);
	size_t i;

	if (functions)
		memset(functions, '\n', strlen(netifrc_functions));
	if (shell_script_parse(&s, strbuf_str(&f->text), f->text.len, NULL) < 0 || s.code.count)
		abort();
	for (i = 0; i < s.count; i++)
		if (s.settings[i].needs_shell)
			abort();
	shell_script_done(&s);
}

static void write_all(const struct net_model *m)
{
	static const char *const stacks[] = { "netctl", "netifrc", "dhcpcd" };
	struct net_output o;
	unsigned i, n;

	for (i = 0; i < ARRAY_SIZE(stacks); i++) {
		if (net_write(&o, stacks[i], m, NULL, NULL) < 0)
			continue;
		for (n = 0; n < o.file_count; n++) {
			if (strpbrk(o.files[n].path, "\n "))
				abort();
			if (str_starts(o.files[n].path, "/etc/netctl/") ||
			    strcmp(o.files[n].path, NETIFRC) == 0)
				check_script(&o.files[n]);
		}
		net_output_done(&o);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_open;
	struct net_model m;
	unsigned i, n;

	if (!is_open)
		open_folders();
	is_open = true;
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (ftruncate(fds[i], 0) < 0 || pwrite(fds[i], data, size, 0) != (ssize_t)size)
			abort();
		if (net_read(&m, &roots[i], NULL) < 0)
			continue;
		for (n = 0; n < m.link_count; n++)
			if (net_find(&m, m.links[n].name) != &m.links[n])
				abort();
		json_decref(net_json(&m));
		write_all(&m);
		net_done(&m);
	}
	return 0;
}
