/* SPDX-License-Identifier: MIT */
/*
 * tar_driver [--update] [--delete-ok] [--writers N] [--skip PREFIX]... [--manifest FILE] [--memory MIB] DEST < stream
 * tar_receive() as a program, for tests with real tar programs. Prints key=value lines; exit 0, 1 failed.
 * The manifest is a path below DEST's parent: read for --update when it exists, written at the end.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "base/report.h"
#include "base/root.h"
#include "transfer/tar.h"

static int fail(const struct err *e)
{
	printf("error=%s\n", err_info(e->code)->id);
	report_error(stderr, e);
	return 1;
}

static void print_result(const struct tar_result *r, struct tar_progress *p)
{
	size_t i;

	printf("entries=%" PRIu64 "\nfile_bytes=%" PRIu64 "\nremoved=%" PRIu64 "\n", r->entries,
	       r->file_bytes, r->removed);
	printf("unchanged=%" PRIu64 "\nxattrs=%d\ncompression=%s\nlisted=%" PRIu64 "\n",
	       (uint64_t)p->entries_unchanged, r->saw_xattrs, r->compression,
	       manifest_count(r->manifest));
	printf("note_count=%" PRIu64 "\n", r->note_count);
	for (i = 0; i < r->notes.count; i++)
		printf("note=%s\n", r->notes.items[i]);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "update", no_argument, NULL, 'u' },
					       { "delete-ok", no_argument, NULL, 'd' },
					       { "writers", required_argument, NULL, 'w' },
					       { "skip", required_argument, NULL, 's' },
					       { "manifest", required_argument, NULL, 'm' },
					       { "memory", required_argument, NULL, 'M' },
					       { 0 } };
	struct tar_progress progress = { 0 };
	struct tar_options options = { .progress = &progress };
	const char *skip[16] = { NULL }, *manifest = NULL;
	struct root dest cleanup_root = ROOT_INIT, beside cleanup_root = ROOT_INIT;
	struct tar_result result;
	struct manifest *old = NULL;
	struct err e = ERR_INIT;
	unsigned nskip = 0;
	int c, rc;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'u')
			options.update = true;
		else if (c == 'd')
			options.allow_deletions = true;
		else if (c == 'w')
			options.writers = (unsigned)atoi(optarg);
		else if (c == 's' && nskip < ARRAY_SIZE(skip) - 1)
			skip[nskip++] = optarg;
		else if (c == 'M')
			options.unpack_memory = strtoull(optarg, NULL, 10) << 20;
		else if (c == 'm')
			manifest = optarg;
		else
			return 2;
	}
	if (optind + 1 != argc)
		return 2;
	options.skip = skip;
	if (root_open(&dest, argv[optind], &e) < 0 ||
	    root_open(&beside, dirname(argv[optind]), &e) < 0)
		return fail(&e);
	if (manifest && options.update && root_exists(&beside, manifest) &&
	    manifest_load(&old, &beside, manifest, &e) < 0)
		return fail(&e);
	options.old = old;
	rc = tar_receive(STDIN_FILENO, &dest, &options, &result, &e);
	manifest_free(old);
	if (rc < 0)
		return fail(&e);
	if (manifest && manifest_store(result.manifest, &beside, manifest, &e) < 0)
		return fail(&e);
	print_result(&result, &progress);
	tar_result_done(&result);
	return 0;
}
