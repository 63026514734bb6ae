/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What sock_diag(7) is asked: a dump, of all sockets in some states or of those of a port, or one
 * socket that is known already. The kernel finds that one by its addresses and ports, as it would
 * for a packet from the peer, and compares the cookie (inet_diag_find_one_icsk() in
 * net/ipv4/inet_diag.c): an IPv6 socket that speaks IPv4 is found by the mapped addresses that it has.
 */

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

#include "base.h"
#include "diagmsg-private.h"
#include "diagmsg.h"

static uint32_t kernel_mask(uint32_t states)
{
        uint32_t mask = 0;

        for (uint32_t kernel = KERN_ESTABLISHED; kernel < ARRAY_SIZE(state_of_kernel); kernel++)
                if (states & SOCK_MASK(state_of_kernel[kernel]))
                        mask |= UINT32_C(1) << kernel;
        return mask;
}

static void put_legacy(struct nlmsghdr *nlh, const struct diag_request *request)
{
        struct inet_diag_req *body = mnl_nlmsg_put_extra_header(nlh, sizeof(*body));

        nlh->nlmsg_type = TCPDIAG_GETSOCK;
        body->idiag_family = AF_UNSPEC;
        body->idiag_states = kernel_mask(request->states);
        body->idiag_ext = request->info ? 1 << (INET_DIAG_INFO - 1) : 0;
}

static void put_by_family(struct nlmsghdr *nlh, const struct diag_request *request)
{
        struct inet_diag_req_v2 *body = mnl_nlmsg_put_extra_header(nlh, sizeof(*body));

        nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
        body->sdiag_family = request->form == DIAG_IPV4 ? AF_INET : AF_INET6;
        body->sdiag_protocol = IPPROTO_TCP;
        body->idiag_states = kernel_mask(request->states);
        body->idiag_ext = request->info ? 1 << (INET_DIAG_INFO - 1) : 0;
}

/*
 * (sport >= port && sport <= port) || (dport >= port && dport <= port), as a program that the kernel
 * runs for each socket, listeners and mini-sockets included. Each operator is followed by its
 * operand; yes and no are bytes to skip. To arrive exactly behind the last one accepts, to skip
 * beyond that rejects. There are operators for equality, but not in every kernel.
 */
static void put_port_filter(struct nlmsghdr *nlh, uint16_t port)
{
        enum { OP = sizeof(struct inet_diag_bc_op), TEST = 2 * OP };
        const struct inet_diag_bc_op program[] = {
                { INET_DIAG_BC_S_GE, TEST, 2 * TEST + OP }, /* to D_GE */
                { .no = port },
                { INET_DIAG_BC_S_LE, TEST, TEST + OP }, /* to D_GE */
                { .no = port },
                { INET_DIAG_BC_JMP, OP, 2 * TEST + OP },    /* accept; takes "no" */
                { INET_DIAG_BC_D_GE, TEST, 2 * TEST + OP }, /* reject */
                { .no = port },
                { INET_DIAG_BC_D_LE, TEST, TEST + OP }, /* reject */
                { .no = port },
        };

        mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, sizeof(program), program);
}

size_t diagmsg_request(const struct diag_request *request, uint32_t seq, void *buf)
{
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

        nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        nlh->nlmsg_seq = seq;
        if (request->form == DIAG_BOTH)
                put_legacy(nlh, request);
        else
                put_by_family(nlh, request);
        if (request->port != 0)
                put_port_filter(nlh, request->port);
        return nlh->nlmsg_len;
}

static void put_address(const struct sock_addr *address, bool mapped, __be32 ret_words[static 4])
{
        if (mapped) {
                ret_words[2] = htonl(0xffff);
                memcpy(&ret_words[3], address->bytes, 4);
        } else {
                memcpy(ret_words, address->bytes, sizeof(address->bytes));
        }
}

size_t diagmsg_request_one(const struct sockrec *record, uint32_t seq, void *buf)
{
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
        struct inet_diag_req_v2 *body = mnl_nlmsg_put_extra_header(nlh, sizeof(*body));
        const bool mapped = record->have & SOCKREC_MAPPED;

        nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
        nlh->nlmsg_flags = NLM_F_REQUEST;
        nlh->nlmsg_seq = seq;
        body->sdiag_family = record->family == ADDR_IPV4 && !mapped ? AF_INET : AF_INET6;
        body->sdiag_protocol = IPPROTO_TCP;
        body->idiag_states = UINT32_MAX;
        body->idiag_ext = 1 << (INET_DIAG_INFO - 1);
        body->id.idiag_sport = htons(record->local_port);
        body->id.idiag_dport = htons(record->remote_port);
        put_address(&record->local, mapped, body->id.idiag_src);
        put_address(&record->remote, mapped, body->id.idiag_dst);
        body->id.idiag_if = record->ifindex;
        body->id.idiag_cookie[0] = (uint32_t)record->cookie;
        body->id.idiag_cookie[1] = (uint32_t)(record->cookie >> 32);
        return nlh->nlmsg_len;
}
