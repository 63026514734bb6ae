/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One netlink socket for sock_diag, one dump at a time. Instantiable, no globals; used from one
 * thread. Speaks to the network namespace in which it was made.
 */

#include <stdint.h>

#include "diagmsg.h"

#define DIAG_BUFFER_BYTES (32 * 1024) /* the kernel caps a dump's datagram at this */
#define DIAG_EINTR_MAX    16          /* interrupted system calls in one dump */
#define DIAG_STALE_MAX    16          /* answers to earlier questions before the one to this */
#define DIAG_TIMEOUT_SEC  10          /* for one datagram; a healthy kernel takes milliseconds */

/* diag_dump() */
#define DIAG_INTERRUPTED 1 /* not whole: the kernel's table changed, or messages were lost */

struct diag;

struct diag_stats {
        uint64_t messages;
        uint64_t bytes;
        uint64_t malformed;
};

int diag_new(struct diag **ret_diag);
struct diag *diag_free(struct diag *diag);

/*
 * Dumps the sockets in these states (SOCK_MASK()s), both address families, for sink to take.
 * Adds to *stats. 0: whole; DIAG_INTERRUPTED; or -errno: the kernel's answer (-ENOENT: it has no
 * tcp_diag), the sink's own, or that of a system call. After anything but 0 the socket has been replaced,
 * so that nothing of this dump can be taken for part of the next.
 */
int diag_dump(struct diag *diag, uint32_t states, bool info, const struct diagmsg_sink *sink,
              struct diag_stats *stats);

/*
 * The same for every socket whose local or remote port it is (1 or more), in every state, listening
 * or only bound included, with tcp_info. A loopback connection is two sockets and comes as both.
 * Costs about half of a dump of everything: the kernel walks all sockets, and copies few.
 */
int diag_dump_port(struct diag *diag, uint16_t port, const struct diagmsg_sink *sink,
                   struct diag_stats *stats);

/*
 * Looks at one socket again, as an earlier dump has shown it, with tcp_info: some 2 us, however many
 * others there are. 0; -ENOENT: it is gone; another -errno, after which the socket has been replaced.
 */
int diag_ask(struct diag *diag, const struct sockrec *record, struct sockrec *ret_record);

/*
 * Does the kernel list sockets that are bound, but neither listen nor are connected? Those have
 * SOCK_CLOSE. By its version: it does since 6.8. False is no proof, a distribution's kernel may be
 * ahead of its number; such a socket in a dump is one.
 */
bool diag_lists_bound(void);
