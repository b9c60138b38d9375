/* SPDX-License-Identifier: MIT */
/* The init that powers off at once: what the kernel alone costs. */
#include <sys/reboot.h>

int main(void)
{
	return reboot(RB_POWER_OFF);
}
