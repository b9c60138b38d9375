/* SPDX-License-Identifier: MIT */
#include "job/device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/run.h"
#include "disk/image.h"
#include "job/view.h"

struct look {
	const char *path, *root_uuid;
	int (*fn)(const struct root *tree, json_t *device, void *arg, struct err *e);
	void *arg;
};

static const char *mount_of(const struct target *t, const struct volume *v)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++)
		if (t->fs[i].volume == v)
			return t->fs[i].mount;
	return NULL;
}

static json_t *volume_json(const struct target *t, const struct volume *v)
{
	json_t *o = json_object();

	json_object_set_new(o, "number", json_integer(v->partno));
	json_object_set_new(o, "start_bytes", json_integer((json_int_t)v->start_bytes));
	json_object_set_new(o, "size_bytes", json_integer((json_int_t)v->size_bytes));
	json_object_set_new(o, "part_type", json_text(v->part_type));
	json_object_set_new(o, "partuuid", json_text(v->partuuid));
	json_object_set_new(o, "type", json_text(v->type));
	json_object_set_new(o, "uuid", json_text(v->uuid));
	json_object_set_new(o, "label", json_text(v->label));
	json_object_set_new(o, "journal_dirty", json_boolean(v->is_journal_dirty));
	json_object_set_new(o, "mount", json_text(mount_of(t, v)));
	return o;
}

static json_t *device_json(const struct target *t)
{
	const struct disk *d = &t->scan.disks[0];
	json_t *o = json_object(), *volumes = json_array();
	unsigned i;

	for (i = 0; i < t->scan.volume_count; i++)
		json_array_append_new(volumes, volume_json(t, &t->scan.volumes[i]));
	json_object_set_new(o, "path", json_text(d->path));
	json_object_set_new(o, "table", json_text(d->table));
	json_object_set_new(o, "size_bytes", json_integer((json_int_t)d->size_bytes));
	json_object_set_new(o, "volumes", volumes);
	json_object_set_new(o, "notes", json_text_list(&t->notes));
	return o;
}

/*
 * A run folder of our own over the real one: a rescue that works on its target here, or another look, has other mounts. It goes
 * with the namespace.
 */
static int make_run_dir(const char *root_uuid, struct err *e)
{
	struct strbuf options cleanup_strbuf = STRBUF_INIT;
	char path[256];

	if (mkdirs(run_dir(), 0700, e) < 0)
		return -1;
	if (mount("rehost", run_dir(), "tmpfs", MS_NODEV | MS_NOSUID, "mode=0700,size=1m") < 0)
		return err_set(e, ERR_VIEW, errno, "%s", run_dir());
	if (!root_uuid)
		return 0;
	strbuf_addf(&options, "root=%s\n", root_uuid);
	return file_replace(run_path(path, sizeof(path), "options"), strbuf_str(&options),
			    options.len, 0600, e);
}

static int look_inside(void *arg, struct err *e)
{
	const struct look *l = arg;
	struct root tree cleanup_root = ROOT_INIT;
	struct target t = { .lock_fd = -1 };
	struct disk_image image;
	json_t *device;
	int rc;

	/* The path first: it may lie below what is mounted over. */
	if (disk_image_open(&image, l->path, e) < 0 || make_run_dir(l->root_uuid, e) < 0)
		return -1;
	t.scan = image.scan;
	rc = target_open_partial(&t, e);
	if (rc < 0 && e &&
	    (e->code == ERR_NO_ROOT || e->code == ERR_TWO_ROOTS || e->code == ERR_LVM ||
	     e->code == ERR_RAID || e->code == ERR_ENCRYPTED))
		e->code = ERR_DEVICE_ROOT;
	if (rc < 0 || view_enter(&t, VIEW_OLD, e) < 0 || root_open(&tree, VIEW_DIR, e) < 0)
		return -1;
	device = device_json(&t);
	rc = l->fn(&tree, device, l->arg, e);
	json_decref(device);
	return rc; /* the process ends, and with it mounts and loop devices */
}

int device_look(const char *path, const char *root_uuid,
		int (*fn)(const struct root *tree, json_t *device, void *arg, struct err *e),
		void *arg, struct err *e)
{
	struct look l = { .path = path, .root_uuid = root_uuid, .fn = fn, .arg = arg };
	bool was_there = access(run_dir(), F_OK) == 0;
	int rc = view_run_private(look_inside, &l, e);

	if (!was_there)
		rmdir(run_dir());
	return rc < 0 ? err_ctx(e, "looking into %s", path) : rc;
}
