/* SPDX-License-Identifier: MIT */
/*
 * Whole migrations by the real code on plain folders, with a picture of J, S and the folders before every change: what a disk may
 * hold at any moment. And a judge: whether what a rescue would do and say on such a disk, with J and S damaged by a test in
 * any way, is right. It knows where the folders really are; the code under test is only shown J, S and inode numbers.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/exchange.h"
#include "job/loader_priv.h"
#include "job/position.h"
#include "job/status_words.h"
#include "job/switch_steps.h"
#include "job/trial.h"

#define HISTORY_NAMES 6
#define HISTORY_SLOT 8192 /* a record of so few names is far smaller than its slot */
#define HISTORY_MAX 512

static const char *const history_names[HISTORY_NAMES] = { "bin",      "etc",   "only-new",
							  "only-old", "thing", "usr" };

enum history_truth { TRUTH_OLD, TRUTH_MIXED, TRUTH_CLONE };

struct moment {
	uint8_t slots[2][HISTORY_SLOT];
	char s[LOADER_S_BYTES];
	uint64_t live[HISTORY_NAMES], tree[HISTORY_NAMES];
	enum history_truth truth;
};

static struct moment history[HISTORY_MAX];
static unsigned history_count;
static uint8_t history_image[2 * RECORD_SLOT_BYTES];

/* ---- recording ---- */

static char history_dir[64];
static struct root history_root = ROOT_INIT;
static struct target history_target;
static struct volume history_volume = { .uuid = (char *)"uuid-0" };
static char history_s[LOADER_S_BYTES];
static uint64_t history_old[HISTORY_NAMES];
static long history_left; /* steps until the run is cut */

#define history_need(ok) history_need_at((ok), __LINE__)
static void history_need_at(bool ok, int line)
{
	if (!ok) {
		fprintf(stderr, "history.h:%d: failed\n", line);
		abort();
	}
}

static uint64_t history_inode(const char *folder, const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", folder, name);
	return root_lstat(&history_root, path, &st) == 0 ? st.st_ino : 0;
}

static enum history_truth history_truth_of(const struct moment *m)
{
	unsigned i, old = 0;

	for (i = 0; i < HISTORY_NAMES; i++)
		old += m->live[i] == history_old[i];
	return old == HISTORY_NAMES ? TRUTH_OLD : old == 0 ? TRUTH_CLONE : TRUTH_MIXED;
}

static void history_note(void)
{
	struct moment *m = &history[history_count++];
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	unsigned i;

	history_need(history_count <= HISTORY_MAX);
	history_need(root_read(&history_root, RECORD_PATH, &image, sizeof(history_image), NULL) ==
		     0);
	for (i = 0; i < 2; i++)
		memcpy(m->slots[i], image.data + (size_t)i * RECORD_SLOT_BYTES, HISTORY_SLOT);
	memcpy(m->s, history_s, sizeof(m->s));
	for (i = 0; i < HISTORY_NAMES; i++) {
		m->live[i] = history_inode("", history_names[i]);
		m->tree[i] = history_inode(".rehost/tree/", history_names[i]);
	}
	m->truth = history_truth_of(m);
}

static int history_step(void *arg)
{
	(void)arg;
	history_note();
	return history_left-- <= 0;
}

static int history_merge(const struct target *t, struct err *e)
{
	(void)t;
	(void)e;
	return 0;
}

static bool history_is_stored(const struct target *t)
{
	(void)t;
	return true;
}

static int history_store(const struct target *t, int fd, struct err *e)
{
	(void)t;
	(void)fd;
	(void)e;
	return 0;
}

static int history_select(const struct target *t, enum loader_choice c, struct err *e)
{
	(void)t;
	(void)e;
	loader_s_encode(c, history_s);
	return 0;
}

static int history_select_on(const struct root *fs, enum loader_choice c, struct err *e)
{
	(void)fs;
	return history_select(NULL, c, e);
}

static int history_plant(const struct target *t, struct record *r, struct err *e)
{
	loader_s_encode(LOADER_OLD, history_s);
	r->loader = LOADER_BIOS;
	snprintf(r->loader_fs_uuid, sizeof(r->loader_fs_uuid), "%s", t->fs[0].volume->uuid);
	return record_store(r, &t->fs[0].root, e);
}

static const struct switch_ops history_ops = {
	.merge = history_merge,
	.settle = history_merge,
	.plants = true,
	.loader_is_stored = history_is_stored,
	.loader_store = history_store,
	.loader_plant = history_plant,
	.loader_select = history_select,
	.step = history_step,
};

static const struct trial_ops history_trial_ops = { .select = history_select_on,
						    .step = history_step };

static void history_put(const char *path)
{
	history_need(root_replace(&history_root, path, path, strlen(path), NULL, NULL) == 0);
}

static void history_begin(struct record *r)
{
	static const char *const files[] = { "bin",
					     "etc/hostname",
					     "only-old/x",
					     "thing",
					     "usr/x",
					     ".rehost/tree/bin",
					     ".rehost/tree/etc/hostname",
					     ".rehost/tree/only-new",
					     ".rehost/tree/thing/x",
					     ".rehost/tree/usr/x" };
	unsigned i;

	strcpy(history_dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/rehost-history-XXXXXX"
							  : "/tmp/rehost-history-XXXXXX");
	history_need(mkdtemp(history_dir) && root_open(&history_root, history_dir, NULL) == 0);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		history_put(files[i]);
	for (i = 0; i < HISTORY_NAMES; i++)
		history_old[i] = history_inode("", history_names[i]);
	history_target = (struct target){ .fs_count = 1 };
	history_target.fs[0].volume = &history_volume;
	history_target.fs[0].mount = (char *)"/";
	history_target.fs[0].root = history_root;
	memset(history_s, 0, sizeof(history_s)); /* nothing is planted: it is not there */
	history_left = 100000;
	record_init(r);
	r->state = JOB_CHECKED;
	history_need(record_store(r, &history_root, NULL) == 0);
	record_draw_nonce(r);
}

static void history_end(struct record *r)
{
	struct root top cleanup_root = ROOT_INIT;

	history_note();
	record_done(r);
	root_close(&history_root);
	history_need(root_open(&top, "/", NULL) == 0 &&
		     root_remove_tree(&top, history_dir, NULL) == 0);
}

/* What the loader does to S before it starts the clone. */
static void history_boot_once(void)
{
	history_note();
	history_select(NULL, LOADER_RESCUE, NULL);
}

static void history_until_trial(struct record *r)
{
	struct trial_fs fs = { &history_root, &history_root };

	history_begin(r);
	history_need(switch_forward(&history_target, r, &history_ops, NULL) == 0);
	history_need(trial_begin(&fs, r, &history_trial_ops, NULL) == 0);
	history_boot_once();
}

static void history_undo(struct record *r)
{
	history_need(switch_back(&history_target, r, &history_ops, NULL) == 0);
	history_end(r);
}

/* The ways a migration may go. */
static void history_record(void)
{
	struct trial_fs fs = { &history_root, &history_root };
	struct record r;
	long cut;

	history_until_trial(&r);
	history_need(trial_again(&fs, &r, &history_trial_ops, NULL) == 0);
	history_boot_once();
	history_need(trial_confirm(&fs, &r, &history_trial_ops, NULL) == 0);
	history_note();
	r.state = JOB_RELEASING;
	history_need(record_store(&r, &history_root, NULL) == 0);
	history_end(&r);

	history_until_trial(&r);
	history_undo(&r);

	history_until_trial(&r);
	history_need(trial_confirm(&fs, &r, &history_trial_ops, NULL) == 0);
	history_need(trial_withdraw(&fs, &r, &history_trial_ops, NULL) == 0);
	history_undo(&r);

	for (cut = 8; cut < 14; cut++) { /* in the exchange, each way, and then the other */
		history_begin(&r);
		history_left = cut;
		history_need(switch_forward(&history_target, &r, &history_ops, NULL) < 0);
		if (r.state < JOB_SWITCHING) {
			history_end(&r);
			continue;
		}
		history_left = cut - 2;
		if (switch_back(&history_target, &r, &history_ops, NULL) < 0) {
			history_left = 100000;
			record_done(&r); /* as after a power cut */
			history_need(record_load(&r, &history_root, NULL) == 0);
			history_need(switch_forward(&history_target, &r, &history_ops, NULL) == 0);
		}
		history_end(&r);
	}
}

/* ---- judging ---- */

static uint64_t history_find(const uint64_t *inodes, const char *name)
{
	unsigned i;

	for (i = 0; i < HISTORY_NAMES; i++)
		if (strcmp(history_names[i], name) == 0)
			return inodes[i];
	return 0;
}

/* The plan moves all that is to be moved, by what is really there; or a name stops it, and nothing is guessed. */
static bool history_plan_is_whole(const struct moment *m, const struct record *r)
{
	const struct switch_fs *fs = r->fs_count == 1 ? &r->filesystems[0] : NULL;
	unsigned i, found = 0;

	for (i = 0; fs && i < fs->entry_count; i++) {
		const struct switch_entry *x = &fs->entries[i];
		uint64_t live = history_find(m->live, x->name);
		uint64_t tree = history_find(m->tree, x->name);

		if (!(live == x->old_ino && tree == x->new_ino) &&
		    !(live == x->new_ino && tree == x->old_ino))
			return true;
		found++;
	}
	return found == HISTORY_NAMES;
}

static bool history_allows(enum history_truth truth, enum selected s)
{
	if (s == SELECTED_OLD)
		return truth == TRUTH_OLD;
	if (s == SELECTED_CLONE || s == SELECTED_CLONE_ONCE)
		return truth == TRUTH_CLONE;
	return true;
}

/* What the rescue does by itself. */
static const char *history_judge_recovery(const struct moment *m, const struct record *r,
					  const struct position *p)
{
	switch (position_recovery(p)) {
	case RECOVER_FORWARD:
	case RECOVER_BACK:
		return history_plan_is_whole(m, r) ? NULL : "goes on with a plan that is not whole";
	case RECOVER_CLONE:
		return m->truth == TRUTH_CLONE ? NULL : "starts what is not the clone";
	case RECOVER_STAY:
		return history_allows(m->truth, p->selected) ? NULL : "leaves a wrong S alone";
	case RECOVER_PIN:
		return NULL;
	}
	return "does something unknown";
}

/* What it says that the next boot does. */
static const char *history_judge_words(const struct moment *m, const struct position *p)
{
	const char *says = position_next_boot(p);

	if (strstr(says, "do not reboot") || strstr(says, "'rollback' first"))
		return NULL;
	if (strstr(says, "starts the old system") && m->truth != TRUTH_OLD)
		return "says that the old system boots";
	if (strstr(says, "starts the clone") && m->truth != TRUTH_CLONE)
		return "says that the clone boots";
	return NULL;
}

/* What a command does that is typed now, because status offers it. */
static const char *history_judge_commands(const struct moment *m, const struct position *p)
{
	bool starts = p->selected != SELECTED_NONE &&
		      (p->state == JOB_SWITCHED || p->state == JOB_TRIAL ||
		       p->state == JOB_CONFIRMED);

	if (starts && m->truth != TRUTH_CLONE)
		return "'reboot' would start what is not the clone";
	if ((p->state == JOB_CHECKED || p->state == JOB_MERGING) && m->truth != TRUTH_OLD)
		return "'switch' would plan on a mixture";
	if (p->state <= JOB_MERGING && m->truth != TRUTH_OLD)
		return "'rollback' would let a mixture boot";
	if (p->state == JOB_RELEASING && m->truth != TRUTH_CLONE)
		return "'release' would delete what is not the old system";
	return NULL;
}

/* NULL: right, or "read-only, look here". J and S are what a test made of those of the moment. */
static const char *history_judge(const struct moment *m, const uint8_t *image, const char *s,
				 size_t s_len)
{
	static const enum selected words[] = { SELECTED_OLD, SELECTED_RESCUE, SELECTED_CLONE_ONCE,
					       SELECTED_CLONE };
	struct exchange_look look = { 0 };
	struct position p = { .selected = SELECTED_NONE };
	enum loader_choice c;
	const char *wrong;
	struct record r;
	unsigned i, k;

	if (record_decode(&r, image, sizeof(history_image), NULL) < 0)
		return NULL;
	for (i = 0; i < r.fs_count; i++)
		for (k = 0; k < r.filesystems[i].entry_count; k++)
			exchange_look_at(&look, &r.filesystems[i].entries[k],
					 history_find(m->live, r.filesystems[i].entries[k].name),
					 history_find(m->tree, r.filesystems[i].entries[k].name));
	if (!position_fits(r.state, &look)) {
		record_done(&r);
		return NULL;
	}
	p.state = r.state;
	if (r.loader != LOADER_NONE)
		p.selected = loader_s_decode(s, s_len, &c, NULL) == 0 ? words[c] : SELECTED_DAMAGED;
	wrong = history_judge_recovery(m, &r, &p);
	if (!wrong)
		wrong = history_judge_words(m, &p);
	if (!wrong)
		wrong = history_judge_commands(m, &p);
	record_done(&r);
	return wrong;
}

/* J of the moment as a file. */
static void history_load(const struct moment *m)
{
	unsigned i;

	for (i = 0; i < 2; i++)
		memcpy(history_image + (size_t)i * RECORD_SLOT_BYTES, m->slots[i], HISTORY_SLOT);
}
