/* SPDX-License-Identifier: MIT */
/* The identity as the plain values that the rewriting is told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "job/esp.h"
#include "job/identity.h"
#include "job/machine.h"

#define LIST_MAX 64

/* A copy the facts may borrow; NULL stays NULL. *failed is set when memory ran out. */
static const char *keep(struct identity_facts *f, const char *s, bool *failed)
{
	if (!s || *failed)
		return NULL;
	if (strlist_add(&f->strings, s) < 0) {
		*failed = true;
		return NULL;
	}
	return f->strings.items[f->strings.count - 1];
}

static void add_fs(struct identity_facts *f, const struct volume *v, const char *mount,
		   const char *options, bool *failed)
{
	if (f->facts.fs_count == ARRAY_SIZE(f->fs))
		return;
	f->fs[f->facts.fs_count++] = (struct fact_fs){
		.mount = keep(f, mount, failed),
		.device = keep(f, v->path, failed),
		.type = keep(f, v->type ? v->type : "", failed),
		.uuid = keep(f, v->uuid ? v->uuid : "", failed),
		.options = keep(f, options, failed),
		.stack = keep(f, v->stack, failed),
	};
}

static void add_filesystems(struct identity_facts *f, const struct target *t, bool *failed)
{
	const struct volume *esp = t->is_uefi ? esp_find(t) : NULL;
	unsigned i;

	for (i = 0; i < t->fs_count; i++)
		add_fs(f, t->fs[i].volume, t->fs[i].mount, t->fs[i].options, failed);
	for (i = 0; i < t->other_count; i++) {
		add_fs(f, t->others[i].volume, t->others[i].mount, t->others[i].options, failed);
		if (t->others[i].volume == esp)
			esp = NULL;
	}
	if (esp) /* the old system found it by its type, the clone's grub-install wants a line */
		add_fs(f, esp, "/boot/efi", "umask=0077", failed);
	for (i = 0; i < t->swap_count; i++)
		add_fs(f, t->swaps[i], "none", NULL, failed);
	f->facts.filesystems = f->fs;
}

static void add_links(struct identity_facts *f, const json_t *identity, bool *failed)
{
	const json_t *list = json_object_get(identity, "links");
	size_t count = json_array_size(list), i;

	if (count > LIST_MAX)
		count = LIST_MAX;
	f->links = calloc(count ? count : 1, sizeof(*f->links));
	if (!f->links) {
		*failed = true;
		return;
	}
	for (i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);

#define TEXT(key) keep(f, json_string_value(json_object_get(o, key)), failed)
		f->links[i] = (struct fact_link){ .mac = TEXT("mac"),
						  .target_name = TEXT("name"),
						  .rescue_name = TEXT("rescue_name"),
						  .driver = TEXT("driver") };
#undef TEXT
	}
	f->facts.links = f->links;
	f->facts.link_count = (unsigned)count;
}

static const char **add_list(struct identity_facts *f, const struct strlist *from, bool *failed)
{
	const char **list = calloc(from->count + 1, sizeof(*list));
	size_t i;

	if (!list)
		*failed = true;
	for (i = 0; list && i < from->count; i++)
		list[i] = keep(f, from->items[i], failed);
	return list;
}

/* What it lies on, and all disks: which of them is below may change. */
static int add_stack_drivers(const struct root *sys, const struct target *t, const struct volume *v,
			     struct strlist *ret, struct err *e)
{
	char device[128];
	unsigned i;

	if (!strlist_has(ret, v->stack_module) && strlist_add(ret, v->stack_module) < 0)
		return err_set(e, ERR_NOMEM, 0, "drivers");
	for (i = 0; i < t->scan.disk_count; i++) {
		const char *name = strrchr(t->scan.disks[i].path, '/');

		if (t->scan.disks[i].is_removable)
			continue;
		snprintf(device, sizeof(device), "class/block/%.64s",
			 name ? name + 1 : t->scan.disks[i].path);
		if (machine_add_drivers(sys, device, ret, e) < 0)
			return -1;
	}
	return 0;
}

/* Drivers of the disks the clone boots from and of every card, from this very machine. */
static int find_drivers(const struct target *t, const struct identity_facts *f, struct strlist *ret,
			struct err *e)
{
	struct root sys cleanup_root = ROOT_INIT;
	char device[128];
	unsigned i;

	if (root_open(&sys, "/sys", e) < 0)
		return -1;
	for (i = 0; i < t->fs_count; i++) {
		const struct volume *v = t->fs[i].volume;
		const char *name = strrchr(v->path, '/');

		if (v->stack) {
			if (add_stack_drivers(&sys, t, v, ret, e) < 0)
				return -1;
			continue;
		}

		snprintf(device, sizeof(device), "class/block/%.64s", name ? name + 1 : v->path);
		if (machine_add_drivers(&sys, device, ret, e) < 0)
			return -1;
	}
	for (i = 0; i < f->facts.link_count; i++) {
		if (!f->links[i].rescue_name)
			continue;
		snprintf(device, sizeof(device), "class/net/%.64s", f->links[i].rescue_name);
		if (machine_add_drivers(&sys, device, ret, e) < 0)
			return -1;
	}
	return 0;
}

/* As the firmware says; one that says odd things is not worth a migration. */
static const char *vendor_of(const json_t *identity)
{
	const char *s = json_string_value(
		json_object_get(json_object_get(identity, "firmware"), "vendor"));

	return s && rewrite_is_vendor(s) ? s : NULL;
}

static int fill(struct identity_facts *f, const struct target *t, const json_t *identity,
		struct err *e)
{
	struct strlist drivers cleanup_strlist = STRLIST_INIT;
	struct strlist consoles cleanup_strlist = STRLIST_INIT;
	const struct disk *disk = &t->scan.disks[t->boot_disk];
	const json_t *list = json_object_get(identity, "consoles");
	char *by_id cleanup_free = disk_by_id(disk);
	bool failed = false;
	size_t i;

	add_filesystems(f, t, &failed);
	add_links(f, identity, &failed);
	if (!failed && find_drivers(t, f, &drivers, e) < 0)
		return -1;
	for (i = 0; i < json_array_size(list) && i < LIST_MAX; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		failed |= s && strlist_add(&consoles, s) < 0;
	}
	f->consoles = add_list(f, &consoles, &failed);
	f->drivers = add_list(f, &drivers, &failed);
	f->facts.consoles = f->consoles;
	f->facts.drivers = f->drivers;
	f->facts.target_files = &f->files;
	f->facts.target_hostname = keep(f, json_string_value(json_object_get(identity, "hostname")),
					&failed);
	f->facts.target_stack = keep(
		f,
		json_string_value(json_object_get(json_object_get(identity, "network"), "stack")),
		&failed);
	f->facts.vendor = keep(f, vendor_of(identity), &failed);
	f->facts.boot_disk = keep(f, disk->path, &failed);
	f->facts.boot_disk_by_id = keep(f, by_id, &failed);
	f->facts.uefi = t->is_uefi;
	f->facts.secure_boot = json_is_true(
		json_object_get(json_object_get(identity, "firmware"), "secure_boot"));
	f->facts.rehost_binary = "/proc/self/exe";
	return failed ? err_set(e, ERR_NOMEM, 0, "facts for the rewriting") : 0;
}

int identity_facts_make(struct identity_facts *ret, const struct target *t, struct err *e)
{
	json_t *identity = NULL;
	char path[256];
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->files = ROOT_INIT;
	if (identity_load(&identity, e) < 0)
		return -1;
	rc = root_open(&ret->files, run_path(path, sizeof(path), "identity/files"), e);
	if (rc == 0)
		rc = fill(ret, t, identity, e);
	json_decref(identity);
	if (rc < 0)
		identity_facts_done(ret);
	return rc;
}

void identity_facts_done(struct identity_facts *f)
{
	root_close(&f->files);
	strlist_done(&f->strings);
	free(f->links);
	free(f->consoles);
	free(f->drivers);
	f->links = NULL;
	f->consoles = f->drivers = NULL;
}
