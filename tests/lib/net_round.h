/* SPDX-License-Identifier: MIT */
/* What the tests of one network stack's reader and writer share. Define STACK, its name, before. */
#pragma once

#include "net_files.h"

static struct net_model m;
static struct net_output o;

static inline int end(void **state)
{
	net_done(&m);
	net_output_done(&o);
	return temp_root_close(state);
}

static inline void read_again(void)
{
	net_done(&m);
	assert_int_equal(net_read(&m, &r, NULL), 0);
	assert_non_null(m.stack);
	assert_string_equal(m.stack, STACK);
}

/* Of the model that was read. */
static inline const struct net_link *link_of(const char *name)
{
	const struct net_link *l = net_find(&m, name);

	if (!l)
		fail_msg("no link %s", name);
	return l;
}

/*
 * Draws a model, writes it into the test's folder, for the tree root (NULL: the newest programs), reads it: the same, once take
 * took out what has a loss (NULL: there is none). Written again it has the same bytes.
 */
static inline void round_trip(unsigned seed, unsigned features, const struct root *root,
			      void (*take)(struct net_model *drawn, const struct net_output *out))
{
	struct strbuf why cleanup_strbuf = STRBUF_INIT;
	struct net_model drawn;
	struct net_output again;
	unsigned i;

	assert_int_equal(models_make(&drawn, seed, features), 0);
	net_output_done(&o);
	assert_int_equal(net_write(&o, STACK, &drawn, root, NULL), 0);
	put_output(&o);
	read_again();
	if (take)
		take(&drawn, &o);
	else if (o.losses.count)
		fail_msg("seed %u: %s", seed, o.losses.items[0]);
	if (!models_equal(&drawn, &m, &why))
		fail_msg("seed %u%s:\n%s", seed, root ? ", for a tree" : "", strbuf_str(&why));
	assert_int_equal(net_write(&again, STACK, &m, root, NULL), 0);
	assert_int_equal(again.file_count, o.file_count);
	for (i = 0; i < o.file_count; i++)
		assert_string_equal(file_text(&again, o.files[i].path),
				    strbuf_str(&o.files[i].text));
	net_output_done(&again);
	net_done(&drawn);
}
