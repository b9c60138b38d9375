/* SPDX-License-Identifier: MIT */
/*
 * What the rewriting is told. rewrite knows file formats and nothing else: it never mounts, never looks at
 * the machine it runs on, never runs anything. job fills this in from the identity and the target.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"

/* Where the clone's grub-install writes as if it were the EFI system partition; the files are moved on from there. */
#define REWRITE_ESP_DIR "/var/lib/rehost/esp"

/* A file system (or swap) that the clone will use on the target's disks. Strings are borrowed. */
struct fact_fs {
	const char *mount;   /* "/", "/boot", "/boot/efi", "/home"; "none" for swap */
	const char *device;  /* "/dev/vda2": kernel name in the rescue, never written into files */
	const char *type;    /* "ext4", "swap" */
	const char *uuid;    /* file system UUID */
	const char *options; /* of the target's own fstab; NULL: none known */
	const char *stack;   /* "lvm", "raid", "crypt": what it lies on; NULL: a plain partition */
};

struct fact_link {
	const char *mac;	 /* lower case, colons */
	const char *target_name; /* the name in the target's own network files, or NULL */
	const char *rescue_name;
	const char *driver; /* "virtio_net" or NULL */
};

enum intent { INTENT_MOVE, INTENT_COPY };
/* cloud-init on the clone: switched off, tied to an instance it knows already, or left to look for the new provider. Default: off. */
enum cloud_choice { CLOUD_DEFAULT, CLOUD_OFF, CLOUD_PIN, CLOUD_KEEP };
/* Cluster daemons on the clone. Not asked: a source that has some is a blocker. */
enum cluster_choice { CLUSTER_ASK, CLUSTER_HOLD, CLUSTER_START };
enum identity_choice { CHOICE_DEFAULT, CHOICE_SOURCE, CHOICE_TARGET, CHOICE_NEW };

struct rewrite_facts {
	const struct fact_fs *filesystems;
	unsigned fs_count;
	const struct fact_link *links;
	unsigned link_count;
	const struct root
		*target_files; /* the identity's files/ folder: etc/network/interfaces, ... */
	const char
		*target_stack; /* which of net_model's stacks was active there; NULL: not known */
	const char *target_hostname;
	const char
		*vendor; /* of the machine, as its firmware says: "DigitalOcean"; NULL: not known */
	const char *boot_disk;	     /* "/dev/vda" in the rescue */
	const char *boot_disk_by_id; /* "/dev/disk/by-id/..." or NULL: none stable */
	bool uefi;
	bool secure_boot; /* the firmware starts signed loaders only */
	const char *const
		*consoles; /* of the target's own command line: "ttyS0,115200"; NULL-terminated */
	const char *const *
		drivers; /* modules this machine's root disk and NICs need: "virtio_blk"; NULL-terminated */
	const char
		*rehost_binary; /* path whose content goes to /var/lib/rehost/rehost; NULL: none */
};

struct rewrite_options {
	enum intent intent;
	enum identity_choice hostname;	/* default: move source, copy target */
	const char *hostname_text;	/* a given NAME; overrides hostname */
	enum identity_choice host_keys; /* default: move source, copy target */
	enum cloud_choice cloud_init;
	enum cluster_choice cluster;
	const char *machine_id; /* the id a copy gets, 32 hex digits; NULL: a random one */
};

/*
 * Refuses facts that could not be written into a file as they are: names, addresses and UUIDs of other than their
 * usual characters, mount points that are no absolute paths, no root file system (ERR_RW_FACTS). Facts come from the disk
 * of an unknown machine.
 */
int rewrite_facts_check(const struct rewrite_facts *facts, const struct rewrite_options *options,
			struct err *e) must_check;

/* Whether rewrite_facts_check takes it for a vendor. */
bool rewrite_is_vendor(const char *s);

/* The file system the clone mounts there, or NULL. */
const struct fact_fs *rewrite_facts_fs(const struct rewrite_facts *facts, const char *mount);
