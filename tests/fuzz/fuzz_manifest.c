/* SPDX-License-Identifier: MIT */
/*
 * A manifest from a hostile disk. The input is the lines between the first and the end line, which is made right, so
 * that the parser behind the checksum is reached; and the whole file as it is.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/root.h"
#include "transfer/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[] = "/dev/shm/rehost-fuzz-XXXXXX";
static struct root top_root = ROOT_INIT;

static int count_bytes(void *arg, const struct manifest_entry *entry)
{
	uint64_t *sum = arg;

	if (!entry->path[0] || entry->path[0] == '/' || strstr(entry->path, "/../"))
		abort();
	if (entry->kind == 'f')
		*sum += entry->size;
	return 0;
}

static void load(const void *data, size_t size)
{
	int fd = root_openat(&top_root, "m", O_WRONLY | O_CREAT | O_TRUNC, 0600, NULL);
	struct manifest *m = NULL;
	struct err e = ERR_INIT;
	uint64_t sum = 0;

	if (fd < 0 || write_all(fd, data, size) < 0)
		abort();
	close(fd);
	if (manifest_load(&m, &top_root, "m", &e) == 0)
		manifest_each(m, count_bytes, &sum);
	else if (!err_is_set(&e))
		abort();
	manifest_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf text = STRBUF_INIT;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t digest[SHA256_LEN];
	size_t i, lines = 0;

	if (top_root.fd < 0 && (!mkdtemp(top) || root_open(&top_root, top, NULL) < 0))
		abort();
	load(data, size);
	strbuf_adds(&text, "rehost-manifest 1\n");
	strbuf_add(&text, data, size);
	for (i = 0; i < size; i++)
		lines += data[i] == '\n';
	sha256_of(text.data, text.len, digest);
	hex_of(digest, sizeof(digest), hex);
	strbuf_addf(&text, "end %zu 0 %s\n", lines, hex);
	load(text.data, text.len);
	strbuf_done(&text);
	return 0;
}
