/* SPDX-License-Identifier: MIT */
/* The texts: GRUB's entry, and custom.cfg around it. */
#include <string.h>

#include "enter/enter.h"

#define BEGIN "# rehost-rescue begin: 'rehost rescue --cancel' takes it out\n"
#define END "# rehost-rescue end\n"

bool enter_menu_fits(const char *text)
{
	return strstr(text, "load_env") && strstr(text, "save_env next_entry") &&
	       strstr(text, "/custom.cfg");
}

/* The consoles of the running kernel: what it writes to can be read by somebody. */
static void add_consoles(struct strbuf *b, const char *cmdline)
{
	cleanup_strlist struct strlist words = STRLIST_INIT;

	if (strlist_split(&words, cmdline, " \t\n") < 0)
		b->failed = true;
	for (size_t i = 0; i < words.count; i++) {
		const char *w = words.items[i];

		/* nothing that GRUB's script would read as its own */
		if (str_starts(w, "console=") &&
		    strspn(w,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=,_-") ==
			    strlen(w))
			strbuf_addf(b, " %s", w);
	}
}

void enter_entry_text(struct strbuf *ret, const struct enter_place *p, const char *cmdline)
{
	strbuf_adds(ret, BEGIN);
	/* A kernel that cannot be read must not leave the machine in a menu that waits. */
	strbuf_adds(ret, "if [ \"${default}\" = rehost-rescue ]; then\n\tset fallback=0\nfi\n");
	strbuf_adds(ret, "menuentry 'rehost rescue' --id rehost-rescue --unrestricted {\n");
	strbuf_adds(ret, "\tinsmod part_msdos\n\tinsmod part_gpt\n\tinsmod ext2\n\tinsmod xfs\n"
			 "\tinsmod fat\n\tinsmod search_fs_uuid\n");
	strbuf_addf(ret, "\tsearch --no-floppy --fs-uuid --set=root %s\n", p->uuid);
	strbuf_addf(ret, "\tlinux %s/vmlinuz panic=30 rehost.entered=1", p->dir);
	add_consoles(ret, cmdline);
	strbuf_addf(ret, "\n\tinitrd %s/initrd\n}\n", p->dir);
	strbuf_adds(ret, END);
}

int enter_custom_text(struct strbuf *ret, const char *old, const char *entry)
{
	const char *begin = strstr(old, BEGIN);
	const char *end = begin ? strstr(begin, END) : NULL;

	if (begin && !end)
		return -1;
	if (begin) {
		strbuf_add(ret, old, (size_t)(begin - old));
		strbuf_adds(ret, end + strlen(END));
	} else {
		strbuf_adds(ret, old);
	}
	if (entry && ret->len && ret->data[ret->len - 1] != '\n')
		strbuf_addc(ret, '\n');
	if (entry)
		strbuf_adds(ret, entry);
	return 0;
}
