/* SPDX-License-Identifier: MIT */
#include "ssh/window.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define BYTES_PER_US 160u
#define WINDOW_MIN (2u * 1024 * 1024)

size_t window_for(uint32_t round_trip_us, size_t max)
{
	uint64_t wanted = (uint64_t)round_trip_us * BYTES_PER_US;

	if (wanted < WINDOW_MIN)
		wanted = WINDOW_MIN;
	return wanted > max ? max : (size_t)wanted;
}

uint32_t window_round_trip_us(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 0;
	/* Linux before 4.6 does not tell the minimum; it says ~0 before the first measurement. */
	if (len >= offsetof(struct tcp_info, tcpi_min_rtt) + sizeof(info.tcpi_min_rtt) &&
	    info.tcpi_min_rtt && info.tcpi_min_rtt != UINT32_MAX)
		return info.tcpi_min_rtt;
	return info.tcpi_rtt;
}
