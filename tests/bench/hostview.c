/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What can be seen of a virtual host from outside: its sockets as the kernel would describe them,
 * and its processes as /proc would.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "host.h"

static uint32_t age_msec(uint64_t now_usec, uint64_t then_usec)
{
        return (uint32_t)((now_usec - MIN(then_usec, now_usec)) / USEC_PER_MSEC);
}

static void describe_info(const struct host *host, const struct conn *conn, struct sockrec *record)
{
        const uint64_t now_usec = host_monotonic(host, host->now_usec);
        const uint64_t keepalive_usec = host->processes[conn->process].keepalive_usec;

        record->have |= SOCKREC_INFO;
        record->last_data_recv_msec = age_msec(now_usec, conn->data_usec);
        record->last_ack_recv_msec = age_msec(now_usec, conn->fin_usec);
        if (keepalive_usec > 0)
                record->last_ack_recv_msec %= (uint32_t)(keepalive_usec / USEC_PER_MSEC);
}

static void describe(const struct host *host, const struct conn *conn, bool info,
                     struct sockrec *ret_record)
{
        static const uint32_t queues[STAGE_COUNT] = {
                [STAGE_UNACCEPTED] = 79, [STAGE_UNREAD] = 518, [STAGE_EOF_UNREAD] = 1
        };
        const struct process *process = &host->processes[conn->process];
        const bool local = conn->port.side == SIDE_LOCAL;

        *ret_record = (struct sockrec){ .cookie = conn->cookie,
                                        .cgroup_id = process->cgroup_id,
                                        .local = { { 192, 0, 2, 1 } },
                                        .remote = { { 198, 51, 100, (uint8_t)conn->cookie } },
                                        .uid = process->uid,
                                        .inode = conn->inode,
                                        .receive_queue = queues[conn->stage],
                                        .local_port = local ? conn->port.port : conn->other_port,
                                        .remote_port = local ? conn->other_port : conn->port.port,
                                        .state = SOCK_CLOSE_WAIT,
                                        .family = ADDR_IPV4,
                                        .have = SOCKREC_CGROUP | SOCKREC_OWNER };
        if (info)
                describe_info(host, conn, ret_record);
}

int host_each_socket(const struct host *host, bool info,
                     int (*fn)(const struct sockrec *record, void *userdata), void *userdata)
{
        const uint64_t now_usec = host_monotonic(host, host->now_usec);
        struct sockrec record;
        int r = 0;

        for (size_t i = 0; i < host->n_conns && r == 0; i++) {
                const struct conn *conn = &host->conns[i];

                if (conn->cookie == 0 || conn->fin_usec > now_usec)
                        continue; /* free, or of a burst that has not come so far */
                describe(host, conn, info, &record);
                r = fn(&record, userdata);
        }
        return r;
}

/* The process with the most sockets of that port. */
static const struct process *holder(const struct host *host, const struct port_key *port)
{
        size_t held[HOST_PROCESSES_MAX] = { 0 }, most = 0;

        for (size_t i = 0; i < host->n_conns; i++)
                if (host->conns[i].cookie != 0 && port_key_compare(&host->conns[i].port, port) == 0)
                        held[host->conns[i].process]++;
        for (size_t i = 1; i < host->n_processes; i++)
                if (held[i] > held[most])
                        most = i;
        return held[most] > 0 ? &host->processes[most] : NULL;
}

static int nearest_first(const void *a, const void *b)
{
        const struct owner_process *x = a, *y = b;
        const int64_t p = x->fd_limit - x->fds, q = y->fd_limit - y->fds;

        return (p > q) - (p < q);
}

void host_owner(const struct host *host, const struct port_key *port, struct owner *ret_owner)
{
        const struct process *process = holder(host, port);
        struct owner_process found[HOST_PROCESSES_MAX];
        struct owner owner;
        size_t n = 0;

        owner_clear(&owner);
        for (size_t i = 0; process && i < host->n_processes; i++) {
                const struct process *other = &host->processes[i];

                if (other->cgroup_id != process->cgroup_id)
                        continue;
                found[n] = (struct owner_process){ .pid = other->pid,
                                                   .fds = (int64_t)process_fds(other),
                                                   .fd_limit = (int64_t)other->fd_limit };
                snprintf(found[n].comm, OWNER_COMM_MAX, "%.*s", OWNER_COMM_MAX - 1, other->unit);
                n++;
        }
        if (process) {
                snprintf(owner.unit, sizeof(owner.unit), "%s", process->unit);
                owner.uid = process->uid;
                qsort(found, n, sizeof(*found), nearest_first);
                owner.total = (uint32_t)n;
                owner.n_processes = (uint32_t)MIN(n, (size_t)OWNER_PROCESSES_LISTED);
                memcpy(owner.processes, found, owner.n_processes * sizeof(*found));
        }
        *ret_owner = owner;
}
