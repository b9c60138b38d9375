/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a tar stream, first into an empty tree and then as an update of what came. Nothing outside the tree
 * may be touched, and what is accepted fits its manifest.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/root.h"
#include "transfer/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[] = "/dev/shm/rehost-fuzz-XXXXXX";
static struct root top_root = ROOT_INIT;

static void set_up(void)
{
	struct rlimit file_size = { 32 << 20, 32 << 20 }; /* a header may ask for any size */

	if (top_root.fd >= 0)
		return;
	signal(SIGXFSZ, SIG_IGN);
	if (!mkdtemp(top) || root_open(&top_root, top, NULL) < 0 ||
	    root_replace(&top_root, "outside/canary", "alive", 5, NULL, NULL) < 0 ||
	    setrlimit(RLIMIT_FSIZE, &file_size) < 0)
		abort();
}

static void check_outside(void)
{
	struct strlist names = STRLIST_INIT;
	struct strbuf text = STRBUF_INIT;

	if (root_list(&top_root, "/", &names, NULL) < 0 || names.count != 2 ||
	    root_list(&top_root, "outside", &names, NULL) < 0 || names.count != 3 ||
	    root_read(&top_root, "outside/canary", &text, 100, NULL) < 0 ||
	    strcmp(strbuf_str(&text), "alive") != 0)
		abort();
	strlist_done(&names);
	strbuf_done(&text);
}

static int check_listed(void *arg, const struct manifest_entry *entry)
{
	struct stat st;

	if (root_lstat(arg, entry->path, &st) < 0)
		abort();
	return 0;
}

static int receive(const struct root *tree, const uint8_t *data, size_t size,
		   const struct tar_options *options, struct tar_result *ret)
{
	int fd = memfd_create("stream", MFD_CLOEXEC), rc;
	struct err e = ERR_INIT;

	if (fd < 0 || write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	rc = tar_receive(fd, tree, options, ret, &e);
	close(fd);
	if (rc < 0 ? !err_is_set(&e) : !ret->manifest)
		abort();
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tar_options options = { .writers = 2 };
	struct root tree = ROOT_INIT;
	struct tar_result first, second;

	set_up();
	if (root_mkdirs(&top_root, "tree", 0755, NULL) < 0 ||
	    root_open_below(&tree, &top_root, "tree", NULL) < 0)
		abort();
	if (receive(&tree, data, size, &options, &first) == 0) {
		manifest_each(first.manifest, check_listed, &tree);
		options.update = options.allow_deletions = true;
		options.old = first.manifest;
		if (receive(&tree, data, size, &options, &second) < 0)
			abort(); /* the same stream again is never worse */
		if (second.removed ||
		    manifest_count(second.manifest) != manifest_count(first.manifest))
			abort();
		tar_result_done(&second);
		tar_result_done(&first);
	}
	root_close(&tree);
	check_outside();
	if (root_remove_tree(&top_root, "tree", NULL) < 0)
		abort();
	return 0;
}
