/* SPDX-License-Identifier: MIT */
/* Kernels by the names that the families give them, their initramfs, and the programs that make these. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/io.h"
#include "rewrite/inspect_priv.h"

/* What kernels are called; the version or a flavour follows. */
static const char *const prefixes[] = { "vmlinuz-", "kernel-" /* genkernel */, "vmlinux-",
					"bzImage-", "Image-" /* SUSE, arm64 */ };

/* How their initramfs is called. */
static const struct {
	const char *before, *after;
} initramfs_names[] = {
	{ "initrd.img-", "" },	  /* Debian */
	{ "initramfs-", ".img" }, /* RHEL from 6, Arch */
	{ "initrd-", "" },	  /* SUSE */
	{ "initrd-", ".img" },	  /* RHEL 5 */
	{ "initramfs-", "" },	  /* Alpine, Gentoo */
	{ "initramfs-genkernel-x86_64-", "" },
	{ "booster-", ".img" },
};

static const struct {
	const char *name, *program, *second;
	const char *configuration[6];
} tools[] = {
	{ "initramfs-tools",
	  "update-initramfs",
	  "mkinitramfs",
	  { "/etc/initramfs-tools/initramfs.conf", "/etc/initramfs-tools/modules",
	    "/etc/initramfs-tools/conf.d/resume" } },
	{ "dracut", "dracut", NULL, { "/etc/dracut.conf" } },
	{ "mkinitcpio", "mkinitcpio", NULL, { "/etc/mkinitcpio.conf" } },
	{ "mkinitfs", "mkinitfs", NULL, { "/etc/mkinitfs/mkinitfs.conf" } },
	{ "booster", "booster", NULL, { "/etc/booster.yaml" } },
	{ "genkernel", "genkernel", NULL, { "/etc/genkernel.conf" } },
	{ "ugrd", "ugrd", NULL, { "/etc/ugrd/config.toml" } },
	{ "tinyramfs", "tinyramfs", NULL, { "/etc/tinyramfs/config" } },
	{ "make-initrd", "make-initrd", NULL, { "/etc/initrd.mk" } }, /* ALT */
	/* RHEL 5, SUSE up to 11; where dracut is there it is a wrapper of that */
	{ "mkinitrd", "mkinitrd", NULL, { "/etc/sysconfig/kernel", "/etc/modprobe.conf" } },
};

static bool has_tool(const struct root *root, size_t i)
{
	return inspect_has_program(root, tools[i].program) &&
	       (!tools[i].second || inspect_has_program(root, tools[i].second));
}

const char *inspect_initramfs_tool(const struct root *root)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tools); i++)
		if (has_tool(root, i))
			return tools[i].name;
	return NULL;
}

json_t *inspect_initramfs(struct inspect_look *l)
{
	json_t *o = json_object(), *installed = json_array(), *files = json_array();
	struct strlist snippets cleanup_strlist = STRLIST_INIT;
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(tools); i++) {
		if (!has_tool(l->root, i))
			continue;
		json_array_append_new(installed, json_text(tools[i].name));
		for (n = 0; n < ARRAY_SIZE(tools[i].configuration); n++)
			if (tools[i].configuration[n] &&
			    root_is_file(l->root, tools[i].configuration[n]))
				json_array_append_new(files, json_text(tools[i].configuration[n]));
	}
	inspect_glob(l->root, "/etc/dracut.conf.d", "*.conf", &snippets);
	inspect_glob(l->root, "/etc/mkinitcpio.conf.d", "*.conf", &snippets);
	inspect_glob(l->root, "/etc/mkinitcpio.d", "*.preset", &snippets);
	for (i = 0; i < snippets.count; i++)
		json_array_append_new(files, json_text(snippets.items[i]));
	json_object_set_new(o, "tool", json_text(l->tree.initramfs_tool));
	json_object_set_new(o, "installed", installed);
	json_object_set_new(o, "files", files);
	return o;
}

/*
 * The version inside a kernel for x86: Documentation/arch/x86/boot.rst, kernel_version, a pointer to "6.1.0-18-amd64 (...)".
 * For those whose name is not their version: vmlinuz-linux, vmlinuz-lts.
 */
static char *read_version(const struct root *root, const char *path)
{
	int fd cleanup_fd = root_openat(root, path, O_RDONLY | O_NONBLOCK, 0, NULL);
	unsigned char head[0x210];
	char text[128] = "";
	unsigned at;

	if (fd < 0 || pread_full(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head + 0x202, "HdrS", 4) != 0)
		return NULL;
	at = (head[0x20e] | (unsigned)head[0x20f] << 8) + 0x200;
	if (at == 0x200 || pread_full(fd, text, sizeof(text) - 1, at) <= 0)
		return NULL;
	text[strcspn(text, " \n")] = '\0';
	return text[0] ? strdup(text) : NULL;
}

static const char *modules_of(const struct root *root, const char *version, char *buf, size_t size)
{
	snprintf(buf, size, "/lib/modules/%s", version);
	return !strchr(version, '/') && *version && root_is_dir(root, buf) ? buf : NULL;
}

static const char *find_initramfs(const struct root *root, const char *suffix, char *buf,
				  size_t size)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(initramfs_names); i++) {
		snprintf(buf, size, "/boot/%s%s%s", initramfs_names[i].before, suffix,
			 initramfs_names[i].after);
		if (root_is_file(root, buf))
			return buf;
	}
	return NULL;
}

static void add_kernel(struct inspect_look *l, json_t *list, const char *version, const char *image,
		       const char *initramfs)
{
	char path[PATH_MAX];
	json_t *o = json_object();

	json_object_set_new(o, "version", json_text(version));
	json_object_set_new(o, "image", json_text(image));
	json_object_set_new(o, "initramfs", json_text(initramfs));
	json_object_set_new(o, "modules",
			    json_text(version ? modules_of(l->root, version, path, sizeof(path))
					      : NULL));
	json_object_set_new(o, "rescue", json_boolean(image && strstr(image, "-0-rescue-")));
	json_array_append_new(list, o);
}

static void add_named(struct inspect_look *l, json_t *list, const char *prefix)
{
	struct strlist images cleanup_strlist = STRLIST_INIT;
	char pattern[64], initramfs[PATH_MAX], modules[PATH_MAX];
	struct stat st;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%s?*", prefix);
	inspect_glob(l->root, "/boot", pattern, &images);
	for (i = 0; i < images.count && json_array_size(list) < INSPECT_ITEMS_MAX; i++) {
		const char *suffix = strrchr(images.items[i], '/') + 1 + strlen(prefix);
		char *inside cleanup_free = NULL;

		/* a link beside what it leads to is the same kernel; ".old" and ".hmac" are none */
		if (!root_is_file(l->root, images.items[i]) ||
		    (root_lstat(l->root, images.items[i], &st) == 0 && S_ISLNK(st.st_mode) &&
		     !modules_of(l->root, suffix, modules, sizeof(modules))) ||
		    str_ends(suffix, ".hmac") || str_ends(suffix, ".gz"))
			continue;
		if (!modules_of(l->root, suffix, modules, sizeof(modules)))
			inside = read_version(l->root, images.items[i]);
		add_kernel(l, list, inside ? inside : suffix, images.items[i],
			   find_initramfs(l->root, suffix, initramfs, sizeof(initramfs)));
	}
}

static bool has_version(const json_t *list, const char *version)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		const char *other = json_string_value(json_object_get(o, "version"));

		if (other && strcmp(other, version) == 0)
			return true;
	}
	return false;
}

/* Fedora, SUSE and Arch keep the kernel with its modules; what boots is a copy of it or a unified image. */
static void add_of_modules(struct inspect_look *l, json_t *list)
{
	struct strlist dirs cleanup_strlist = STRLIST_INIT;
	char image[PATH_MAX];
	size_t i;

	inspect_glob(l->root, "/lib/modules", "*", &dirs);
	for (i = 0; i < dirs.count && json_array_size(list) < INSPECT_ITEMS_MAX; i++) {
		const char *version = strrchr(dirs.items[i], '/') + 1;

		snprintf(image, sizeof(image), "/usr/lib/modules/%s/vmlinuz", version);
		if (!has_version(list, version) && root_is_file(l->root, image))
			add_kernel(l, list, version, image, NULL);
	}
}

json_t *inspect_kernels(struct inspect_look *l)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		add_named(l, list, prefixes[i]);
	add_of_modules(l, list);
	return list;
}

/* ---- kernels that can be started ---- */

char *inspect_kernel_version(const struct root *root, const char *image)
{
	const char *base = strrchr(image, '/'), *dash;
	char path[PATH_MAX];
	char *inside;

	base = base ? base + 1 : image;
	dash = strchr(base, '-');
	if (dash && modules_of(root, dash + 1, path, sizeof(path)))
		return strdup(dash + 1);
	inside = read_version(root, image);
	if (inside && modules_of(root, inside, path, sizeof(path)))
		return inside;
	free(inside);
	return NULL;
}

static int compare_versions(const void *a, const void *b)
{
	return strverscmp(((const struct inspect_kernel *)a)->version,
			  ((const struct inspect_kernel *)b)->version);
}

static bool is_listed(const struct inspection *t, const char *version)
{
	size_t i;

	for (i = 0; i < t->kernel_count; i++)
		if (strcmp(t->kernels[i].version, version) == 0)
			return true;
	return false;
}

/* version is taken over. */
static int add_startable(struct inspection *ret, const struct root *root, char *version,
			 const char *image, const char *suffix)
{
	struct inspect_kernel *grown, *k;
	char path[PATH_MAX];
	const char *initramfs = find_initramfs(root, suffix, path, sizeof(path));

	grown = realloc(ret->kernels, (ret->kernel_count + 1) * sizeof(*grown));
	if (!grown) {
		free(version);
		return -1;
	}
	ret->kernels = grown;
	k = &grown[ret->kernel_count++];
	*k = (struct inspect_kernel){ .version = version,
				      .image = strdup(image),
				      .initramfs = initramfs ? strdup(initramfs) : NULL };
	return k->image && (!initramfs || k->initramfs) ? 0 : -1;
}

/* What GRUB's 10_linux takes for a kernel, without the images of rescue entries and copies of others. */
static int take_startable(struct inspection *ret, const struct root *root, const char *name)
{
	static const char *const names[] = { "vmlinuz-", "kernel-" };
	char image[PATH_MAX];
	const char *suffix;
	char *version;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names) && !str_starts(name, names[i]); i++)
		;
	if (i == ARRAY_SIZE(names) || strstr(name, "-0-rescue-") || str_ends(name, ".old"))
		return 0;
	suffix = name + strlen(names[i]);
	snprintf(image, sizeof(image), "/boot/%s", name);
	if (!*suffix || !root_is_file(root, image))
		return 0;
	version = inspect_kernel_version(root, image);
	if (version && is_listed(ret, version)) {
		free(version);
		version = NULL;
	}
	return version ? add_startable(ret, root, version, image, suffix) : 0;
}

int inspect_find_kernels(struct inspection *ret, const struct root *root, struct err *e)
{
	struct strlist found cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_dir(root, "/boot"))
		return 0;
	if (root_list(root, "/boot", &found, e) < 0)
		return -1;
	for (i = 0; i < found.count; i++)
		if (take_startable(ret, root, found.items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "listing kernels");
	if (ret->kernel_count > 1)
		qsort(ret->kernels, ret->kernel_count, sizeof(*ret->kernels), compare_versions);
	return 0;
}
