/* SPDX-License-Identifier: MIT */
/* PID 1 of the rescue and the kernel's module loader, both the same binary by another name. */
#pragma once

/*
 * Runs as PID 1 of the rescue and never returns while it is PID 1. Started as anything else it
 * says so and returns EXIT_USAGE.
 *
 * Signals: SIGTERM and SIGINT (Ctrl-Alt-Del) reboot in order, SIGUSR2 powers off. The command
 * 'reboot' sends SIGTERM to PID 1.
 */
int init_main(int argc, char **argv);

/*
 * /sbin/modprobe as the kernel calls it: "modprobe -q -- NAME"; names may be modules or aliases,
 * several are allowed. Returns an exit status, 0 when everything is loaded or built in. Talks to
 * nobody, so that PID 1 may wait for a mount that needs it.
 */
int modprobe_main(int argc, char **argv);
