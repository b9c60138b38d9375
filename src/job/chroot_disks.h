/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * From here on this process and its children cannot open a block device below /dev for writing, nor mount anything. Called
 * inside the prepared root, before capabilities go or with no_new_privs. -1 with errno; ENOSYS or EOPNOTSUPP: this kernel has no Landlock (5.13 and
 * newer have it, the rescue's does).
 */
int chroot_protect_disks(void);
