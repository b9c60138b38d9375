/* SPDX-License-Identifier: MIT */
#include "rewrite/inspect.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/io.h"
#include "rewrite/shellfile.h"

#define SMALL_FILE (256 * 1024)

/* Whether the tree holds /etc, /bin, and /etc/fstab or /etc/hosts (also when /bin is a link into /usr). */
static bool looks_like_root(const struct root *root)
{
	return root_is_dir(root, "/etc") && root_is_dir(root, "/bin") &&
	       (root_is_file(root, "/etc/fstab") || root_is_file(root, "/etc/hosts"));
}

static int read_os_release(struct inspection *ret, const struct root *root, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct err local = ERR_INIT;
	struct shell_file f;
	const struct {
		const char *name;
		char **to;
	} keys[] = { { "ID", &ret->id },
		     { "ID_LIKE", &ret->id_like },
		     { "VERSION_ID", &ret->version_id },
		     { "PRETTY_NAME", &ret->pretty_name } };
	size_t i;

	/* The one in /etc is used alone when it is there (os-release(5)). */
	if (root_read(root, "/etc/os-release", &text, SMALL_FILE, NULL) < 0) {
		strbuf_done(&text);
		if (root_read(root, "/usr/lib/os-release", &text, SMALL_FILE, NULL) < 0)
			return 0;
	}
	if (shell_file_parse(&f, strbuf_str(&text), text.len, &local) < 0) /* damaged: unknown */
		return local.code == ERR_NOMEM ? err_set(e, ERR_NOMEM, 0, "os-release") : 0;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		struct shell_var *v = shell_file_find(&f, keys[i].name);

		if (v)
			*keys[i].to = shell_var_decode(v);
	}
	shell_file_done(&f);
	return 0;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (words && *words) {
		size_t n;

		words += strspn(words, " ");
		n = strcspn(words, " ");
		if (n == len && memcmp(words, word, len) == 0)
			return true;
		words += n;
	}
	return false;
}

static const char *find_family(const struct inspection *i, const struct root *root)
{
	static const struct {
		const char *id, *family;
	} ids[] = {
		{ "debian", "debian" },	  { "ubuntu", "debian" }, { "devuan", "debian" },
		{ "raspbian", "debian" }, { "rhel", "rhel" },	  { "fedora", "rhel" },
		{ "centos", "rhel" },	  { "amzn", "rhel" },	  { "suse", "suse" },
		{ "opensuse", "suse" },	  { "sles", "suse" },	  { "arch", "arch" },
		{ "gentoo", "gentoo" },	  { "alpine", "alpine" },
	};
	static const struct {
		const char *path, *family;
	} files[] = {
		{ "/etc/redhat-release", "rhel" },   { "/etc/debian_version", "debian" },
		{ "/etc/arch-release", "arch" },     { "/etc/gentoo-release", "gentoo" },
		{ "/etc/alpine-release", "alpine" }, { "/etc/SuSE-release", "suse" },
	};
	size_t n;

	for (n = 0; n < ARRAY_SIZE(ids); n++)
		if (has_word(i->id, ids[n].id))
			return ids[n].family;
	for (n = 0; n < ARRAY_SIZE(ids); n++)
		if (has_word(i->id_like, ids[n].id))
			return ids[n].family;
	if (!i->id)
		for (n = 0; n < ARRAY_SIZE(files); n++)
			if (root_is_file(root, files[n].path))
				return files[n].family;
	return NULL;
}

/* From the ELF header of the first program that is there. */
static const char *find_architecture(const struct root *root)
{
	static const char *const programs[] = { "/bin/bash", "/bin/ls", "/bin/echo", "/bin/rm",
						"/bin/sh" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		int fd cleanup_fd = -1;
		unsigned char head[20];
		unsigned machine;

		if (!root_is_file(root, programs[i]))
			continue;
		fd = root_openat(root, programs[i], O_RDONLY | O_NONBLOCK, 0, NULL);
		if (fd < 0 || read_full(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
		    memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_DATA] != ELFDATA2LSB)
			continue;
		machine = head[18] | (unsigned)head[19] << 8;
		if (machine == EM_X86_64)
			return head[EI_CLASS] == ELFCLASS64 ? "amd64" : NULL;
		return machine == EM_386 ? "i386" : machine == EM_AARCH64 ? "arm64" : NULL;
	}
	return NULL;
}

static const char *find_init(const struct root *root)
{
	struct strbuf inittab cleanup_strbuf = STRBUF_INIT;
	char link[PATH_MAX] = "";

	if (root_readlink(root, "/sbin/init", link, sizeof(link)) < 0)
		link[0] = '\0';
	if (str_ends(link, "/systemd") || strcmp(link, "systemd") == 0)
		return "systemd";
	if (str_ends(link, "openrc-init"))
		return "openrc";
	if (root_read(root, "/etc/inittab", &inittab, SMALL_FILE, NULL) == 0) {
		if (strstr(strbuf_str(&inittab), "openrc"))
			return "openrc";
		return root_exists(root, "/sbin/init") ? "sysvinit" : NULL;
	}
	return NULL;
}

/* The first line of a small file that is neither empty nor a comment, without surrounding blanks. */
static char *read_word(const struct root *root, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const char *s;

	if (root_read(root, path, &text, SMALL_FILE, NULL) < 0)
		return NULL;
	s = strbuf_str(&text);
	for (;;) {
		size_t len;

		s += strspn(s, " \t\r\n");
		len = strcspn(s, " \t\r\n");
		if (!len)
			return NULL;
		if (*s != '#')
			return strndup(s, len);
		s += strcspn(s, "\n");
	}
}

static int compare_versions(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int find_kernels(struct inspection *ret, const struct root *root, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (!root_is_dir(root, "/boot"))
		return 0;
	if (root_list(root, "/boot", &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		const char *version = names.items[i] + strlen("vmlinuz-");

		if (!str_starts(names.items[i], "vmlinuz-") || !*version)
			continue;
		snprintf(path, sizeof(path), "/lib/modules/%s", version);
		if (!root_is_dir(root, path))
			continue;
		snprintf(path, sizeof(path), "/boot/%s", names.items[i]);
		if (root_is_file(root, path) && strlist_add(&ret->kernels, version) < 0)
			return err_set(e, ERR_NOMEM, 0, "listing kernels");
	}
	if (ret->kernels.count > 1)
		qsort(ret->kernels.items, ret->kernels.count, sizeof(*ret->kernels.items),
		      compare_versions);
	return 0;
}

static bool has_program(const struct root *root, const char *name)
{
	static const char *const dirs[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (root_is_file(root, path))
			return true;
	}
	return false;
}

static char *copy_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

unsigned inspect_systemd_version(const struct root *root)
{
	static const char *const dirs[] = { "/usr/lib/systemd", "/lib/systemd",
					    "/usr/lib/x86_64-linux-gnu/systemd",
					    "/usr/lib/i386-linux-gnu/systemd" };
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (!root_is_dir(root, dirs[i]) || root_list(root, dirs[i], &names, NULL) < 0)
			continue;
		for (n = 0; n < names.count; n++) {
			char digits[8] = "";
			uint32_t v;

			if (!str_starts(names.items[n], "libsystemd-shared-"))
				continue;
			snprintf(digits, sizeof(digits), "%.*s",
				 (int)strspn(names.items[n] + 18, "0123456789") % 8,
				 names.items[n] + 18);
			if (parse_u32(digits, &v) == 0)
				return v;
		}
	}
	return 0;
}

int inspect_tree(struct inspection *ret, const struct root *root, struct err *e)
{
	*ret = (struct inspection){ .is_linux_root = looks_like_root(root) };
	if (read_os_release(ret, root, e) < 0 || find_kernels(ret, root, e) < 0) {
		inspect_done(ret);
		return err_ctx(e, "inspecting the tree");
	}
	ret->family = copy_or_null(find_family(ret, root));
	ret->architecture = copy_or_null(find_architecture(root));
	ret->init = copy_or_null(find_init(root));
	ret->hostname = read_word(root, "/etc/hostname");
	ret->machine_id = read_word(root, "/etc/machine-id");
	ret->initramfs_tool = copy_or_null(has_program(root, "update-initramfs") &&
							   has_program(root, "mkinitramfs")
						   ? "initramfs-tools"
					   : has_program(root, "dracut") ? "dracut"
									 : NULL);
	ret->has_grub_pc = root_is_file(root, "/usr/lib/grub/i386-pc/boot.img") &&
			   root_is_file(root, "/usr/lib/grub/i386-pc/kernel.img");
	ret->has_grub_efi = root_is_file(root, "/usr/lib/grub/x86_64-efi/kernel.img");
	return 0;
}

void inspect_done(struct inspection *i)
{
	free(i->id);
	free(i->id_like);
	free(i->version_id);
	free(i->pretty_name);
	free(i->family);
	free(i->architecture);
	free(i->init);
	free(i->hostname);
	free(i->machine_id);
	free(i->initramfs_tool);
	strlist_done(&i->kernels);
	*i = (struct inspection){ 0 };
}

json_t *inspect_json(const struct inspection *i)
{
	json_t *o = json_object(), *kernels = json_array();
	size_t n;

	for (n = 0; n < i->kernels.count; n++)
		json_array_append_new(kernels, json_text(i->kernels.items[n]));
	json_object_set_new(o, "is_linux_root", json_boolean(i->is_linux_root));
	json_object_set_new(o, "id", json_text(i->id));
	json_object_set_new(o, "id_like", json_text(i->id_like));
	json_object_set_new(o, "version_id", json_text(i->version_id));
	json_object_set_new(o, "pretty_name", json_text(i->pretty_name));
	json_object_set_new(o, "family", json_text(i->family));
	json_object_set_new(o, "architecture", json_text(i->architecture));
	json_object_set_new(o, "init", json_text(i->init));
	json_object_set_new(o, "hostname", json_text(i->hostname));
	json_object_set_new(o, "machine_id", json_text(i->machine_id));
	json_object_set_new(o, "kernels", kernels);
	json_object_set_new(o, "initramfs_tool", json_text(i->initramfs_tool));
	json_object_set_new(o, "has_grub_pc", json_boolean(i->has_grub_pc));
	json_object_set_new(o, "has_grub_efi", json_boolean(i->has_grub_efi));
	return o;
}
