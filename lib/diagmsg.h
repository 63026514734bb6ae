/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * sock_diag(7) bytes: builds requests (diagrequest.c), and turns the kernel's messages into struct
 * sockrec, or into less where less is wanted.
 * Pure: works on buffers, knows no socket.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portset.h"
#include "sockrec.h"

#define DIAGMSG_REQUEST_MAX 128

/* diagmsg_read() */
#define DIAGMSG_DONE 1 /* the dump's last message was in this buffer */

enum diag_form {
        DIAG_BOTH, /* TCPDIAG_GETSOCK: IPv4 and IPv6 in one walk of the kernel's table */
        DIAG_IPV4, /* SOCK_DIAG_BY_FAMILY */
        DIAG_IPV6,
};

struct diag_request {
        enum diag_form form;
        uint32_t states; /* SOCK_MASK()s */
        bool info;       /* tcp_info, for ages: a tenth dearer */
        uint16_t port;   /* only sockets whose local or remote port it is; 0: all */
};

/* Who takes the sockets. A negative return ends the dump and is handed through. */
struct diagmsg_sink {
        int (*fn)(const struct sockrec *record, void *userdata); /* called for each */
        /* ... but for those in TIME_WAIT, which come to this one, in blocks; NULL: to fn as well */
        int (*waits_fn)(const struct sock_wait *waits, size_t n, void *userdata);
        const struct port_set *whole; /* local ports whose sockets come to fn; NULL: none do */
        void *userdata;
};

/* One dump being read. Set seq, portid and sink; the rest starts at zero. */
struct diagmsg_reader {
        uint32_t seq;
        uint32_t portid;
        struct diagmsg_sink sink;

        uint64_t messages;  /* sockets handed to the sink */
        uint64_t malformed; /* could not be understood: left out */
        uint64_t foreign;   /* of another dump: left out */
        bool interrupted;   /* NLM_F_DUMP_INTR was seen, or the stream is damaged: not whole */
};

/* Writes a dump request into buf (DIAGMSG_REQUEST_MAX bytes, 4-aligned); returns its length. */
size_t diagmsg_request(const struct diag_request *request, uint32_t seq, void *buf);
/* The same for that one socket, with tcp_info: answered by one message, or NLMSG_ERROR. */
size_t diagmsg_request_one(const struct sockrec *record, uint32_t seq, void *buf);

/*
 * Reads one datagram: 0 when more must follow, DIAGMSG_DONE, the kernel's own -errno from
 * NLMSG_ERROR or NLMSG_DONE, or the sink's. Never reads past len, whatever the lengths inside claim.
 */
int diagmsg_read(struct diagmsg_reader *reader, const void *buf, size_t len);

/*
 * One inet_diag message (payload after the netlink header) into *ret_record.
 * 0, or -EBADMSG: too short, an attribute that lies about its length, an unknown family or state.
 */
int diagmsg_parse(const void *payload, size_t len, struct sockrec *ret_record);
