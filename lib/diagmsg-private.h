/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's numbers for the states of TCP: diagrequest.c asks by them, diagmsg.c reads them. */

#include <stdint.h>

#include "sockrec.h"

/* include/net/tcp_states.h; the header is not exported to userland. */
enum {
        KERN_ESTABLISHED = 1,
        KERN_SYN_SENT,
        KERN_SYN_RECV,
        KERN_FIN_WAIT1,
        KERN_FIN_WAIT2,
        KERN_TIME_WAIT,
        KERN_CLOSE,
        KERN_CLOSE_WAIT,
        KERN_LAST_ACK,
        KERN_LISTEN,
        KERN_CLOSING,
        KERN_NEW_SYN_RECV,
        KERN_BOUND_INACTIVE,
};

static const uint8_t state_of_kernel[] = {
        [KERN_ESTABLISHED] = SOCK_ESTABLISHED,
        [KERN_SYN_SENT] = SOCK_SYN_SENT,
        [KERN_SYN_RECV] = SOCK_SYN_RECV,
        [KERN_FIN_WAIT1] = SOCK_FIN_WAIT1,
        [KERN_FIN_WAIT2] = SOCK_FIN_WAIT2,
        [KERN_TIME_WAIT] = SOCK_TIME_WAIT,
        [KERN_CLOSE] = SOCK_CLOSE,
        [KERN_CLOSE_WAIT] = SOCK_CLOSE_WAIT,
        [KERN_LAST_ACK] = SOCK_LAST_ACK,
        [KERN_LISTEN] = SOCK_LISTEN,
        [KERN_CLOSING] = SOCK_CLOSING,
        [KERN_NEW_SYN_RECV] = SOCK_SYN_RECV,
        [KERN_BOUND_INACTIVE] = SOCK_BOUND,
};
