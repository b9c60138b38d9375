/* SPDX-License-Identifier: MIT */
/* inspect: what a root folder is, or what a disk would start, without touching either. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/root.h"
#include "cli/commands.h"
#include "cli/inspect_print.h"
#include "job/bootview.h"
#include "job/device.h"
#include "rewrite/inspect.h"

/* What a tree says may hold control characters. */
static void print_field(const char *label, const char *value)
{
	char safe[300];

	str_escape(safe, sizeof(safe), value);
	printf("%-14s%s\n", label, safe);
}

static int inspect(const struct root *root, json_t *device, void *arg, struct err *e)
{
	const bool *json = arg;
	json_t *report = inspect_report(root, e);

	if (!report)
		return -1;
	if (device)
		json_object_set(report, "device", device);
	if (*json)
		return json_print(stdout, report);
	inspect_print(report);
	json_decref(report);
	return 0;
}

static void print_steps(const json_t *steps)
{
	char safe[700];
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
	{
		str_escape(safe, sizeof(safe), json_string_value(json_object_get(step, "text")));
		printf("  %s %s\n", json_is_true(json_object_get(step, "ok")) ? "ok " : "NOT",
		       safe);
	}
}

static int inspect_boot(const char *disk, const struct bootview_options *o, bool json,
			struct err *e)
{
	struct bootview b;
	int rc = 0;

	if (bootview_look(&b, disk, o, e) < 0)
		return -1;
	if (json) {
		rc = json_print(stdout, bootview_json(&b));
	} else {
		print_field("starts", boot_outcome_name(b.starts));
		if (b.then != b.starts)
			print_field("then", boot_outcome_name(b.then));
		print_field("because", b.why);
		print_field("loader", *b.via ? b.via : "none");
		print_field("S", *b.s ? b.s : "none");
		print_field("job record", b.j_state);
		print_steps(b.steps);
	}
	bootview_done(&b);
	return rc;
}

/* A folder is a tree; anything else a disk or an image of one. */
static int inspect_path(const char *path, const char *root_uuid, bool json, struct err *e)
{
	struct root root cleanup_root = ROOT_INIT;
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return device_look(path, root_uuid, inspect, &json, e);
	if (root_open(&root, path, e) < 0)
		return -1;
	return inspect(&root, NULL, &json, e);
}

int cmd_inspect(const struct command *c, int argc, char **argv)
{
	struct bootview_options boot = { 0 };
	const char *disk = NULL, *root_uuid = NULL;
	const struct command_option options[] = { { .name = "boot", .text = &disk },
						  { .name = "root", .text = &root_uuid },
						  { .name = "efi-path", .text = &boot.efi_path },
						  { .name = "uefi", .flag = &boot.uefi },
						  { .name = "hash", .flag = &boot.hash } };
	struct err e = ERR_INIT;
	bool json = false;
	char **words;
	int rc = command_options(c, argc, argv, options, ARRAY_SIZE(options), &json, 0, 1, &words);

	if (rc >= 0)
		return rc;
	if (disk && words[0])
		return command_usage(c, "either --boot DISK or a folder, disk or image");
	if (!disk && !words[0])
		return command_usage(c, "something is missing");
	rc = disk ? inspect_boot(disk, &boot, json, &e)
		  : inspect_path(words[0], root_uuid, json, &e);
	return command_end_offline(json, rc, &e);
}
