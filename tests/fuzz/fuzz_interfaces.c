/* SPDX-License-Identifier: MIT */
/* Any bytes as /etc/network/interfaces: what is accepted prints as it was read, and the model is made of it. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "rewrite/interfaces.h"
#include "rewrite/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A folder that holds nothing but the file, which is returned open. */
static int folder(struct root *ret)
{
	static char dir[] = "/tmp/rehost-fuzz-XXXXXX";
	static struct root root = ROOT_INIT;
	static int fd = -1;

	if (fd < 0) {
		if (!mkdtemp(dir) || root_open(&root, dir, NULL) < 0 ||
		    root_replace(&root, "/etc/network/interfaces", "", 0, NULL, NULL) < 0)
			abort();
		fd = root_openat(&root, "/etc/network/interfaces", O_WRONLY, 0, NULL);
	}
	*ret = root;
	return fd;
}

static void read_model(const uint8_t *data, size_t size)
{
	struct root root;
	struct net_model m;
	int fd = folder(&root);
	unsigned i;

	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (net_read(&m, &root, NULL) < 0)
		return;
	for (i = 0; i < m.link_count; i++)
		if (strcmp(m.links[i].name, "lo") == 0 ||
		    net_find(&m, m.links[i].name) != &m.links[i])
			abort();
	json_decref(net_json(&m));
	net_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf out = STRBUF_INIT;
	struct interfaces_file f;

	if (interfaces_parse(&f, (const char *)data, size, NULL) < 0)
		return 0;
	interfaces_print(&f, &out);
	if (out.len != size || (size && memcmp(out.data, data, size) != 0))
		abort();
	interfaces_done(&f);
	strbuf_done(&out);
	read_model(data, size);
	return 0;
}
