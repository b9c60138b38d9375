/* SPDX-License-Identifier: MIT */
/* Which NetworkManager a tree has. */
#include <limits.h>
#include <stdio.h>

#include "rewrite/net_nm_priv.h"

/* Plugins lie in a folder named by the version, those of old ones beside it. */
static const char *const places[] = { "/usr/lib/NetworkManager", "/usr/lib64/NetworkManager",
				      "/usr/lib/x86_64-linux-gnu/NetworkManager",
				      "/usr/lib/aarch64-linux-gnu/NetworkManager" };

static unsigned version_in(const struct root *root, const char *dir)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_dir(root, dir) || root_list(root, dir, &names, NULL) < 0)
		return 0;
	for (i = 0; i < names.count; i++) {
		unsigned major, minor;

		if (sscanf(names.items[i], "%3u.%3u", &major, &minor) == 2 && major > 0)
			return major * 1000 + minor;
	}
	return 0;
}

unsigned nm_version(const struct root *root)
{
	unsigned found = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places) && !found; i++)
		found = version_in(root, places[i]);
	return found;
}

bool nm_knows_onlink(unsigned version)
{
	return version >= 1042;
}

bool nm_has_plugin(const struct root *root, const char *name)
{
	char path[PATH_MAX];
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		if (root_is_file(root, path))
			return true;
		if (!root_is_dir(root, places[i]) || root_list(root, places[i], &names, NULL) < 0)
			continue;
		for (n = 0; n < names.count; n++) {
			snprintf(path, sizeof(path), "%s/%.255s/%s", places[i], names.items[n],
				 name);
			if (root_is_file(root, path))
				return true;
		}
	}
	return false;
}
