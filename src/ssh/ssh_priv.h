/* SPDX-License-Identifier: MIT */
/* Inside of src/ssh: the only place that sees libssh. */
#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "ssh/hostkey.h"

struct hostkey {
	ssh_key key;
};
