/* SPDX-License-Identifier: MIT */
/* Any bytes as YAML: what is accepted prints on one line, and that reads and prints the same. As netplan's file: a model. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/yaml.h"
#include "rewrite/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int folder(struct root *ret)
{
	static char dir[] = "/tmp/rehost-fuzz-XXXXXX";
	static struct root root = ROOT_INIT;
	static int fd = -1;

	if (fd < 0) {
		if (!mkdtemp(dir) || root_open(&root, dir, NULL) < 0 ||
		    root_replace(&root, "/etc/netplan/a.yaml", "", 0, NULL, NULL) < 0)
			abort();
		fd = root_openat(&root, "/etc/netplan/a.yaml", O_WRONLY, 0, NULL);
	}
	*ret = root;
	return fd;
}

/* Whatever stands there, the other stacks' files must stay lines: no word of the model holds a blank or control character. */
static void check_word(const char *s)
{
	if (s && (!*s || s[strcspn(s, " \t\r\n")]))
		abort();
}

static void read_model(const uint8_t *data, size_t size)
{
	struct root root;
	struct net_model m;
	int fd = folder(&root);
	unsigned i, k;

	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (net_read(&m, &root, NULL) < 0)
		abort();
	for (i = 0; i < m.link_count; i++) {
		const struct net_link *l = &m.links[i];

		if (strcmp(l->name, "lo") == 0 || net_find(&m, l->name) != l)
			abort();
		check_word(l->name);
		check_word(l->parent);
		check_word(l->gateway4);
		for (k = 0; k < l->addresses.count; k++)
			check_word(l->addresses.items[k]);
		for (k = 0; k < l->options.count; k++)
			check_word(l->options.items[k]);
		for (k = 0; k < l->extra.count; k++)
			if (strpbrk(l->extra.items[k], "\r\n"))
				abort();
	}
	json_decref(net_json(&m));
	net_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf first cleanup_strbuf = STRBUF_INIT, second cleanup_strbuf = STRBUF_INIT;
	struct ynode_fault fault;
	struct ynode *n cleanup_ynode = ynode_parse((const char *)data, size, "f", &fault), *again;

	read_model(data, size);
	if (!n && !fault.why[0])
		abort();
	if (!n)
		return 0;
	ynode_print(&first, n);
	if (first.len > YAML_BYTES_MAX)
		return 0;
	again = ynode_parse(strbuf_str(&first), first.len, "f", &fault);
	if (!again)
		abort();
	ynode_print(&second, again);
	ynode_free(again);
	if (strcmp(strbuf_str(&first), strbuf_str(&second)) != 0)
		abort();
	return 0;
}
