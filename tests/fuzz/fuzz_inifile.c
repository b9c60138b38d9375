/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a file of systemd-networkd or of NetworkManager: parsed, read as the only file of a system, and what was
 * read is written. A writer lets nothing of it become a line of its own.
 */
#include <string.h>

#include "fuzz_folder.h"

#include "rewrite/inifile.h"
#include "rewrite/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_all(const struct net_model *m)
{
	static const char *const stacks[] = { "systemd-networkd", "NetworkManager" };
	struct net_output o;
	unsigned i, n;

	for (i = 0; i < ARRAY_SIZE(stacks); i++) {
		if (net_write(&o, stacks[i], m, NULL, NULL) < 0)
			continue;
		for (n = 0; n < o.file_count; n++) {
			struct ini_file f;

			if (strchr(strrchr(o.files[n].path, '/') + 1, '\n') ||
			    ini_parse(&f, INI_SYSTEMD, strbuf_str(&o.files[n].text),
				      o.files[n].text.len, NULL) < 0 ||
			    f.bad_line != SIZE_MAX)
				abort();
			ini_done(&f);
		}
		net_output_done(&o);
	}
}

static void read_model(const struct root *root)
{
	struct net_model m;
	unsigned i;

	if (net_read(&m, root, NULL) < 0)
		return;
	for (i = 0; i < m.link_count; i++)
		if (net_find(&m, m.links[i].name) != &m.links[i])
			abort();
	json_decref(net_json(&m));
	write_all(&m);
	net_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const networkd[] = { "/etc/systemd/network/1.network",
						"/etc/systemd/network/1.netdev",
						"/etc/systemd/network/1.link" };
	static const char *const nm[] = { "/etc/NetworkManager/system-connections/1.nmconnection" };
	static struct root roots[2];
	static int fds[4];
	static bool is_open;
	struct ini_file f;
	unsigned i;

	if (!is_open) {
		folder(&roots[0], networkd, fds, 3);
		folder(&roots[1], nm, fds + 3, 1);
		is_open = true;
	}
	for (i = 0; i < 2; i++)
		if (ini_parse(&f, i ? INI_KEYFILE : INI_SYSTEMD, (const char *)data, size, NULL) ==
		    0)
			ini_done(&f);
	folder_fill(fds, ARRAY_SIZE(fds), data, size);
	read_model(&roots[0]);
	read_model(&roots[1]);
	return 0;
}
