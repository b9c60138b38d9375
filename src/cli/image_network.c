/* SPDX-License-Identifier: MIT */
#include "cli/image_network.h"

#include <string.h>

#include "init/cmdline.h"
#include "init/netconf.h"

/* What netconf looks at; the rest of a command line passes it by. */
static bool is_network_word(const char *word)
{
	static const char *const names[] = { "ip=",	"nameserver=", "rd.route=", "rd.peerdns=",
					     "ifname=", "BOOTIF=",     "bootdev=",  "vlan=",
					     "bond=",	"bridge=" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(word, names[i]))
			return true;
	return false;
}

int image_add_network(struct image_content *content, const char *text, struct err *e)
{
	cleanup_strlist struct strlist words = STRLIST_INIT;
	cleanup_strlist struct strlist whole = STRLIST_INIT;
	cleanup_strbuf struct strbuf line = STRBUF_INIT;
	struct net_conf conf;
	int rc = 0;

	if (strlist_split(&words, text, " ") < 0)
		return err_set(e, ERR_NOMEM, 0, "network");
	for (size_t i = 0; i < words.count; i++) {
		const char *w = words.items[i];
		bool named = w[strcspn(w, "=:[")] == '=';

		if (named && !is_network_word(w))
			return err_set(e, ERR_IMAGE_GIVEN, 0,
				       "network: %s is none of its words; others go with --cmdline",
				       w);
		strbuf_addf(&line, "%s%s%s", i ? " " : "", named ? "" : "ip=", w);
	}
	if (line.failed || cmdline_split(&whole, strbuf_str(&line)) < 0 ||
	    netconf_parse(&conf, &whole) < 0)
		return err_set(e, ERR_NOMEM, 0, "network");
	if (conf.ignored.count)
		rc = err_set(e, ERR_IMAGE_GIVEN, 0, "network: %s is not understood",
			     conf.ignored.items[0]);
	netconf_done(&conf);
	return rc < 0 ? rc : image_add_cmdline(content, strbuf_str(&line), e);
}
