/* SPDX-License-Identifier: MIT */
/* rescue-image: keys, network and options in a built rescue image, put in and shown. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/authkeys.h"
#include "base/io.h"
#include "cli/commands.h"
#include "cli/image_network.h"
#include "image/customize.h"

struct request {
	struct strlist keys, observers, options, ip, cmdline, host_keys;
	const char *image, *output;
	bool show, dry_run, clear;
};

static void request_done(struct request *r)
{
	strlist_done(&r->keys);
	strlist_done(&r->observers);
	strlist_done(&r->options);
	strlist_done(&r->ip);
	strlist_done(&r->cmdline);
	strlist_done(&r->host_keys);
}

static bool request_gives(const struct request *r)
{
	return r->keys.count || r->observers.count || r->options.count || r->ip.count ||
	       r->cmdline.count || r->host_keys.count;
}

/* -1 to go on, or the exit code to end with. */
static int read_words(struct request *r, const struct command *c, int argc, char **argv)
{
	static const struct option table[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "option", required_argument, NULL, 'o' },
		{ "ip", required_argument, NULL, 'i' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ "output", required_argument, NULL, 'O' },
		{ "host-key", required_argument, NULL, 'H' },
		{ "observer-key", required_argument, NULL, 'v' },
		{ "show", no_argument, NULL, 's' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "clear", no_argument, NULL, 'C' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int got;

	optind = 0;
	opterr = 0;
	while ((got = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		struct strlist *list = got == 'k'   ? &r->keys
				       : got == 'v' ? &r->observers
				       : got == 'o' ? &r->options
				       : got == 'i' ? &r->ip
				       : got == 'c' ? &r->cmdline
				       : got == 'H' ? &r->host_keys
						    : NULL;
		char shown[128];

		if (list && strlist_add(list, optarg) < 0)
			return EXIT_INTERNAL;
		if (got == 'O')
			r->output = optarg;
		r->show |= got == 's';
		r->dry_run |= got == 'n';
		r->clear |= got == 'C';
		if (got == 'h')
			return command_help(c);
		if (got != '?' && got != ':')
			continue;
		str_escape(shown, sizeof(shown), argv[optind - 1]);
		return command_usage(c, got == ':' ? "%s needs a value" : "unknown option: %s",
				     shown);
	}
	if (argc - optind != 2 || strcmp(argv[optind], "customize") != 0)
		return command_usage(c, "the words are: customize IMAGE");
	r->image = argv[optind + 1];
	if (r->show && (request_gives(r) || r->clear || r->output))
		return command_usage(c, "--show changes nothing and goes alone");
	if (r->clear && request_gives(r))
		return command_usage(
			c, "--clear takes everything out and goes without --key and the like");
	if (!r->show && !r->clear && !request_gives(r))
		return command_usage(c, "nothing was given to put in; --show tells what is in it");
	return -1;
}

static int read_file(const char *path, struct strbuf *ret, struct err *e)
{
	if (file_slurp(path, ret, IMAGE_FILE_MAX, e) < 0)
		return err_ctx(e, "%s", path);
	return 0;
}

typedef int add_file(struct image_content *c, const char *text, size_t len, const char *from,
		     struct err *e);

/* Each file of the list goes in by add. What was read may be a private key. */
static int add_files(struct image_content *content, const struct strlist *files, add_file *add,
		     struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < files->count; i++) {
		cleanup_strbuf struct strbuf text = STRBUF_INIT;

		rc = read_file(files->items[i], &text, e);
		if (rc == 0)
			rc = add(content, strbuf_str(&text), text.len, files->items[i], e);
		if (text.data)
			explicit_bzero(text.data, text.cap);
	}
	return rc;
}

static int collect(const struct request *r, struct image_content *content, struct err *e)
{
	if (add_files(content, &r->keys, image_add_keys, e) < 0 ||
	    add_files(content, &r->observers, image_add_observers, e) < 0 ||
	    add_files(content, &r->host_keys, image_add_host_key, e) < 0)
		return -1;
	for (size_t i = 0; i < r->options.count; i++)
		if (image_add_option(content, r->options.items[i], e) < 0)
			return -1;
	for (size_t i = 0; i < r->ip.count; i++)
		if (image_add_network(content, r->ip.items[i], e) < 0)
			return -1;
	for (size_t i = 0; i < r->cmdline.count; i++)
		if (image_add_cmdline(content, r->cmdline.items[i], e) < 0)
			return -1;
	return 0;
}

static void print_lines(const char *label, const struct strbuf *b)
{
	cleanup_strlist struct strlist lines = STRLIST_INIT;

	if (strlist_split(&lines, strbuf_str(b), "\n") < 0)
		return;
	for (size_t i = 0; i < lines.count; i++) {
		char safe[600];

		str_escape(safe, sizeof(safe), lines.items[i]);
		if (safe[0] != '#')
			printf("  %-10s%s\n", label, safe);
	}
}

/* Never the private key itself. */
static void print_host_key(const struct strbuf *b)
{
	char type[32], fingerprint[IMAGE_FINGERPRINT_MAX];

	if (!b->len)
		return;
	if (image_host_key_read(b->data, b->len, type, fingerprint) == 0)
		printf("  %-10s%s %s\n", "host key", type, fingerprint);
	else
		printf("  %-10s%s\n", "host key", "one that cannot be read");
}

static void print_content(const struct image_content *c)
{
	if (image_content_is_empty(c)) {
		printf("  nothing\n");
		return;
	}
	print_lines("key", &c->keys);
	print_lines("observer", &c->observers);
	print_lines("option", &c->options);
	print_lines("cmdline", &c->cmdline);
	print_host_key(&c->host_ed25519);
	print_host_key(&c->host_rsa);
}

static int customize(const struct request *r, struct err *e)
{
	struct image image cleanup_image = IMAGE_INIT;
	struct image_content content cleanup_image_content = IMAGE_CONTENT_INIT;
	char path[600];

	if (image_open(&image, r->image, e) < 0)
		return -1;
	str_escape(path, sizeof(path), r->output ? r->output : image.path);
	if (r->show) {
		printf("%s, %s, holds:\n", path, image_kind_name(image.kind));
		print_content(&image.content);
		return 0;
	}
	if (collect(r, &content, e) < 0)
		return -1;
	if (!r->dry_run && image_write(&image, &content, r->output, e) < 0)
		return -1;
	printf("%s, %s, %s:\n", path, image_kind_name(image.kind),
	       r->dry_run ? "would hold" : "now holds");
	print_content(&content);
	if (!content.keys.len)
		printf("No SSH key: the rescue shows a one-time password on its consoles.\n");
	return 0;
}

int cmd_rescue_image(const struct command *c, int argc, char **argv)
{
	struct request r = { 0 };
	struct err e = ERR_INIT;
	int rc = read_words(&r, c, argc, argv);

	if (rc < 0)
		rc = command_end_offline(false, customize(&r, &e), &e);
	request_done(&r);
	return rc;
}

/* Used by image/build-images: an area with nothing in it. */
int cmd_image_area(const struct command *c, int argc, char **argv)
{
	struct image_content nothing = IMAGE_CONTENT_INIT;
	cleanup_strbuf struct strbuf area = STRBUF_INIT;
	struct err e = ERR_INIT;
	char **words;
	int rc = command_options(c, argc, argv, NULL, 0, NULL, 1, 1, &words);

	if (rc >= 0)
		return rc;
	rc = image_area_build(&nothing, IMAGE_AREA_SIZE, &area, &e);
	if (rc == 0)
		rc = file_replace(words[0], area.data, area.len, 0644, &e);
	return command_end_offline(false, rc, &e);
}
