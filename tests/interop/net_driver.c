/* SPDX-License-Identifier: MIT */
/* For test_network.py: the rescue's network process, with the boot line's words as arguments. */
#include <sys/stat.h>

#include "base/log.h"
#include "init/early.h"
#include "init/netd.h"

int main(int argc, char **argv)
{
	struct strlist words = STRLIST_INIT;

	mkdir(RUN_DIR_INIT, 0700);
	log_open(RUN_DIR_INIT "/log");
	for (int i = 1; i < argc; i++)
		if (strlist_add(&words, argv[i]) < 0)
			return 1;
	return netd_run(&words);
}
