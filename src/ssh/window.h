/* SPDX-License-Identifier: MIT */
/* How much a client may send ahead. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The receive window for a path with this round trip: enough for about 160 MB/s, within 2 MiB and max. More than the
 * path needs is harmful: OpenSSH's client fills whatever it is given and then spends twice the
 * processor time on its own buffers (measured on loopback, 16 MiB against 2 MiB). 0 us: not known.
 */
size_t window_for(uint32_t round_trip_us, size_t max);

/* The shortest round trip seen on a TCP socket, in microseconds; 0 when not known. */
uint32_t window_round_trip_us(int fd);
