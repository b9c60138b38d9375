/* SPDX-License-Identifier: MIT */
/*
 * The disk as the next start would find it, read without kernel and journal (job/bootview). Before the switch that is the
 * old system: the way back when the clone is not confirmed. Where the private loader is planted, what S would start too.
 */
#include <string.h>

#include "job/bootview.h"
#include "job/check_priv.h"

static const char *choice(const struct bootview *b, const char *word)
{
	const char *end = json_string_value(json_object_get(b->choices, word));

	return end ? end : "";
}

int check_reader(struct check *c, struct err *e)
{
	const struct bootview_options o = { 0 };
	const char *disk = c->t->scan.disks[c->t->boot_disk].path;
	struct bootview b;

	/* What a UEFI firmware starts first is not on the disk. */
	if (c->facts->uefi)
		return 0;
	if (bootview_look(&b, disk, &o, e) < 0)
		return err_ctx(e, "reading %s as a boot loader does", disk);
	if (b.starts == BOOT_NOTHING)
		check_add(
			c, FINDING_WARNING, "old-start",
			"as a boot loader reads %s now, the old system would not start: %s; there "
			"is no way back by a plain reboot",
			disk, b.why);
	else if (b.starts == BOOT_UNKNOWN)
		check_add(c, FINDING_WARNING, "old-start",
			  "what %s starts now cannot be followed from here: %s", disk, b.why);
	if (b.choices && strcmp(choice(&b, "rescue"), "rescue") != 0)
		check_add(c, FINDING_BLOCKER, "planted-rescue",
			  "the planted rescue on %s cannot be started: its files cannot be read",
			  disk);
	bootview_done(&b);
	return 0;
}
