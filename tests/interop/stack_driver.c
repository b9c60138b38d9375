/* SPDX-License-Identifier: MIT */
/* stack_driver IN STACK OUT: the network of the folder IN in the files of STACK, below OUT; losses on stderr. */
#include <stdio.h>

#include "rewrite/net.h"

int main(int argc, char **argv)
{
	struct root in cleanup_root = ROOT_INIT, out cleanup_root = ROOT_INIT;
	struct net_output o;
	struct net_model m;
	unsigned i;
	size_t n;

	if (argc != 4 || root_open(&in, argv[1], NULL) < 0 || root_open(&out, argv[3], NULL) < 0 ||
	    net_read(&m, &in, NULL) < 0 || net_write(&o, argv[2], &m, NULL, NULL) < 0)
		return 1;
	for (i = 0; i < o.file_count; i++) {
		struct root_meta meta = { .mode = o.files[i].mode };

		if (root_replace(&out, o.files[i].path, strbuf_str(&o.files[i].text),
				 o.files[i].text.len, &meta, NULL) < 0)
			return 1;
	}
	for (n = 0; n < o.losses.count; n++)
		fprintf(stderr, "%s\n", o.losses.items[n]);
	net_output_done(&o);
	net_done(&m);
	return 0;
}
