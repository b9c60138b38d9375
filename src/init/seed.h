/* SPDX-License-Identifier: MIT */
/*
 * Seeds: small volumes that a cloud or a hypervisor attaches to say who may log in and which network
 * there is. NoCloud (label cidata) and OpenStack's config drive (label config-2), vfat or iso9660.
 * What they say becomes words of the boot line, so that one parser decides what holds.
 *
 * Nothing of it is read in PID 1. A process of its own mounts what carries such a label, read-only
 * and in a mount namespace of its own, reads a few files, gives up all rights and only then parses.
 */
#pragma once

#include "base/json.h"
#include "base/str.h"

#define SEED_FILE_MAX (256 << 10)
#define SEED_DIR "/run/rehost/seed"	 /* 0700 */
#define SEED_NETWORK SEED_DIR "/network" /* words, one a line; there when a seed gave some */
#define SEED_HEAD_SIZE (36 << 10)	 /* bytes of a volume that seed_probe looks at */

enum seed_kind {
	SEED_NONE,
	SEED_NOCLOUD,
	SEED_OPENSTACK,
};

/* What one seed says. Words are plain printable text; keys are lines as they stand there. */
struct seed {
	struct strlist words; /* ip=, nameserver=, rd.route=, vlan=, bond=, bridge= */
	struct strlist keys;
};

#define SEED_WORDS_MAX 64
#define SEED_KEYS_MAX 64

void seed_done(struct seed *s);

/*
 * From the first bytes of a volume: its kind by the label, and in *ret_type the file system's type
 * ("vfat", "iso9660"). The label of a vfat is the one in its boot sector.
 */
enum seed_kind seed_probe(const unsigned char *head, size_t len, const char **ret_type);

/*
 * The texts of the files, any of them NULL when absent: meta-data, user-data and network-config of
 * NoCloud; meta_data.json, user_data and network_data.json of OpenStack. What cannot be read is
 * passed over. -1 when out of memory only.
 */
int seed_parse(struct seed *ret, enum seed_kind kind, const char *meta, const char *user,
	       const char *network) must_check;

/* YAML as base/yaml.h reads it, as JSON; scalars are strings. NULL when it is not. */
json_t *seed_yaml(const char *text);

/* seed_net.c: what a network document says, as words. -1 when out of memory only. */
int seed_network_config(struct strlist *words,
			json_t *doc) must_check; /* cloud-init, version 1 or 2 */
int seed_network_data(struct strlist *words, json_t *doc) must_check; /* OpenStack */

/*
 * The process: looks at each block device once until the drivers have settled. take_network: the
 * boot line says nothing of the network. take_keys: keys of a seed may log in. Returns an exit
 * status; there is no reason to run it again.
 */
int seed_run(bool take_network, bool take_keys);
