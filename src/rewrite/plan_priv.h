/* SPDX-License-Identifier: MIT */
/* What the planners share: the plan being made, what is known about both sides, and ways to add to the plan. */
#pragma once

#include "rewrite/inspect.h"
#include "rewrite/net.h"
#include "rewrite/plan.h"

#define RW_DIR "/var/lib/rehost"
#define SOURCE_ORIGINAL RW_DIR "/source-original"
#define TARGET_ORIGINAL RW_DIR "/target-original"
#define RW_STATE RW_DIR "/state" /* what earlier rewriting for the same machine chose */
#define CONFIG_MAX (4 * 1024 * 1024)

struct planner {
	struct rewrite_plan *plan;
	const struct root *clone;
	const struct rewrite_facts *facts;
	const struct rewrite_options *options;
	struct inspection tree;
	struct net_model source_net, target_net;
	enum edit_subject subject; /* of the edits that are added now */
	bool is_ours;		   /* the tree was already rewritten for this very machine */
	char *done_machine_id, *done_host_keys; /* what that rewriting wrote; NULL: nothing */
	char *old_hostname;			/* the source's; NULL: not set */
	char *new_hostname;			/* what the clone will be called */
	char *old_root_uuid;			/* the source's root file system; NULL: not known */
	struct err *e;
};

/* Each adds what its subject needs. -1 with e set for hard failures only. */
int plan_fstab(struct planner *p) must_check;
int plan_storage(struct planner *p) must_check; /* crypttab, mdadm, LVM and other lists of disks */
/* How the clone gets its network: not at all (a blocker says why), by the target's files, or by its model. */
enum net_way { NET_WAY_NONE, NET_WAY_FILES, NET_WAY_MODEL };
int plan_net(struct planner *p) must_check;
int plan_net_names(struct planner *p) must_check;	       /* called by plan_net */
int plan_dhcp(struct planner *p, enum net_way way) must_check; /* the same */
/* dhclient: "default-duid" of this machine as written, or NULL; called by plan_dhcp. */
int plan_duid(struct planner *p, const char *dhclient) must_check;
int plan_firewall(struct planner *p) must_check;    /* notes only */
bool plan_is_firewall(const char *path);	    /* a file that it has looked at */
int plan_mount_units(struct planner *p) must_check; /* .mount and .swap of systemd */
int plan_kernel_conf(struct planner *p)
	must_check; /* command lines that dracut and kernel-install keep */
int plan_identity(struct planner *p) must_check;
int plan_cloud(struct planner *p) must_check;  /* cloud-init */
int plan_agents(struct planner *p) must_check; /* programs of the old provider */
int plan_policy(struct planner *p) must_check; /* SELinux, licences */
int plan_holds(struct planner *p) must_check;  /* rewrite/holds.h; after those two */
/* Keeps init from starting it, in a way that a package's upgrade keeps. name as in rewrite/services.h. */
int plan_disable_service(struct planner *p, const char *name, const char *why) must_check;
/* The same for all that start by themselves and match; their names are appended, each after a blank. */
int plan_disable_matching(struct planner *p, const char *patterns, const char *why,
			  struct strbuf *ret_names) must_check;
int plan_login(struct planner *p) must_check; /* last: it looks at what the others change */
int plan_boot(struct planner *p) must_check;
int plan_guard(struct planner *p) must_check; /* the trial: rewrite/guard.h */

/* Reads a file of the clone. Returns 1: read; 0: absent; -1: e set. One that cannot be read becomes a blocker and counts
 * as absent. */
int plan_read(struct planner *p, const char *path, struct strbuf *ret) must_check;
/*
 * Calls fn with file (NULL: none) and then with each regular file of the folder dir whose name ends with suffix, in the
 * order of their names; what is not there is passed over.
 */
int plan_each_file(struct planner *p, const char *file, const char *dir, const char *suffix,
		   int (*fn)(struct planner *p, const char *path)) must_check;
/* The same of the target's own files; nothing there is ever a blocker. */
int plan_read_target(struct planner *p, const char *path, struct strbuf *ret) must_check;

/* Add an edit unless the clone already is as wanted. An edit of the same path is replaced. */
int plan_write(struct planner *p, const char *path, const char *content, size_t len, int mode,
	       const char *why) must_check;
int plan_write_secret(struct planner *p, const char *path, const char *content, size_t len,
		      int mode, const char *why) must_check;
int plan_remove(struct planner *p, const char *path, const char *why) must_check;
int plan_remove_secret(struct planner *p, const char *path, const char *why) must_check;
int plan_symlink(struct planner *p, const char *path, const char *text, const char *why) must_check;
int plan_copy_file(struct planner *p, const char *path, const char *from, int mode,
		   const char *why) must_check;

/* Keeps the source's file below SOURCE_ORIGINAL, once. Call before an edit of path. */
int plan_keep_source(struct planner *p, const char *path) must_check;
int plan_keep_source_secret(struct planner *p, const char *path) must_check;
/* Whether the clone already holds this very file, whatever its mode. */
bool plan_is_present(struct planner *p, const char *path, const struct strbuf *content);
/* plan_keep_source and plan_write, or plan_remove. */
int plan_rewrite(struct planner *p, const char *path, const struct strbuf *content,
		 const char *why) must_check;
int plan_move_aside(struct planner *p, const char *path, const char *why) must_check;
/* The content path will have: of an edit planned so far, else of the clone. As plan_read. */
int plan_read_planned(struct planner *p, const char *path, struct strbuf *ret) must_check;

int plan_note(struct planner *p, const char *fmt, ...) printf_like(2, 3) must_check;
int plan_block(struct planner *p, const char *fmt, ...) printf_like(2, 3) must_check;

/* A step without argv yet; fill in through the strlists. NULL: no memory, e set. */
struct tool_step *plan_step(struct planner *p, const char *name, unsigned timeout_s,
			    const char *why) must_check;
/* Appends the NULL-terminated words. */
int plan_words(struct planner *p, struct strlist *to, const char *const *words) must_check;

/* An address (of that length, without prefix length) that the source's files give to a link and the target's do not. */
bool plan_is_lost_address(const struct planner *p, const char *address, size_t len);
/* The target's link of that name, or NULL. */
const struct fact_link *plan_find_link(const struct planner *p, const char *name);

int plan_report(struct planner *p) must_check; /* the very last: rewrite/report.h */

int plan_nomem(struct planner *p);

/* {path, change, subject, why}; {name, argv, why}. New references. */
json_t *rewrite_edit_json(const struct rewrite_plan *p, const struct edit *edit,
			  const struct root *clone);
json_t *rewrite_step_json(const struct tool_step *step);
