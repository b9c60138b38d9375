/* SPDX-License-Identifier: MIT */
/* Which initramfs images are made anew: rebuilding costs minutes, so one that fits is kept. */
#include <string.h>

#include "job/initrd_fit.h"

/* What initramfs-tools copies into an image or is steered by. */
static bool is_input(const char *path)
{
	static const char *const heads[] = {
		"/etc/initramfs-tools/", "/etc/modprobe.d/",	  "/etc/modules",
		"/etc/crypttab",	 "/etc/mdadm/",		  "/etc/lvm/",
		"/etc/udev/rules.d/",	 "/etc/systemd/network/",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(heads); i++)
		if (str_starts(path, heads[i]))
			return true;
	return false;
}

/* Why the image must be made, into buf; "" when it fits. */
static int judge(const struct rewrite_plan *plan, const struct tool_step *step,
		 const struct root *view, const struct rewrite_facts *facts, char *buf, size_t size,
		 struct err *e)
{
	const char *version = step->name + strlen(INITRAMFS_STEP);
	struct strlist builtin cleanup_strlist = STRLIST_INIT,
			       missing cleanup_strlist = STRLIST_INIT;
	struct strlist foreign cleanup_strlist = STRLIST_INIT;
	struct initrd_content content = { 0 };
	struct err local = ERR_INIT;
	char image[300];
	size_t i;
	int rc;

	buf[0] = '\0';
	for (i = 0; i < plan->edit_count; i++)
		if (is_input(plan->edits[i].path)) {
			snprintf(buf, size, "%.200s was edited", plan->edits[i].path);
			return 0;
		}
	snprintf(image, sizeof(image), "/boot/initrd.img-%.200s", version);
	if (initrd_content_read(&content, view, image, &local) < 0) {
		snprintf(buf, size, "%.200s is missing or damaged", image);
		return 0;
	}
	rc = initrd_builtin_read(&builtin, view, version, e);
	if (rc == 0)
		rc = initrd_missing(&missing, &content, &builtin, facts, e);
	if (rc == 0)
		rc = initrd_foreign_uuids(&foreign, &content, facts, e);
	if (missing.count)
		snprintf(buf, size, "it lacks the driver %.100s", missing.items[0]);
	else if (foreign.count)
		snprintf(buf, size, "it names the file system %.100s", foreign.items[0]);
	initrd_content_done(&content);
	return rc;
}

static void remove_step(struct rewrite_plan *plan, size_t i)
{
	struct tool_step *step = &plan->steps[i];

	free(step->name);
	free(step->why);
	strlist_done(&step->argv);
	strlist_done(&step->inputs);
	strlist_done(&step->outputs);
	memmove(step, step + 1, (plan->step_count - i - 1) * sizeof(*step));
	plan->step_count--;
}

int initrd_drop_steps(struct rewrite_plan *plan, const struct root *view,
		      const struct rewrite_facts *facts, FILE *out, struct err *e)
{
	size_t i = 0;

	while (i < plan->step_count) {
		char why[300];

		if (!str_starts(plan->steps[i].name, INITRAMFS_STEP)) {
			i++;
			continue;
		}
		if (judge(plan, &plan->steps[i], view, facts, why, sizeof(why), e) < 0)
			return -1;
		if (why[0]) {
			fprintf(out, "%s: must be made, %s\n", plan->steps[i].name, why);
			i++;
		} else {
			fprintf(out, "%s: fits this machine, kept as received\n",
				plan->steps[i].name);
			remove_step(plan, i);
		}
	}
	return 0;
}
