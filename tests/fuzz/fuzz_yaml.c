/* SPDX-License-Identifier: MIT */
/* Any bytes as YAML: what is accepted prints on one line, and that reads and prints the same. As netplan's file: a model. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/yaml.h"
#include "rewrite/net_cloudinit.h"

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

static void check_model(const struct net_model *m)
{
	unsigned i;
	size_t k;

	for (i = 0; i < m->link_count; i++) {
		const struct net_link *l = &m->links[i];

		if (net_find(m, l->name) != l)
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
}

/* As cloud-init's; and what is written for netplan is YAML, whatever was read. */
static void read_cloudinit(const struct ynode *doc)
{
	struct net_model m = { 0 };
	struct net_output o;
	struct ynode_fault fault;
	struct ynode *again;
	bool any;

	if (net_cloudinit_links(&m, doc, &any, NULL) < 0)
		abort();
	check_model(&m);
	if (net_write(&o, "netplan", &m, NULL, NULL) < 0)
		abort();
	again = ynode_parse(strbuf_str(&o.files[0].text), o.files[0].text.len, NULL, &fault);
	if (!again && o.files[0].text.len <= YAML_BYTES_MAX && !strstr(fault.why, "too "))
		abort();
	ynode_free(again);
	net_output_done(&o);
	net_done(&m);
}

static void read_model(const uint8_t *data, size_t size)
{
	struct root root;
	struct net_model m;
	int fd = folder(&root);

	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (net_read(&m, &root, NULL) < 0)
		abort();
	check_model(&m);
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
	read_cloudinit(n);
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
