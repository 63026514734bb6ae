/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sockets lie in slots, so that a pool can name the one that it closes; free slots are chained.
 * Time passes in pieces that end at marks: within a piece each actor does its part alone, so an
 * actor never sees half of a restart. Sockets that have gone by the end of a piece are swept then,
 * and earlier where a process has reached its limit of descriptors and it matters.
 */

#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define NO_SLOT       UINT32_MAX
#define WALL_EPOCH    (INT64_C(1767225600) * 1000000) /* 2026-01-01 */
#define PID_FIRST     1000
#define CGROUP_FIRST  4000
#define SWEEP_USEC    USEC_PER_SEC
#define LATE_MAX_USEC (4 * USEC_PER_SEC)

void *bench_alloc(size_t size)
{
        void *memory = calloc(1, size);

        if (!memory) {
                fprintf(stderr, "no memory for the benchmark\n");
                exit(2);
        }
        return memory;
}

static void *grow(void *array, size_t size)
{
        void *grown = realloc(array, size);

        if (!grown) {
                fprintf(stderr, "no memory for the benchmark\n");
                exit(2);
        }
        return grown;
}

struct host *host_new(uint64_t seed)
{
        struct host *host = bench_alloc(sizeof(*host));

        host->prng.state = seed;
        host->free = NO_SLOT;
        host->now_usec = host->watch_usec = HOST_BEGIN_USEC;
        host->fault.from_usec = host->fault.until_usec = host->fault.ceases_usec = HOST_NEVER;
        return host;
}

struct host *host_free(struct host *host)
{
        if (!host)
                return NULL;
        for (struct actor *actor = host->actors, *next; actor; actor = next) {
                next = actor->next;
                free(actor);
        }
        free(host->marks);
        free(host->conns);
        free(host);
        return NULL;
}

size_t host_add_process(struct host *host, const struct process *process)
{
        const size_t number = host->n_processes++;
        struct process *added = &host->processes[number % HOST_PROCESSES_MAX];

        if (number >= HOST_PROCESSES_MAX)
                abort();
        *added = *process;
        added->pid = PID_FIRST + (int64_t)number * 100;
        if (added->cgroup_id == 0)
                added->cgroup_id = CGROUP_FIRST + number;
        if (added->fd_limit == 0)
                added->fd_limit = 1024;
        if (added->fds_else == 0)
                added->fds_else = prng_between(&host->prng, 12, 60);
        if (added->backlog == 0)
                added->backlog = 511;
        return number;
}

void host_listen(struct host *host, uint16_t port)
{
        if (host->n_listeners == HOST_LISTENERS_MAX)
                abort();
        host->listeners[host->n_listeners++] = port;
}

void host_add_actor(struct host *host, struct actor *actor)
{
        actor->next = host->actors;
        host->actors = actor;
}

void host_add_mark(struct host *host, const struct mark *mark)
{
        size_t at = host->n_marks++;

        host->marks = grow(host->marks, host->n_marks * sizeof(*mark));
        for (; at > 0 && host->marks[at - 1].at_usec > mark->at_usec; at--)
                host->marks[at] = host->marks[at - 1];
        host->marks[at] = *mark;
}

static void drop(struct host *host, size_t slot)
{
        struct conn *conn = &host->conns[slot];
        struct process *process = &host->processes[conn->process];

        if (conn->stage == STAGE_UNACCEPTED)
                process->waiting--;
        else
                process->held--;
        conn->cookie = 0;
        conn->next_free = host->free;
        host->free = (uint32_t)slot;
        host->live--;
}

static void sweep(struct host *host, uint64_t now_usec)
{
        for (size_t i = 0; i < host->n_conns; i++)
                if (host->conns[i].cookie != 0 && host->conns[i].leave_usec <= now_usec)
                        drop(host, i);
        if (host->live == 0) {
                host->n_conns = 0;
                host->free = NO_SLOT;
        }
        host->swept_usec = now_usec;
}

uint64_t process_fds(const struct process *process)
{
        return process->fds_else + process->held;
}

static bool at_limit(struct host *host, const struct process *process, uint64_t now_usec)
{
        if (process_fds(process) < process->fd_limit)
                return false;
        if (now_usec >= host->swept_usec + SWEEP_USEC)
                sweep(host, now_usec);
        return process_fds(process) >= process->fd_limit;
}

static size_t take_slot(struct host *host)
{
        if (host->free != NO_SLOT) {
                const size_t slot = host->free;

                host->free = host->conns[slot].next_free;
                return slot;
        }
        if (host->n_conns == host->conns_size) {
                host->conns_size = MAX(host->conns_size * 2, (size_t)256);
                host->conns = grow(host->conns, host->conns_size * sizeof(*host->conns));
        }
        return host->n_conns++;
}

int64_t host_open(struct host *host, const struct arrival *arrival)
{
        struct process *process = &host->processes[arrival->process];
        enum close_wait_stage stage = arrival->stage;
        uint64_t leave_usec = arrival->leave_usec;
        const uint64_t fin_usec = host_monotonic(host, arrival->fin_usec);
        struct conn *conn;
        size_t slot;

        if (stage != STAGE_UNACCEPTED && at_limit(host, process, arrival->fin_usec)) {
                if (arrival->port.side == SIDE_REMOTE)
                        return HOST_NO_SLOT;
                stage = STAGE_UNACCEPTED;
                leave_usec = HOST_NEVER;
        }
        if (stage == STAGE_UNACCEPTED && process->waiting >= process->backlog)
                return HOST_NO_SLOT;
        slot = take_slot(host);
        conn = &host->conns[slot];
        *conn = (struct conn){ .cookie = ++host->cookies,
                               .fin_usec = fin_usec,
                               .data_usec = fin_usec - arrival->idle_usec,
                               .leave_usec = leave_usec,
                               .port = arrival->port,
                               .other_port = (uint16_t)prng_between(&host->prng, 32768, 60999),
                               .process = (uint8_t)arrival->process,
                               .stage = (uint8_t)stage };
        if (stage == STAGE_UNACCEPTED)
                process->waiting++;
        else
                process->held++;
        conn->inode = stage == STAGE_UNACCEPTED ? 0 : (uint32_t)(20000 + conn->cookie);
        host->live++;
        return (int64_t)slot;
}

void host_close(struct host *host, int64_t slot)
{
        drop(host, (size_t)slot);
}

uint64_t host_monotonic(const struct host *host, uint64_t host_usec)
{
        return host_usec + host->monotonic_shift_usec;
}

uint64_t host_wall(const struct host *host, uint64_t host_usec)
{
        return (uint64_t)(WALL_EPOCH + (int64_t)host_usec + host->wall_shift_usec);
}

void host_fault_begins(struct host *host, uint64_t at_usec)
{
        if (host->fault.from_usec == HOST_NEVER)
                host->fault.from_usec = host_monotonic(host, at_usec);
}

void host_fault_ends(struct host *host, uint64_t at_usec)
{
        if (host->fault.from_usec != HOST_NEVER && host->fault.until_usec == HOST_NEVER)
                host->fault.until_usec = host_monotonic(host, at_usec);
}

/* A fault that has begun ends with the process whose sockets these are. */
static void restart(struct host *host, const struct mark *mark)
{
        struct process *process = &host->processes[mark->process];
        bool faulty = false;

        for (size_t i = 0; i < host->n_conns; i++) {
                if (host->conns[i].cookie == 0 || host->conns[i].process != mark->process)
                        continue;
                faulty |= port_key_compare(&host->conns[i].port, &host->fault.port) == 0;
                drop(host, i);
        }
        process->pid++;
        process->generation++;
        if (process->container)
                process->cgroup_id += HOST_PROCESSES_MAX;
        if (faulty && host->fault.planned && !mark->unmended)
                host_fault_ends(host, mark->at_usec);
}

static uint64_t burst_fin_usec(const struct mark *mark, size_t i)
{
        return mark->at_usec + mark->spread_usec * i / mark->count;
}

/* The process closes them one after another, in the order in which the peers did. */
static void plan_fifo(const struct mark *mark, uint64_t *leave_usec)
{
        uint64_t close_usec = mark->at_usec;

        for (size_t i = 0; i < mark->count; i++) {
                close_usec = MAX(close_usec, burst_fin_usec(mark, i)) + mark->handle_usec;
                leave_usec[i] = close_usec;
        }
}

/* It takes the last one that came: who came first waits until nobody else does. */
static void plan_lifo(const struct mark *mark, uint64_t *leave_usec)
{
        size_t *stack = bench_alloc(mark->count * sizeof(*stack));
        uint64_t free_usec = mark->at_usec; /* the process is, from then on */
        size_t depth = 0;

        for (size_t i = 0; i < mark->count; i++) {
                const uint64_t fin_usec = burst_fin_usec(mark, i);

                while (depth > 0 && free_usec < fin_usec)
                        leave_usec[stack[--depth]] = free_usec += mark->handle_usec;
                free_usec = MAX(free_usec, fin_usec);
                stack[depth++] = i;
        }
        while (depth > 0)
                leave_usec[stack[--depth]] = free_usec += mark->handle_usec;
        free(stack);
}

static void burst(struct host *host, const struct mark *mark)
{
        uint64_t *leave_usec = bench_alloc(mark->count * sizeof(*leave_usec));

        if (mark->lifo)
                plan_lifo(mark, leave_usec);
        else
                plan_fifo(mark, leave_usec);
        for (size_t i = 0; i < mark->count; i++)
                (void)host_open(host, &(struct arrival){ .process = mark->process,
                                                         .port = mark->port,
                                                         .stage = STAGE_EOF_UNREAD,
                                                         .fin_usec = burst_fin_usec(mark, i),
                                                         .idle_usec = USEC_PER_SEC,
                                                         .leave_usec = leave_usec[i] });
        free(leave_usec);
}

static void tell_peers_left(struct host *host, uint64_t at_usec, const struct port_key *port)
{
        for (struct actor *actor = host->actors; actor; actor = actor->next)
                if (actor->peers_left)
                        actor->peers_left(actor, at_usec, port);
}

/* Gone while we slept: each peer's FIN is there at once, and handled when its turn comes. */
static void wake(struct host *host, const struct mark *mark)
{
        tell_peers_left(host, mark->at_usec, NULL);
        burst(host, mark);
}

static void pass(struct host *host, const struct mark *mark)
{
        switch (mark->kind) {
        case MARK_RESTART:
                restart(host, mark);
                break;
        case MARK_PEER:
                tell_peers_left(host, mark->at_usec, &mark->port);
                break;
        case MARK_HELD:
                host->monotonic_shift_usec += (uint64_t)mark->shift_usec;
                wake(host, mark);
                break;
        case MARK_SUSPENDED:
                host->wall_shift_usec += mark->shift_usec;
                wake(host, mark);
                break;
        case MARK_CLOCK_SET:
                host->wall_shift_usec += mark->shift_usec;
                break;
        case MARK_BURST:
                burst(host, mark);
                break;
        case MARK_UNWATCHED:
                break; /* host_next_scan() */
        }
}

static void run_actors(struct host *host, uint64_t until_usec)
{
        for (struct actor *actor = host->actors; actor; actor = actor->next)
                actor->run(actor, host, until_usec);
        sweep(host, until_usec);
        host->now_usec = until_usec;
}

void host_run(struct host *host, uint64_t until_usec)
{
        while (host->marks_done < host->n_marks &&
               host->marks[host->marks_done].at_usec <= until_usec) {
                const struct mark *mark = &host->marks[host->marks_done++];

                run_actors(host, mark->at_usec);
                pass(host, mark);
        }
        run_actors(host, until_usec);
}

uint64_t host_next_scan(struct host *host, uint64_t interval_usec)
{
        uint64_t next_usec = host->now_usec + interval_usec;

        if (host->late_permille > 0 && prng_chance(&host->prng, (unsigned)host->late_permille))
                next_usec += prng_between(&host->prng, USEC_PER_SEC, LATE_MAX_USEC);
        for (size_t i = host->marks_done; i < host->n_marks; i++) {
                const struct mark *mark = &host->marks[i];

                if (mark->at_usec > next_usec)
                        break;
                if (mark->kind == MARK_HELD)
                        return mark->at_usec; /* overdue when the machine is let go */
                if (mark->kind == MARK_UNWATCHED)
                        return mark->at_usec + (uint64_t)mark->shift_usec;
        }
        return next_usec;
}
