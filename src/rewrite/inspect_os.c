/* SPDX-License-Identifier: MIT */
/* Which distribution a tree is: os-release(5), else the release files that were there before it. */
#include <string.h>

#include "rewrite/inspect_priv.h"
#include "rewrite/shellfile.h"

#define SMALL_FILE (256 * 1024)

/* One row for each distribution that is known by name; docs/adding.md. */
static const struct distribution {
	const char *id; /* ID of os-release; a word of another's ID_LIKE counts as well */
	const char *name;
	const char *family;
	const char *
		release; /* the file with its exact version, where VERSION_ID has only the first number */
} distributions[] = {
	{ "debian", "Debian", "debian", "/etc/debian_version" },
	{ "ubuntu", "Ubuntu", "debian", NULL },
	{ "devuan", "Devuan", "debian", NULL },
	{ "raspbian", "Raspberry Pi OS", "debian", "/etc/debian_version" },
	{ "linuxmint", "Linux Mint", "debian", NULL },
	{ "kali", "Kali", "debian", NULL },
	{ "rhel", "Red Hat Enterprise Linux", "rhel", "/etc/redhat-release" },
	{ "centos", "CentOS", "rhel", "/etc/centos-release" },
	{ "rocky", "Rocky Linux", "rhel", "/etc/rocky-release" },
	{ "almalinux", "AlmaLinux", "rhel", "/etc/almalinux-release" },
	{ "ol", "Oracle Linux", "rhel", "/etc/oracle-release" },
	{ "fedora", "Fedora", "rhel", NULL },
	{ "amzn", "Amazon Linux", "rhel", NULL },
	{ "scientific", "Scientific Linux", "rhel", "/etc/redhat-release" },
	{ "cloudlinux", "CloudLinux", "rhel", "/etc/redhat-release" },
	{ "virtuozzo", "Virtuozzo Linux", "rhel", "/etc/redhat-release" },
	{ "eurolinux", "EuroLinux", "rhel", "/etc/redhat-release" },
	{ "miraclelinux", "MIRACLE LINUX", "rhel", "/etc/redhat-release" },
	{ "anolis", "Anolis OS", "rhel", NULL },
	{ "opencloudos", "OpenCloudOS", "rhel", NULL },
	{ "tencentos", "TencentOS", "rhel", NULL },
	{ "openEuler", "openEuler", "rhel", NULL },
	{ "opensuse-leap", "openSUSE Leap", "suse", NULL },
	{ "opensuse-tumbleweed", "openSUSE Tumbleweed", "suse", NULL },
	{ "opensuse-microos", "openSUSE MicroOS", "suse", NULL },
	{ "opensuse", "openSUSE", "suse", NULL },
	{ "sles", "SUSE Linux Enterprise Server", "suse", NULL },
	{ "sles_sap", "SUSE Linux Enterprise Server for SAP", "suse", NULL },
	{ "sled", "SUSE Linux Enterprise Desktop", "suse", NULL },
	{ "suse", "SUSE", "suse", NULL },
	{ "arch", "Arch Linux", "arch", NULL },
	{ "archarm", "Arch Linux ARM", "arch", NULL },
	{ "manjaro", "Manjaro", "arch", NULL },
	{ "artix", "Artix", "arch", NULL },
	{ "gentoo", "Gentoo", "gentoo", "/etc/gentoo-release" },
	{ "funtoo", "Funtoo", "gentoo", NULL },
	{ "alpine", "Alpine Linux", "alpine", "/etc/alpine-release" },
	{ "postmarketos", "postmarketOS", "alpine", NULL },
};

/*
 * Trees without os-release, in the order of libguestfs' tests: derived distributions ship the file of what they are derived
 * from, so theirs comes first. The text has to begin with the word; NULL: the file alone tells.
 */
static const struct release {
	const char *path, *begins, *id;
} releases[] = {
	{ "/etc/oracle-release", NULL, "ol" },
	{ "/etc/rocky-release", NULL, "rocky" },
	{ "/etc/almalinux-release", NULL, "almalinux" },
	{ "/etc/centos-release", NULL, "centos" },
	{ "/etc/fedora-release", NULL, "fedora" },
	{ "/etc/redhat-release", "CentOS", "centos" },
	{ "/etc/redhat-release", "Fedora", "fedora" },
	{ "/etc/redhat-release", "Rocky", "rocky" },
	{ "/etc/redhat-release", "AlmaLinux", "almalinux" },
	{ "/etc/redhat-release", "Scientific", "scientific" },
	{ "/etc/redhat-release", "CloudLinux", "cloudlinux" },
	{ "/etc/redhat-release", NULL, "rhel" },
	{ "/etc/system-release", "Amazon Linux", "amzn" },
	{ "/etc/arch-release", NULL, "arch" },
	{ "/etc/gentoo-release", NULL, "gentoo" },
	{ "/etc/SuSE-release", "SUSE Linux Enterprise Server", "sles" },
	{ "/etc/SuSE-release", "SUSE Linux Enterprise Desktop", "sled" },
	{ "/etc/SuSE-release", NULL, "opensuse" },
	{ "/etc/alpine-release", NULL, "alpine" },
	{ "/etc/debian_version", NULL, "debian" },
};

static const struct distribution *find_row(const char *id, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(distributions); i++)
		if (strlen(distributions[i].id) == len &&
		    strncasecmp(distributions[i].id, id, len) == 0)
			return &distributions[i];
	return NULL;
}

/* ID_LIKE: the closest comes first. */
static const struct distribution *find_like(const char *words)
{
	const struct distribution *d = NULL;

	while (words && *words && !d) {
		size_t n;

		words += strspn(words, " ");
		n = strcspn(words, " ");
		d = find_row(words, n);
		words += n;
	}
	return d;
}

int inspect_os_release(struct inspection *ret, const char *text, size_t len, struct err *e)
{
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

	if (shell_file_parse(&f, text, len, &local) < 0) /* damaged: unknown */
		return local.code == ERR_NOMEM ? err_set(e, ERR_NOMEM, 0, "os-release") : 0;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		struct shell_var *v = shell_file_find(&f, keys[i].name);

		if (v)
			*keys[i].to = shell_var_decode(v);
	}
	shell_file_done(&f);
	return 0;
}

static char *copy_run(const char *s)
{
	size_t n = strspn(s, "0123456789.");

	while (n && s[n - 1] == '.')
		n--;
	return n ? strndup(s, n) : NULL;
}

char *inspect_release_version(const char *text)
{
	const char *s = strstr(text, "release "), *level = strstr(text, "PATCHLEVEL = ");
	char *version, *patch cleanup_free = NULL;
	struct strbuf b = STRBUF_INIT;

	if (s)
		return copy_run(s + strlen("release "));
	s = strstr(text, "VERSION = "); /* SuSE-release */
	version = copy_run(s ? s + strlen("VERSION = ") : text);
	patch = level ? copy_run(level + strlen("PATCHLEVEL = ")) : NULL;
	if (!version || !patch || strcmp(patch, "0") == 0)
		return version;
	strbuf_addf(&b, "%s.%s", version, patch);
	free(version);
	return strbuf_take(&b);
}

/* VERSION_ID, or what a release file says in more detail: "7" and "7.9.2009" are the same version, "12" and "13.1" are not. */
static void find_version(struct inspection *ret, const struct root *root, const char *path)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char *exact cleanup_free = NULL;
	size_t len = ret->version_id ? strlen(ret->version_id) : 0;

	if (path && root_read(root, path, &text, SMALL_FILE, NULL) == 0)
		exact = inspect_release_version(strbuf_str(&text));
	if (exact && len && (strncmp(exact, ret->version_id, len) != 0 || exact[len] != '.')) {
		free(exact);
		exact = NULL;
	}
	if (exact || ret->version_id)
		ret->version = strdup(exact ? exact : ret->version_id);
}

static int name_it(struct inspection *ret, const struct distribution *d, const char *id,
		   const char *told_by)
{
	ret->distribution = strdup(id);
	ret->told_by = strdup(told_by);
	if (d)
		ret->family = strdup(d->family);
	return ret->distribution && ret->told_by && (!d || ret->family) ? 0 : -1;
}

/* lsb-release is a file of other programs as well: only Ubuntu before 12.10 is told by nothing else. */
static int take_lsb(struct inspection *ret, const struct root *root)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct shell_file f;
	struct shell_var *id, *version;
	int rc = 0;

	if (root_read(root, "/etc/lsb-release", &text, SMALL_FILE, NULL) < 0 ||
	    shell_file_parse(&f, strbuf_str(&text), text.len, NULL) < 0)
		return 0;
	id = shell_file_find(&f, "DISTRIB_ID");
	version = shell_file_find(&f, "DISTRIB_RELEASE");
	if (id && strcmp(id->raw, "Ubuntu") == 0) {
		rc = name_it(ret, find_row("ubuntu", 6), "ubuntu", "/etc/lsb-release");
		ret->version = version ? shell_var_decode(version) : NULL;
	}
	shell_file_done(&f);
	return rc;
}

static int take_release(struct inspection *ret, const struct root *root)
{
	size_t i;

	if (take_lsb(ret, root) < 0 || ret->distribution)
		return ret->distribution ? 0 : -1;
	for (i = 0; i < ARRAY_SIZE(releases); i++) {
		const struct release *r = &releases[i];
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		if (!root_is_file(root, r->path) ||
		    root_read(root, r->path, &text, SMALL_FILE, NULL) < 0 ||
		    (r->begins && !str_starts(strbuf_str(&text), r->begins)))
			continue;
		ret->version = inspect_release_version(strbuf_str(&text));
		return name_it(ret, find_row(r->id, strlen(r->id)), r->id, r->path);
	}
	return 0;
}

int inspect_os(struct inspection *ret, const struct root *root, struct err *e)
{
	static const char *const places[] = { "/etc/os-release", "/usr/lib/os-release" };
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	const struct distribution *d = NULL;
	const char *told_by = NULL;
	size_t i;
	int rc = 0;

	/* The one in /etc is used alone when it is there (os-release(5)). */
	for (i = 0; i < ARRAY_SIZE(places) && !told_by; i++) {
		strbuf_done(&text);
		if (root_read(root, places[i], &text, SMALL_FILE, NULL) == 0)
			told_by = places[i];
	}
	if (told_by && inspect_os_release(ret, strbuf_str(&text), text.len, e) < 0)
		return -1;
	if (!ret->id) {
		rc = take_release(ret, root);
	} else {
		d = find_row(ret->id, strlen(ret->id));
		find_version(ret, root, d ? d->release : NULL);
		rc = name_it(ret, d ? d : find_like(ret->id_like), ret->id, told_by);
	}
	if (ret->distribution && (d = find_row(ret->distribution, strlen(ret->distribution))))
		ret->name = strdup(d->name);
	return rc < 0 ? err_set(e, ERR_NOMEM, 0, "the distribution") : 0;
}
