/* SPDX-License-Identifier: MIT */
/* Addresses of the target: which one to type, and whether a connection came to one of them from another machine. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* The address to reach this machine by: of a card with a gateway before others, IPv4 before IPv6; "TARGET": none known. */
void address_of_target(const json_t *identity, char *buf, size_t size);

/* All addresses that the identity knows as the target's, without prefix lengths: of its links and of its old configuration. */
int address_list(const json_t *identity, struct strlist *ret, struct err *e) must_check;

/* Every address the running machine has now, loopback included. */
int address_list_own(struct strlist *ret, struct err *e) must_check;

/*
 * Proof of the way from outside: ssh_connection is the variable as sshd sets it ("PEER PORT LOCAL PORT"; NULL: not set). The local
 * address must be one of targets, the peer none of own. ERR_CONFIRM says what is missing.
 */
int address_judge(const char *ssh_connection, const struct strlist *targets,
		  const struct strlist *own, struct err *e) must_check;
