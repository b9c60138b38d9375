/* SPDX-License-Identifier: MIT */
#include <fcntl.h>

#include "job/loader_priv.h"

static int bios_assess(const struct target *t, struct loader_verdict *ret, struct err *e)
{
	(void)t;
	(void)e;
	snprintf(ret->why, sizeof(ret->why), "this build cannot plant it yet");
	ret->kind = LOADER_NONE;
	return 0;
}

static int bios_plant(const struct target *t, struct record *r, struct err *e)
{
	(void)t;
	(void)r;
	return err_set(e, ERR_LOADER_PLACE, 0, "this build cannot plant it yet");
}

static int bios_finish(const struct root *fs, const struct record *r, struct err *e)
{
	(void)fs;
	(void)r;
	return err_set(e, ERR_LOADER_PLACE, 0, "this build cannot plant it yet");
}

static int bios_restore(const struct target *t, const struct record *r, struct err *e)
{
	(void)t;
	(void)r;
	return err_set(e, ERR_LOADER_PLACE, 0, "this build cannot plant it yet");
}

static const char *const needs[] = { "core.img", "boot.img", NULL };

const struct loader_ops loader_bios_ops = {
	.kind = LOADER_BIOS,
	.assess = bios_assess,
	.plant = bios_plant,
	.finish = bios_finish,
	.restore = bios_restore,
	.needs = needs,
};
