/* SPDX-License-Identifier: MIT */
/* model_writer STACK DIR SEED [FEATURES]: the network model drawn from the seed, in the stack's files below DIR. */
#include "../lib/net_models.h"

static int put_files(const struct root *root, const struct net_output *o)
{
	unsigned i;

	for (i = 0; i < o->file_count; i++) {
		struct root_meta meta = { .mode = o->files[i].mode };

		if (root_replace(root, o->files[i].path, strbuf_str(&o->files[i].text),
				 o->files[i].text.len, &meta, NULL) < 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct root root cleanup_root = ROOT_INIT;
	struct net_output o;
	struct net_model m;
	unsigned features = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 0) : MODEL_ALL;
	size_t i;
	int rc;

	if (argc < 4 || root_open(&root, argv[2], NULL) < 0 ||
	    models_make(&m, (unsigned)strtoul(argv[3], NULL, 0), features) < 0)
		return 2;
	if (net_write(&o, argv[1], &m, &root, NULL) < 0)
		return 2;
	rc = put_files(&root, &o);
	for (i = 0; i < o.losses.count; i++)
		puts(o.losses.items[i]);
	net_output_done(&o);
	net_done(&m);
	return rc;
}
