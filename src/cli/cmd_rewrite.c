/* SPDX-License-Identifier: MIT */
/* rewrite: on the target through job, or offline on a plain folder. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"
#include "cli/rewrite_offline.h"
#include "job/job.h"
#include "rewrite/facts_json.h"

/* A host name as hostname(7) allows it; what people type must not become a line of a file. */
static bool is_host_name(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > 253 || s[0] == '-' || s[0] == '.')
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == len;
}

/* What becomes of services that would act by themselves. */
struct service_words {
	const char *cloud_init, *cluster;
};

static int parse_words(const struct command *c, const char *as, const char *hostname,
		       const char *host_keys, const struct service_words *services,
		       struct rewrite_options *ret)
{
	if (!as || strcmp(as, "move") == 0)
		ret->intent = INTENT_MOVE;
	else if (strcmp(as, "copy") == 0)
		ret->intent = INTENT_COPY;
	else
		return command_usage(c, "--as is 'move' or 'copy'");

	if (hostname && strcmp(hostname, "source") == 0)
		ret->hostname = CHOICE_SOURCE;
	else if (hostname && strcmp(hostname, "target") == 0)
		ret->hostname = CHOICE_TARGET;
	else if (hostname && !is_host_name(hostname))
		return command_usage(c, "--hostname is 'source', 'target' or a host name");
	else
		ret->hostname_text = hostname;

	if (services->cloud_init && facts_parse_cloud(services->cloud_init, &ret->cloud_init) < 0)
		return command_usage(c, "--cloud-init is 'off', 'pin' or 'keep'");
	if (services->cluster && facts_parse_cluster(services->cluster, &ret->cluster) < 0)
		return command_usage(c, "--cluster is 'hold' or 'start'");
	if (!host_keys)
		return -1;
	if (strcmp(host_keys, "source") == 0)
		ret->host_keys = CHOICE_SOURCE;
	else if (strcmp(host_keys, "target") == 0)
		ret->host_keys = CHOICE_TARGET;
	else if (strcmp(host_keys, "new") == 0)
		ret->host_keys = CHOICE_NEW;
	else
		return command_usage(c, "--host-keys is 'source', 'target' or 'new'");
	return -1;
}

int cmd_rewrite(const struct command *c, int argc, char **argv)
{
	const char *as = NULL, *hostname = NULL, *host_keys = NULL;
	struct service_words services = { 0 };
	struct offline_words w = { 0 };
	struct rewrite_options o = { 0 };
	bool dry_run = false, json = false;
	const struct command_option options[] = {
		{ "as", NULL, &as },
		{ "hostname", NULL, &hostname },
		{ "host-keys", NULL, &host_keys },
		{ "cloud-init", NULL, &services.cloud_init },
		{ "cluster", NULL, &services.cluster },
		{ "dry-run", &dry_run, NULL },
		{ "root", NULL, &w.folder },
		{ "facts", NULL, &w.facts },
		{ "target-files", NULL, &w.target_files },
	};
	struct err e = ERR_INIT;
	int rc = command_options(c, argc, argv, options, ARRAY_SIZE(options), &json, 0, 0, NULL);

	if (rc < 0)
		rc = parse_words(c, as, hostname, host_keys, &services, &o);
	if (rc >= 0)
		return rc;
	if (!w.folder != !w.facts || (w.target_files && !w.folder))
		return command_usage(c, "--root and --facts go together");
	if (json && !dry_run)
		return command_usage(c, "--json goes with --dry-run");
	if (w.folder) {
		w.options = &o;
		w.intent_typed = as != NULL;
		w.dry_run = dry_run;
		w.json = json;
		return command_end_offline(json, rewrite_offline(&w, &e), &e);
	}
	return command_end(c, json, job_rewrite(&o, dry_run, stdout, json, &e), &e);
}
