/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Very many real sockets in CLOSE_WAIT or ESTABLISHED, in a network namespace of their own, held by
 * processes of their own: one may not open so many. They end with the program that asked for them, however that
 * ends, and the namespace with the last of them.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CROWD_HOLDERS_MAX    64
#define CROWD_PER_HOLDER_MAX 12500
#define CROWD_PORT           20000 /* of the first holder; the next one has the next */

enum crowd_kind {
        CROWD_CLOSE_WAIT,
        CROWD_ESTABLISHED, /* both ends count */
};

struct crowd_order {
        enum crowd_kind kind;
        size_t sockets;
        uint16_t port; /* of the first holder; each crowd of a namespace needs ports of its own */
};

struct crowd {
        pid_t holders[CROWD_HOLDERS_MAX];
        size_t n;
};

/*
 * Takes this process into a network namespace of its own, with the loopback interface up: by root's
 * right or by a user namespace. 0 or -errno: the system allows neither.
 */
int crowd_enter(void);

/*
 * Makes so many sockets and waits until they are there. 0, or -errno: nothing is left behind.
 * -E2BIG: more than CROWD_HOLDERS_MAX processes may hold.
 */
int crowd_make(const struct crowd_order *order, struct crowd *ret_crowd);
void crowd_end(struct crowd *crowd);
