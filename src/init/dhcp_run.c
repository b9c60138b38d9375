/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "init/dhcp.h"

#define NOBODY 65534

struct runner {
	struct dhcp_client client;
	int ifindex;
	int packet_fd; /* datagrams to us before we have an address */
	int udp_fd;    /* unicast renewals; also keeps the kernel from refusing the port */
	int report_fd;
};

/* Only UDP to port 68 that is no fragment reaches us. */
static int attach_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), /* protocol */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6), /* flags and offset */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* header length */
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),	/* destination port */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, DHCP_PACKET_MAX + 100),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int open_packet(int ifindex)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_IP),
				       .sll_ifindex = ifindex };
	int one = 1;
	cleanup_fd int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || attach_filter(fd) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd_take(&fd);
}

static int open_udp(const char *ifname)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(68) };
	int one = 1;
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd_take(&fd);
}

static int drop_rights(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	/* Changing the user cleared this. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static void send_query(struct runner *r, const struct dhcp_out *out)
{
	uint8_t packet[DHCP_PACKET_MAX], frame[DHCP_PACKET_MAX + 64];
	size_t n = dhcp_build(packet, &out->query);
	ssize_t sent;

	if (out->unicast) {
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(67) };

		memcpy(&to.sin_addr, out->to, 4);
		sent = sendto(r->udp_fd, packet, n, 0, (struct sockaddr *)&to, sizeof(to));
	} else {
		struct sockaddr_ll to = { .sll_family = AF_PACKET,
					  .sll_protocol = htons(ETH_P_IP),
					  .sll_ifindex = r->ifindex,
					  .sll_halen = 6 };

		memset(to.sll_addr, 0xff, 6);
		n = dhcp_wrap(frame, sizeof(frame), packet, n);
		sent = sendto(r->packet_fd, frame, n, 0, (struct sockaddr *)&to, sizeof(to));
	}
	if (sent < 0)
		log_debug("dhcp: send: %s", strerror(errno)); /* it is repeated anyway */
}

static void report(struct runner *r, const struct dhcp_event *e)
{
	if (send(r->report_fd, e, sizeof(*e), MSG_NOSIGNAL) < 0)
		_exit(EXIT_UNTOUCHED); /* nobody is there to set an address */
}

static void receive(struct runner *r)
{
	uint8_t frame[DHCP_PACKET_MAX + 100];
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = { frame, sizeof(frame) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(r->packet_fd, &msg, 0);
	bool checksum_done = false;
	const uint8_t *packet;
	struct dhcp_reply reply;
	struct dhcp_event event;

	if (n < 0)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		checksum_done = aux.tp_status & TP_STATUS_CSUMNOTREADY;
	}
	int len = dhcp_unwrap(&packet, frame, (size_t)n, checksum_done);

	if (len < 0 || dhcp_parse(&reply, packet, (size_t)len, r->client.mac, r->client.xid) < 0)
		return;
	if (dhcp_client_reply(&r->client, &reply, now_ms(), &event))
		report(r, &event);
}

static void drain(int fd)
{
	char scrap[256];

	while (recv(fd, scrap, sizeof(scrap), 0) >= 0)
		;
}

static void act(struct runner *r)
{
	struct dhcp_out out;
	struct dhcp_event event;
	bool has_event;

	while (dhcp_client_tick(&r->client, now_ms(), &out, &event, &has_event)) {
		send_query(r, &out);
		if (has_event)
			report(r, &event);
	}
}

static int wait_ms(const struct runner *r)
{
	uint64_t now = now_ms();

	if (r->client.next_ms <= now)
		return 0;
	return r->client.next_ms - now > 3600000 ? 3600000 : (int)(r->client.next_ms - now);
}

int dhcp_run(int ifindex, const char *ifname, const uint8_t mac[6], int report_fd)
{
	struct runner r = { .ifindex = ifindex, .report_fd = report_fd };
	struct signalfd_siginfo info;
	uint32_t seed;
	sigset_t set;
	int signals;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return EXIT_UNTOUCHED;
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r.packet_fd = open_packet(ifindex);
	r.udp_fd = open_udp(ifname);
	if (signals < 0 || r.packet_fd < 0 || r.udp_fd < 0 || drop_rights() < 0) {
		log_error("dhcp on %s: %s", ifname, strerror(errno));
		return EXIT_UNTOUCHED;
	}
	/* Early at boot nothing random may be ready; address and clock differ enough between hosts. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint32_t)now_ms() * 2654435761U ^ (uint32_t)mac[5] << 24 ^
		       (uint32_t)mac[4] << 16 ^ (uint32_t)mac[3] << 8;
	dhcp_client_init(&r.client, mac, seed, now_ms());
	for (;;) {
		struct pollfd fds[] = { { r.packet_fd, POLLIN, 0 },
					{ signals, POLLIN, 0 },
					{ r.udp_fd, POLLIN, 0 } };

		act(&r);
		if (poll(fds, ARRAY_SIZE(fds), wait_ms(&r)) < 0 && errno != EINTR)
			return EXIT_UNTOUCHED;
		if (fds[0].revents)
			receive(&r);
		if (fds[1].revents && read(signals, &info, sizeof(info)) == sizeof(info))
			dhcp_client_relink(&r.client, now_ms());
		if (fds[2].revents)
			drain(r.udp_fd);
	}
}
