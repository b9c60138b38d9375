/* SPDX-License-Identifier: MIT */
#include "rewrite/inspect.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/io.h"
#include "rewrite/family.h"
#include "rewrite/inspect_priv.h"
#include "rewrite/shellfile.h"

#define SMALL_FILE (256 * 1024)

/* Whether the tree holds /etc, /bin, and /etc/fstab or /etc/hosts (also when /bin is a link into /usr). */
static bool looks_like_root(const struct root *root)
{
	return root_is_dir(root, "/etc") && root_is_dir(root, "/bin") &&
	       (root_is_file(root, "/etc/fstab") || root_is_file(root, "/etc/hosts"));
}

static const char *machine_name(const unsigned char *head)
{
	static const struct {
		unsigned machine;
		unsigned char class, data;
		const char *name;
	} machines[] = {
		{ EM_X86_64, ELFCLASS64, ELFDATA2LSB, "amd64" },
		{ EM_386, ELFCLASS32, ELFDATA2LSB, "i386" },
		{ EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "arm64" },
		{ EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm" },
		{ EM_PPC64, ELFCLASS64, ELFDATA2LSB, "ppc64el" },
		{ EM_PPC64, ELFCLASS64, ELFDATA2MSB, "ppc64" },
		{ EM_S390, ELFCLASS64, ELFDATA2MSB, "s390x" },
		{ EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv64" },
	};
	bool big = head[EI_DATA] == ELFDATA2MSB;
	unsigned machine = head[big ? 19 : 18] | (unsigned)head[big ? 18 : 19] << 8;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == machine && machines[i].class == head[EI_CLASS] &&
		    machines[i].data == head[EI_DATA])
			return machines[i].name;
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

		if (!root_is_file(root, programs[i]))
			continue;
		fd = root_openat(root, programs[i], O_RDONLY | O_NONBLOCK, 0, NULL);
		if (fd < 0 || read_full(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
		    memcmp(head, ELFMAG, SELFMAG) != 0)
			continue;
		return machine_name(head);
	}
	return NULL;
}

static bool is_upstart(const struct root *root)
{
	return root_is_file(root, "/sbin/initctl") &&
	       (root_is_file(root, "/etc/init/rc.conf") ||
		root_is_file(root, "/etc/init/rc-sysinit.conf"));
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
	if (str_ends(link, "runit-init"))
		return "runit";
	if (is_upstart(root)) /* keeps an inittab for the default runlevel */
		return "upstart";
	if (root_read(root, "/etc/inittab", &inittab, SMALL_FILE, NULL) == 0) {
		if (strstr(strbuf_str(&inittab), "openrc"))
			return "openrc";
		if (str_ends(link, "busybox"))
			return "busybox";
		return root_exists(root, "/sbin/init") ? "sysvinit" : NULL;
	}
	return NULL;
}

/* The program together with its database: a program alone may have been installed for other trees. */
static const char *find_package_manager(const struct root *root)
{
	static const struct {
		const char *name, *program, *database[4];
	} managers[] = {
		{ "apt", "apt-get", { "/var/lib/dpkg/status" } },
		{ "dpkg", "dpkg", { "/var/lib/dpkg/status" } },
		{ "zypper", "zypper", { "/var/lib/rpm", "/usr/lib/sysimage/rpm" } },
		{ "dnf", "dnf", { "/var/lib/rpm", "/usr/lib/sysimage/rpm" } },
		{ "dnf", "dnf5", { "/var/lib/rpm", "/usr/lib/sysimage/rpm" } },
		{ "yum", "yum", { "/var/lib/rpm" } },
		{ "microdnf", "microdnf", { "/var/lib/rpm", "/usr/lib/sysimage/rpm" } },
		{ "tdnf", "tdnf", { "/var/lib/rpm", "/usr/lib/sysimage/rpm" } },
		{ "rpm", "rpm", { "/var/lib/rpm", "/usr/lib/sysimage/rpm" } },
		{ "pacman", "pacman", { "/var/lib/pacman/local" } },
		{ "portage", "emerge", { "/var/db/pkg" } },
		{ "apk", "apk", { "/lib/apk/db/installed", "/usr/lib/apk/db/installed" } },
		{ "xbps", "xbps-install", { "/var/db/xbps" } },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(managers); i++)
		if (inspect_has_program(root, managers[i].program) &&
		    inspect_first(root, managers[i].database))
			return managers[i].name;
	return NULL;
}

static bool is_link(const struct root *root, const char *path)
{
	struct stat st;

	return root_lstat(root, path, &st) == 0 && S_ISLNK(st.st_mode);
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

/* Families keep it in different files; the first is that of all with systemd. */
static char *find_hostname(const struct root *root)
{
	static const struct {
		const char *path, *variable;
	} files[] = { { "/etc/hostname", NULL },
		      { "/etc/HOSTNAME", NULL },		/* SUSE before systemd, Slackware */
		      { "/etc/sysconfig/network", "HOSTNAME" }, /* RHEL up to 6 */
		      { "/etc/conf.d/hostname", "hostname" } }; /* Gentoo */
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		struct shell_file f;
		struct shell_var *v;
		char *name = NULL;

		if (!files[i].variable) {
			name = read_word(root, files[i].path);
		} else if (root_read(root, files[i].path, &text, SMALL_FILE, NULL) == 0 &&
			   shell_file_parse(&f, strbuf_str(&text), text.len, NULL) == 0) {
			v = shell_file_find(&f, files[i].variable);
			name = v ? shell_var_decode(v) : NULL;
			shell_file_done(&f);
		}
		if (name && *name)
			return name;
		free(name);
	}
	return NULL;
}

bool inspect_has_program(const struct root *root, const char *name)
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
	struct grub_names grub;

	*ret = (struct inspection){ .is_linux_root = looks_like_root(root) };
	if (inspect_os(ret, root, e) < 0 || inspect_find_kernels(ret, root, e) < 0) {
		inspect_done(ret);
		return err_ctx(e, "inspecting the tree");
	}
	ret->architecture = copy_or_null(find_architecture(root));
	ret->init = copy_or_null(find_init(root));
	ret->package_manager = copy_or_null(find_package_manager(root));
	ret->is_usr_merged = is_link(root, "/bin") && is_link(root, "/sbin") &&
			     is_link(root, "/lib");
	ret->is_sbin_merged = is_link(root, "/usr/sbin");
	ret->hostname = find_hostname(root);
	ret->machine_id = read_word(root, "/etc/machine-id");
	ret->initramfs_tool = copy_or_null(inspect_initramfs_tool(root));
	family_find_grub(&grub, root);
	ret->has_grub_pc = grub.pc_dir != NULL;
	ret->has_grub_efi = grub.efi_dir != NULL;
	return 0;
}

void inspect_done(struct inspection *i)
{
	size_t n;

	for (n = 0; n < i->kernel_count; n++) {
		free(i->kernels[n].version);
		free(i->kernels[n].image);
		free(i->kernels[n].initramfs);
	}
	free(i->kernels);
	free(i->id);
	free(i->id_like);
	free(i->version_id);
	free(i->pretty_name);
	free(i->distribution);
	free(i->name);
	free(i->version);
	free(i->told_by);
	free(i->package_manager);
	free(i->family);
	free(i->architecture);
	free(i->init);
	free(i->hostname);
	free(i->machine_id);
	free(i->initramfs_tool);
	*i = (struct inspection){ 0 };
}

json_t *inspect_json(const struct inspection *i)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "id", i->id },
		{ "id_like", i->id_like },
		{ "version_id", i->version_id },
		{ "pretty_name", i->pretty_name },
		{ "distribution", i->distribution },
		{ "name", i->name },
		{ "version", i->version },
		{ "told_by", i->told_by },
		{ "family", i->family },
		{ "architecture", i->architecture },
		{ "init", i->init },
		{ "package_manager", i->package_manager },
		{ "hostname", i->hostname },
		{ "machine_id", i->machine_id },
	};
	json_t *o = json_object();
	size_t n;

	json_object_set_new(o, "is_linux_root", json_boolean(i->is_linux_root));
	for (n = 0; n < ARRAY_SIZE(texts); n++)
		json_object_set_new(o, texts[n].key, json_text(texts[n].value));
	json_object_set_new(o, "usr_merged", json_boolean(i->is_usr_merged));
	json_object_set_new(o, "sbin_merged", json_boolean(i->is_sbin_merged));
	return o;
}
