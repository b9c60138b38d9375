/* SPDX-License-Identifier: MIT */
/*
 * Facts from a file, for 'rehost rewrite --root DIR --facts FILE' and for fixtures:
 *
 * { "filesystems": [{"mount", "device", "type", "uuid", "options"}], "links": [{"mac", "target_name", "rescue_name",
 *   "driver"}], "hostname", "network_stack", "vendor", "boot_disk", "boot_disk_by_id", "uefi": false, "consoles": [], "drivers": [],
 *   "options": {"as": "move"|"copy", "hostname": "source"|"target"|NAME, "host_keys": "source"|"target"|"new",
 *   "cloud_init": "off"|"pin"|"keep", "cluster": "hold"|"start", "machine_id"} }
 */
#pragma once

#include "base/json.h"
#include "rewrite/facts.h"

struct facts_file {
	struct rewrite_facts facts; /* target_files and rehost_binary are the caller's to fill in */
	struct rewrite_options options;
	json_t *json; /* owns the strings */
	struct fact_fs *fs;
	struct fact_link *links;
	const char **consoles, **drivers;
};

/* ERR_RW_FACTS names what is wrong: no JSON, a value of another kind, or what rewrite_facts_check refuses. */
int facts_file_load(struct facts_file *ret, const char *text, size_t len, struct err *e) must_check;
void facts_file_done(struct facts_file *f);

/* Words of the command line: "move", "target", ... -1: no such word. */
int facts_parse_intent(const char *word, enum intent *ret) must_check;
/* "off", "pin" or "keep"; "hold" or "start". -1: none of them. */
int facts_parse_cloud(const char *word, enum cloud_choice *ret) must_check;
int facts_parse_cluster(const char *word, enum cluster_choice *ret) must_check;
int facts_parse_choice(const char *word, enum identity_choice *ret) must_check;
