/* SPDX-License-Identifier: MIT */
/* plan and identity: what was found, what will be kept, what to type. Nothing here writes to a disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "disk/bootarea.h"
#include "job/address.h"
#include "job/common.h"
#include "job/identity.h"
#include "job/job.h"
#include "job/loader.h"
#include "job/lowmem.h"
#include "job/machine.h"
#include "job/trial.h"

/* The stage leaves this part of every file system to the old system. */
#define RESERVE_PERCENT 5

/* The rows of the promise: with the private loader, with one that cannot end a trial, without. */
#define POWER_CUT_LOADER \
	"A power cut at any moment leaves the old system, this rescue or the\n" \
	"clone to boot, never anything else. The clone's first boot is a trial:\n" \
	"without 'confirm' the rescue is back after it."
#define POWER_CUT_STICKY \
	"A power cut at any moment leaves the old system, this rescue or the\n" \
	"clone to boot, never anything else. But the loader cannot end a trial here:\n" \
	"a clone that does not come up at all must be left by hand, at its console."
#define POWER_CUT_REMOVABLE \
	"A power cut at any moment leaves the old system, this rescue or the\n" \
	"clone to boot, never anything else, as long as the firmware starts\n" \
	"\\EFI\\BOOT\\BOOTX64.EFI of this disk, as it must have done for the old system.\n" \
	"The clone's first boot is a trial: without 'confirm' the rescue is back after it."
#define POWER_CUT_FORGETS \
	"A power cut leaves the old system, this rescue or the clone to boot, as long\n" \
	"as the firmware remembers its boot entries over it. When it forgets them, it\n" \
	"starts what lies at \\EFI\\BOOT: during 'switch' (seconds) that may find a mixture\n" \
	"(boot the rescue again and type 'switch' or 'rollback'), after it the clone."
#define POWER_CUT_NONE \
	"Until 'switch' begins, a power cut at any moment boots the old system.\n" \
	"During 'switch' (seconds) the next boot may find a mixture: boot the\n" \
	"rescue again and type 'switch' or 'rollback', either finishes.\n" \
	"After it the clone boots, without a trial. 'rollback' from the rescue brings the\n" \
	"old system back until 'release' deletes it."

struct plan {
	const struct target *t;
	json_t *identity;
	struct record record;
	struct strlist warnings;
	char address[64]; /* of this machine, for the command to type */
	struct loader_verdict loader;
};

static unsigned long long usable(unsigned long long free, unsigned long long size)
{
	unsigned long long reserve = size / 100 * RESERVE_PERCENT;

	return free > reserve ? free - reserve : 0;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Names from disks may hold anything; a terminal must not be steered by them. */
static void print_safe(FILE *out, const char *s)
{
	char safe[512];

	str_escape(safe, sizeof(safe), s);
	fputs(safe, out);
}

/* ---- warnings ---------------------------------------------------------------------------------- */

static int warn(struct plan *p, struct err *e, const char *fmt, ...) printf_like(3, 4);
static int warn(struct plan *p, struct err *e, const char *fmt, ...)
{
	char text[512], safe[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_escape(safe, sizeof(safe), text);
	return strlist_add(&p->warnings, safe) < 0 ? err_set(e, ERR_NOMEM, 0, "plan") : 0;
}

/* What lies on LVM, an array or an encrypted device. */
static int warn_of_stack(struct plan *p, const struct target_fs *f, struct err *e)
{
	static const struct {
		const char *stack, *package;
	} wanted[] = { { "lvm", "lvm2" }, { "raid", "mdadm" } };
	const struct volume *v = f->volume;
	size_t i;

	if (!v->stack)
		return 0;
	if (v->is_degraded &&
	    warn(p, e, "%s lacks a part of its array; repair it before the migration", v->path) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (strcmp(v->stack, wanted[i].stack) == 0 &&
		    warn(p, e,
			 "%s (%s) is on %s: the source must have %s installed, so that the clone "
			 "finds it",
			 v->path, f->mount, target_stack_words(v), wanted[i].package) < 0)
			return -1;
	}
	return 0;
}

static int warn_of_disks(struct plan *p, struct err *e)
{
	const struct target *t = p->t;
	unsigned i;

	const struct target_fs *refused = target_stacked_boot(t);

	if (refused &&
	    warn(p, e,
		 "%s (%s) is on %s: every command that writes will be refused. /boot must be a "
		 "plain partition, and nothing encrypted",
		 refused->volume->path, refused->mount, target_stack_words(refused->volume)) < 0)
		return -1;
	for (i = 0; i < t->fs_count; i++) {
		const struct target_fs *f = &t->fs[i];

		if (!refused && warn_of_stack(p, f, e) < 0)
			return -1;
		if (!f->is_writable && f->volume->is_journal_dirty &&
		    warn(p, e,
			 "%s (%s) was not unmounted cleanly: its journal is replayed by the first "
			 "command that writes",
			 f->volume->path, f->mount) < 0)
			return -1;
		if (t->scan.disks[f->volume->disk].is_read_only && f->volume->partno &&
		    warn(p, e, "%s is write-protected: receiving will be refused",
			 t->scan.disks[f->volume->disk].path) < 0)
			return -1;
		if (usable(f->free_bytes, f->size_bytes) == 0 &&
		    warn(p, e, "%s is full: nothing can be staged on it", f->mount) < 0)
			return -1;
	}
	for (i = 0; i < t->scan.volume_count; i++) {
		if (t->scan.volumes[i].is_ambivalent &&
		    warn(p, e, "%s carries the marks of several file systems: never written to",
			 t->scan.volumes[i].path) < 0)
			return -1;
	}
	for (i = 0; i < t->other_count; i++) {
		if (warn(p, e, "%s (%s on %s) is left alone", t->others[i].mount,
			 t->others[i].volume->type, t->others[i].volume->path) < 0)
			return -1;
	}
	return 0;
}

static int warn_of_firmware(struct plan *p, struct err *e)
{
	const json_t *firmware = json_object_get(p->identity, "firmware");

	if (!json_is_string(json_object_get(firmware, "esp")))
		return warn(p, e,
			    "this machine was started by UEFI, but no EFI system partition was "
			    "found, or several: the clone cannot be switched to");
	if (json_is_false(json_object_get(firmware, "variables_writable")))
		return warn(p, e,
			    "the firmware's boot variables may not be written: the clone "
			    "cannot be switched to");
	if (json_is_true(json_object_get(firmware, "variables_volatile")))
		return warn(
			p, e,
			"the firmware forgets its boot variables: after a power cut it may start "
			"what lies at \\EFI\\BOOT instead of the clone");
	return 0;
}

/* The boot loader must have a place before anything is received. */
static int warn_of_boot(struct plan *p, struct err *e)
{
	const struct disk *d = &p->t->scan.disks[p->t->boot_disk];
	int fd cleanup_fd = open(d->path, O_RDONLY | O_CLOEXEC);
	struct err own = ERR_INIT;
	struct bootarea area;

	if (p->t->is_uefi)
		return warn_of_firmware(p, e);
	if (fd < 0)
		return 0;
	if (bootarea_read(&area, fd, &p->t->scan, p->t->boot_disk, &own) == 0) {
		bootarea_done(&area);
		return 0;
	}
	return warn(p, e, "%s: %s: %s", d->path, err_info(own.code)->title, own.ctx[0]);
}

/* Where the private loader is not what it should be: asked first, by the words that 'switch' then wants. */
static int warn_of_loader(struct plan *p, struct err *e)
{
	struct err own = ERR_INIT;

	if (p->record.loader != LOADER_NONE) {
		p->loader = (struct loader_verdict){ .kind = p->record.loader, .once_works = true };
		if (loader_is_removable(p->t, &p->record))
			p->loader.ask = LOADER_ASK_REMOVABLE;
		return 0;
	}
	if (loader_assess(p->t, &p->loader, &own) < 0) {
		p->loader = (struct loader_verdict){ .kind = LOADER_NONE };
		snprintf(p->loader.why, sizeof(p->loader.why), "%s", err_info(own.code)->title);
	}
	if (p->loader.kind == LOADER_NONE && !loader_is_stored(p->t) &&
	    access(LOADER_PAYLOAD_DIR, F_OK) < 0)
		return warn(p, e,
			    "this rescue carries no files of the private loader: before 'switch' "
			    "send them, ssh root@%s receive loader < loader.cpio; or take "
			    "'switch --without-loader', without a trial boot",
			    p->address);
	if (p->loader.kind == LOADER_NONE)
		return warn(p, e,
			    "the private loader cannot be planted (%s): there is no trial boot, "
			    "and 'switch' wants --without-loader",
			    p->loader.why);
	if (p->loader.ask == LOADER_ASK_REMOVABLE &&
	    warn(p, e,
		 "the firmware holds no boot entry for the old system, it may forget them: the "
		 "private loader takes the place of \\EFI\\BOOT\\BOOTX64.EFI, and 'switch' wants "
		 "--accept-firmware") < 0)
		return -1;
	if (p->loader.ask == LOADER_ASK_FORGETS &&
	    warn(p, e,
		 "the firmware holds no boot entry for the old system, it may forget the private "
		 "loader's, too: 'switch' wants --accept-firmware") < 0)
		return -1;
	return p->loader.once_works ? 0 : warn(p, e, "%s", p->loader.why);
}

static const char *power_cut(const struct plan *p)
{
	if (p->loader.kind == LOADER_NONE)
		return POWER_CUT_NONE;
	if (p->loader.ask != LOADER_ASK_NOTHING)
		return p->loader.ask == LOADER_ASK_REMOVABLE ? POWER_CUT_REMOVABLE
							     : POWER_CUT_FORGETS;
	return p->loader.once_works ? POWER_CUT_LOADER : POWER_CUT_STICKY;
}

static int warn_of_network(struct plan *p, struct err *e)
{
	const json_t *links = json_object_get(p->identity, "links");
	const json_t *net = json_object_get(p->identity, "network");
	size_t i;

	if (!*text_of(net, "stack"))
		return warn(p, e, "no network configuration was found in the old system");
	for (i = 0; i < json_array_size(links); i++) {
		const json_t *k = json_array_get(links, i);

		if (!*text_of(k, "name") &&
		    warn(p, e, "card %s (%s) has no name in the old system's configuration",
			 text_of(k, "rescue_name"), text_of(k, "mac")) < 0)
			return -1;
	}
	return 0;
}

static int warn_of_memory(struct plan *p, struct err *e)
{
	const struct volume *v = lowmem_choose(p->t);

	if (v)
		return warn(
			p, e,
			"this machine is short of memory: once 'receive' or 'rewrite' has begun, "
			"its swap partition %s is used (what it holds is lost, its UUID stays; "
			"rehost.lowmem=off forbids it)",
			v->path);
	if (lowmem_is_wanted())
		return warn(p, e,
			    "this machine is short of memory and has no swap partition: a source "
			    "with very many files may not fit");
	return 0;
}

static int collect_warnings(struct plan *p, struct err *e)
{
	struct root sys cleanup_root = ROOT_INIT;
	size_t i;

	for (i = 0; i < p->t->notes.count; i++) {
		if (strlist_add(&p->warnings, p->t->notes.items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "plan");
	}
	if (warn_of_disks(p, e) < 0 || warn_of_boot(p, e) < 0 || warn_of_loader(p, e) < 0 ||
	    warn_of_network(p, e) < 0 || warn_of_memory(p, e) < 0)
		return -1;
	if (root_open(&sys, "/sys", NULL) == 0 && machine_has_disc(&sys))
		return warn(p, e,
			    "a disc is in the drive: detach it before the reboot, or the machine "
			    "may start from it again");
	return 0;
}

/* ---- text ---------------------------------------------------------------------------------------- */

static void print_disks(FILE *out, const struct target *t)
{
	char size[32];
	unsigned i;

	for (i = 0; i < t->scan.disk_count; i++) {
		const struct disk *d = &t->scan.disks[i];

		fprintf(out, "%-9s %s %s, %s", i ? "" : "Disk", d->path,
			format_bytes(size, sizeof(size), d->size_bytes),
			d->table ? d->table : "no partition table");
		if (d->model) {
			fputs(", ", out);
			print_safe(out, d->model);
		}
		if (d->serial) {
			fputs(", serial ", out);
			print_safe(out, d->serial);
		}
		fprintf(out, "%s\n", i == t->boot_disk ? " (boots)" : "");
	}
}

static void print_filesystems(FILE *out, const struct target *t)
{
	char size[32], room[32];
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		const struct target_fs *f = &t->fs[i];

		fprintf(out, "%-9s ", i ? "" : "Keeps");
		print_safe(out, f->mount);
		fprintf(out, " on %s, %s, %s; fits %s", f->volume->path, f->volume->type,
			format_bytes(size, sizeof(size), f->size_bytes),
			format_bytes(room, sizeof(room), usable(f->free_bytes, f->size_bytes)));
		if (f->inodes)
			fprintf(out, " and %llu files", usable(f->free_inodes, f->inodes));
		fputc('\n', out);
	}
	for (i = 0; i < t->swap_count; i++)
		fprintf(out, "%-9s swap on %s\n", "", t->swaps[i]->path);
	fprintf(out, "%-9s (%d %% of each stays free for the old system)\n", "", RESERVE_PERCENT);
}

static void print_network(FILE *out, const struct plan *p)
{
	const json_t *links = json_object_get(p->identity, "links");
	const json_t *list;
	size_t i, k;

	for (i = 0; i < json_array_size(links); i++) {
		const json_t *o = json_array_get(links, i);

		fprintf(out, "%-9s ", i ? "" : "Network");
		print_safe(out, *text_of(o, "name") ? text_of(o, "name") : "?");
		fputs(" (", out);
		print_safe(out, text_of(o, "mac"));
		fputs(")", out);
		list = json_object_get(o, "addresses");
		for (k = 0; k < json_array_size(list) && k < 2; k++) {
			const char *s = json_string_value(json_array_get(list, k));

			fputc(' ', out);
			print_safe(out, s ? s : "");
		}
		if (*text_of(o, "gateway")) {
			fputs(" via ", out);
			print_safe(out, text_of(o, "gateway"));
		}
		fputs(", kept\n", out);
	}
}

/* Words at 78 columns; the first line begins behind label. */
static void print_wrapped(FILE *out, const char *label, const char *text)
{
	int column = 10;

	fprintf(out, "%-9s", label);
	while (*text) {
		int len = (int)strcspn(text, " \n");

		if (column > 10 && column + 1 + len > 79) {
			fprintf(out, "\n%-9s", "");
			column = 10;
		}
		fprintf(out, " %.*s", len, text);
		column += len + 1;
		text += len;
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

/* Of the migration that is under way, else of the options. */
static uint32_t minutes_of(const struct plan *p)
{
	char *option cleanup_free = run_option("trial_minutes");

	return p->record.trial_minutes ? p->record.trial_minutes : trial_minutes(option);
}

static void print_trial(FILE *out, const struct plan *p)
{
	uint32_t minutes = minutes_of(p);
	char text[300];

	if (p->loader.kind == LOADER_NONE || !p->loader.once_works)
		return;
	snprintf(
		text, sizeof(text),
		"%u minutes from the clone's start. Not confirmed by then, the rescue is back "
		"within "
		"%u minutes of it; after a kernel panic sooner. File system checks and relabelling "
		"come on top.",
		minutes, trial_back_minutes(minutes));
	print_wrapped(out, "Trial", text);
}

static void print_next(FILE *out, const struct plan *p)
{
	if (p->record.state != JOB_NONE) {
		print_wrapped(out, "Next",
			      "A migration is under way: type 'status' for the next step.");
		return;
	}
	fprintf(out,
		"%-9s on the source, as root; add its other mounts after the dot (. ./boot):\n"
		"  tar --xattrs --xattrs-include='*' --acls --selinux --numeric-owner \\\n"
		"    --one-file-system --sparse -cpf - -C / . | ssh root@%s receive tar\n"
		"%-9s then: rewrite, check, switch, reboot; in the clone: confirm, release\n",
		"Next", p->address, "");
}

static void print_text(FILE *out, const struct plan *p)
{
	const struct target *t = p->t;
	size_t i;

	fputs("The plan. Looking has written nothing.\n", out);
	print_disks(out, t);
	fprintf(out, "%-9s ", "System");
	print_safe(out, *text_of(p->identity, "distribution") ? text_of(p->identity, "distribution")
							      : "Linux");
	fputs(", host name ", out);
	print_safe(out, *text_of(p->identity, "hostname") ? text_of(p->identity, "hostname")
							  : "unknown");
	fprintf(out, ", %s\n",
		p->record.state >= JOB_SWITCHED && p->record.state <= JOB_CONFIRMED
			? "switched out"
			: "stays bootable");
	print_filesystems(out, t);
	print_network(out, p);
	fprintf(out, "%-9s %s\n", "Identity",
		json_is_true(json_object_get(p->identity, "provisional"))
			? "provisional: a journal is dirty; taken again before anything changes"
			: "complete; it is kept beside the clone");
	fprintf(out, "%-9s %s, made of size, table and file system ids of %s\n", "Token", t->token,
		t->scan.disks[t->boot_disk].path);
	for (i = 0; i < p->warnings.count; i++)
		print_wrapped(out, i ? "" : "Note", p->warnings.items[i]);
	print_wrapped(out, "Power cut", power_cut(p));
	print_trial(out, p);
	print_next(out, p);
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

static json_t *fits_json(const struct target *t)
{
	json_t *a = json_array();
	unsigned i;

	for (i = 0; i < t->fs_count; i++) {
		const struct target_fs *f = &t->fs[i];

		json_array_append_new(a, json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "mount",
						   json_text(f->mount), "device",
						   json_text(f->volume->path), "size_bytes",
						   (json_int_t)f->size_bytes, "free_bytes",
						   (json_int_t)f->free_bytes, "free_inodes",
						   (json_int_t)f->free_inodes, "fits_bytes",
						   (json_int_t)usable(f->free_bytes, f->size_bytes),
						   "fits_files",
						   (json_int_t)usable(f->free_inodes, f->inodes)));
	}
	return a;
}

static int print_json(FILE *out, const struct plan *p, struct err *e)
{
	const struct target *t = p->t;
	json_t *o = json_pack(
		"{s:i, s:s, s:s, s:o, s:s, s:o, s:O, s:o, s:o, s:s, s:{s:I, s:I}}", "version", 1,
		"state", job_state_name(p->record.state), "token", t->token, "token_disk",
		json_text(t->scan.disks[t->boot_disk].path), "address", p->address, "provisional",
		json_boolean(json_is_true(json_object_get(p->identity, "provisional"))), "identity",
		p->identity, "filesystems", fits_json(t), "warnings", json_text_list(&p->warnings),
		"power_cut", power_cut(p), "trial", "minutes", (json_int_t)minutes_of(p),
		"back_minutes", (json_int_t)trial_back_minutes(minutes_of(p)));

	if (!o)
		return err_set(e, ERR_NOMEM, 0, "plan");
	return json_print(out, o) < 0 ? err_set(e, ERR_FILE, errno, "printing the plan") : 0;
}

/* ---- the commands -------------------------------------------------------------------------------- */

/* Opens the target for looking and makes sure of its identity. t is closed on failure. */
static int look(struct target *t, struct record *r, json_t **ret_identity, struct err *e)
{
	record_init(r);
	if (target_open(t, TARGET_LOOK, e) < 0)
		return job_fail_open(e);
	if (job_load(t, r, e) < 0) {
		target_close(t);
		return job_fail(e, NULL);
	}
	if (identity_ensure(t, e) < 0 || identity_load(ret_identity, e) < 0) {
		job_fail(e, r);
		record_done(r);
		target_close(t);
		return -1;
	}
	job_show_state(r);
	return 0;
}

int job_plan(FILE *out, bool json, struct err *e)
{
	struct target t;
	struct plan p = { .t = &t };
	int rc;

	if (look(&t, &p.record, &p.identity, e) < 0)
		return -1;
	address_of_target(p.identity, p.address, sizeof(p.address));
	rc = collect_warnings(&p, e);
	if (rc == 0 && json)
		rc = print_json(out, &p, e);
	else if (rc == 0)
		print_text(out, &p);
	if (rc < 0)
		job_fail(e, &p.record);
	json_decref(p.identity);
	strlist_done(&p.warnings);
	record_done(&p.record);
	target_close(&t);
	return rc;
}

int job_identity(FILE *out, bool json, struct err *e)
{
	struct target t;
	struct record r;
	json_t *identity = NULL;
	int rc;

	if (look(&t, &r, &identity, e) < 0)
		return -1;
	rc = identity_print(out, json, identity, e);
	if (rc < 0)
		job_fail(e, &r);
	json_decref(identity);
	record_done(&r);
	target_close(&t);
	return rc;
}
