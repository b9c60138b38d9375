/* SPDX-License-Identifier: MIT */
#include "rewrite/plan.h"

#include <string.h>

#include "rewrite/family.h"
#include "rewrite/fstab.h"
#include "rewrite/net_fit.h"
#include "rewrite/plan_priv.h"
#include "rewrite/shellfile.h"

void rewrite_plan_done(struct rewrite_plan *p)
{
	size_t i;

	for (i = 0; i < p->edit_count; i++) {
		free(p->edits[i].path);
		free(p->edits[i].content);
		free(p->edits[i].why);
	}
	for (i = 0; i < p->step_count; i++) {
		free(p->steps[i].name);
		free(p->steps[i].why);
		strlist_done(&p->steps[i].argv);
		strlist_done(&p->steps[i].inputs);
		strlist_done(&p->steps[i].outputs);
	}
	free(p->edits);
	free(p->steps);
	strlist_done(&p->notes);
	strlist_done(&p->blockers);
	json_decref(p->report);
	*p = (struct rewrite_plan){ 0 };
}

/* The state file says for which machine (by its root file system) the tree was rewritten before. */
static int load_state(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *uuid = rewrite_facts_fs(p->facts, "/")->uuid;
	struct shell_file f;
	struct shell_var *v;

	if (root_read(p->clone, RW_STATE, &text, 4096, NULL) < 0)
		return 0;
	if (shell_file_parse(&f, strbuf_str(&text), text.len, NULL) < 0)
		return 0;
	v = shell_file_find(&f, "root_uuid");
	p->is_ours = v && strcmp(v->raw, uuid) == 0;
	v = shell_file_find(&f, "machine_id");
	if (p->is_ours && v)
		p->done_machine_id = strdup(v->raw);
	v = shell_file_find(&f, "host_keys");
	if (p->is_ours && v)
		p->done_host_keys = strdup(v->raw);
	v = shell_file_find(&f, "source_root_uuid");
	if (p->is_ours && v)
		p->old_root_uuid = strdup(v->raw);
	shell_file_done(&f);
	return 0;
}

static int save_state(struct planner *p)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	strbuf_addf(&b, "root_uuid=%s\n", rewrite_facts_fs(p->facts, "/")->uuid);
	if (p->old_root_uuid)
		strbuf_addf(&b, "source_root_uuid=%s\n", p->old_root_uuid);
	if (p->done_machine_id)
		strbuf_addf(&b, "machine_id=%s\n", p->done_machine_id);
	if (p->done_host_keys)
		strbuf_addf(&b, "host_keys=%s\n", p->done_host_keys);
	if (b.failed)
		return plan_nomem(p);
	return plan_write(p, RW_STATE, strbuf_str(&b), b.len, 0644,
			  "what was rewritten for which machine");
}

/* The UUID in the source's own root line: other files may name it too. */
static int find_old_root(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const struct fstab_entry *root;
	struct fstab t;
	int rc = plan_read(p, "/etc/fstab", &text);

	if (rc <= 0 || p->old_root_uuid)
		return rc < 0 ? -1 : 0;
	if (fstab_parse(&t, strbuf_str(&text), text.len, NULL) < 0)
		return 0; /* plan_fstab says so */
	root = fstab_find(&t, "/");
	if (root)
		p->old_root_uuid = fstab_tag_value(root->spec, "UUID");
	if (p->old_root_uuid &&
	    (strcmp(p->old_root_uuid, rewrite_facts_fs(p->facts, "/")->uuid) == 0 ||
	     strlen(p->old_root_uuid) < 8 ||
	     p->old_root_uuid[strspn(p->old_root_uuid, "0123456789abcdefABCDEF-")])) {
		free(p->old_root_uuid);
		p->old_root_uuid = NULL;
	}
	fstab_done(&t);
	return 0;
}

static int read_nets(struct planner *p)
{
	struct err local = ERR_INIT;

	if (net_read(&p->source_net, p->clone, &local) < 0) {
		if (local.code == ERR_NOMEM)
			return plan_nomem(p);
		if (plan_block(p, "the source's network files cannot be read: %s", local.ctx[0]) <
		    0)
			return -1;
	}
	local = ERR_INIT;
	if (net_read_target(&p->target_net, p->facts, &local) < 0) {
		if (local.code == ERR_NOMEM)
			return plan_nomem(p);
		return plan_block(p, "this machine's own network files cannot be read: %s",
				  local.ctx[0]);
	}
	return 0;
}

/* Systems whose /usr, /etc or menu another program makes anew from an image: what is edited here would be lost. */
static const char *image_based(const struct planner *p)
{
	static const struct {
		const char *path, *what;
	} kinds[] = {
		{ "/ostree/repo", "OSTree" },
		{ "/sysroot/ostree", "OSTree" },
		{ "/etc/NIXOS", "NixOS" },
		{ "/usr/lib/coreos", "CoreOS" },
		{ "/usr/sbin/transactional-update", "transactional-update" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (root_exists(p->clone, kinds[i].path))
			return kinds[i].what;
	return NULL;
}

/* README.md has the same in a table; what was booted is in family.c. */
static int note_proof(struct planner *p)
{
	const struct inspection *t = &p->tree;
	const char *name = t->name ? t->name : t->pretty_name ? t->pretty_name : t->distribution;

	switch (family_proof(t)) {
	case FAMILY_BOOTED:
		return 0;
	case FAMILY_REWRITTEN:
		return plan_note(
			p,
			"rehost has rewritten files of %s in tests, but never booted it: read "
			"the changes, and keep the old system until the clone has shown "
			"itself",
			name);
	case FAMILY_UNTRIED:
		break;
	}
	return strcmp(t->family, "debian") == 0
		       ? plan_note(p,
				   "rehost was never tried with %s, it is treated as Debian: read "
				   "the changes",
				   name)
		       : plan_note(p,
				   "rehost was never tried with %s, only with tests' files of its "
				   "family: read the changes, and keep the old system until the "
				   "clone has shown itself",
				   name);
}

/* Whether it makes sense to plan at all; says why not in the blockers. */
static int understand(struct planner *p, bool *ret_understood)
{
	const struct inspection *t = &p->tree;
	const char *image;

	*ret_understood = t->is_linux_root && family_find(t->family);
	if (!t->is_linux_root)
		return plan_block(
			p, "what was received is not the root of a Linux system: /etc, /bin or "
			   "/etc/fstab is missing");
	if (!*ret_understood)
		return plan_block(p, "rehost cannot make this distribution boot here yet: %s",
				  t->pretty_name ? t->pretty_name
				  : t->id	 ? t->id
						 : "unknown");
	image = image_based(p);
	*ret_understood = !image;
	if (image)
		return plan_block(p,
				  "the source's system is made from images (%s), which rehost "
				  "cannot rewrite",
				  image);
	if (!t->architecture)
		return plan_block(p, "the tree is not for this kind of processor, or has no shell");
	if (strcmp(t->architecture, "amd64") != 0 && strcmp(t->architecture, "i386") != 0)
		return plan_block(p, "the tree is for %s, this machine is amd64", t->architecture);
	return note_proof(p);
}

static int plan_binary(struct planner *p)
{
	if (!p->facts->rehost_binary)
		return 0;
	return plan_copy_file(p, RW_DIR "/rehost", p->facts->rehost_binary, 0755,
			      "the commands stay at hand in the clone until release");
}

/* In this order: later ones look at what earlier ones change. */
static const struct {
	int (*plan)(struct planner *p);
	enum edit_subject subject;
} planners[] = {
	{ plan_fstab, SUBJECT_DISKS },	     { plan_storage, SUBJECT_DISKS },
	{ plan_mount_units, SUBJECT_DISKS }, { plan_kernel_conf, SUBJECT_START },
	{ plan_net, SUBJECT_NETWORK },	     { plan_identity, SUBJECT_NAMES },
	{ plan_cloud, SUBJECT_PROVIDER },    { plan_agents, SUBJECT_PROVIDER },
	{ plan_boot, SUBJECT_START },	     { plan_login, SUBJECT_LOGIN },
	{ plan_binary, SUBJECT_OWN },	     { plan_guard, SUBJECT_OWN },
	{ plan_holds, SUBJECT_HOLDS },	     { plan_policy, SUBJECT_POLICY },
};

static int plan_subjects(struct planner *p)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(planners); i++) {
		p->subject = planners[i].subject;
		if (planners[i].plan(p) < 0)
			return -1;
	}
	return 0;
}

static int plan_all(struct planner *p)
{
	bool understood;

	if (inspect_tree(&p->tree, p->clone, p->e) < 0 || understand(p, &understood) < 0)
		return -1;
	if (!understood)
		return 0;
	if (load_state(p) < 0 || find_old_root(p) < 0 || read_nets(p) < 0)
		return -1;
	return plan_subjects(p) < 0 || save_state(p) < 0 ? -1 : plan_report(p);
}

int rewrite_plan_make(struct rewrite_plan *ret, const struct root *clone,
		      const struct rewrite_facts *facts, const struct rewrite_options *options,
		      struct err *e)
{
	struct err unused = ERR_INIT;
	struct planner p = { .plan = ret,
			     .clone = clone,
			     .facts = facts,
			     .options = options,
			     .e = e ? e : &unused };
	int rc;

	*ret = (struct rewrite_plan){ 0 };
	rc = rewrite_facts_check(facts, options, p.e);
	if (rc == 0)
		rc = plan_all(&p);
	inspect_done(&p.tree);
	net_done(&p.source_net);
	net_done(&p.target_net);
	free(p.done_machine_id);
	free(p.done_host_keys);
	free(p.old_hostname);
	free(p.new_hostname);
	free(p.old_root_uuid);
	if (rc == 0)
		return 0;
	rewrite_plan_done(ret);
	return err_ctx(e, "planning the rewriting");
}
