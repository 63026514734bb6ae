/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A virtual host: processes, the sockets that they hold in CLOSE_WAIT, and what happens to them in
 * virtual time. Traffic comes from actors (flow.h, pool.h), sudden events from marks.
 *
 * Three clocks, in microseconds. Host time runs while the machine does, and is what actors and
 * marks are told in. Monotonic time is that, and jumps where a virtual machine was held. Wall time
 * is that, and jumps where somebody sets the clock or the machine was suspended.
 *
 * Memory that cannot be had ends the program: this is a benchmark.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect.h"
#include "portkey.h"
#include "prng.h"
#include "sockrec.h"
#include "stage.h"
#include "units.h"

#define HOST_PROCESSES_MAX 64
#define HOST_LISTENERS_MAX 64
#define HOST_NEVER         UINT64_MAX

/* Host time begins here, so that ages reach back before it. */
#define HOST_BEGIN_USEC (100 * USEC_PER_HOUR)

struct process {
        const char *unit;
        uint64_t cgroup_id; /* of the unit */
        int64_t pid;        /* changes when it is restarted */
        uint32_t uid;
        uint64_t fd_limit;
        uint64_t fds_else;       /* descriptors in use besides sockets in CLOSE_WAIT */
        uint64_t backlog;        /* connections that wait for accept() at most */
        uint64_t keepalive_usec; /* its sockets' probes, which the peers answer; 0: none */
        bool container;          /* restarted, it has another cgroup */

        uint64_t held; /* sockets in CLOSE_WAIT that have a descriptor */
        uint64_t waiting;
        uint32_t generation; /* restarts */
};

/* A socket that enters CLOSE_WAIT. */
struct arrival {
        size_t process;
        struct port_key port;
        enum close_wait_stage stage;
        uint64_t fin_usec;   /* host time */
        uint64_t idle_usec;  /* since the last data before that */
        uint64_t leave_usec; /* host time; HOST_NEVER: until somebody closes it */
};

struct conn {
        uint64_t cookie; /* 0: a free slot */
        uint64_t fin_usec;
        uint64_t data_usec; /* both monotonic */
        uint64_t leave_usec;
        uint32_t inode;
        uint32_t next_free;
        struct port_key port;
        uint16_t other_port; /* the ephemeral one */
        uint8_t process;
        uint8_t stage;
};

/* What is wrong with the host: one fault at most, on one port. */
struct fault {
        bool planned;
        struct port_key port;
        uint64_t from_usec;  /* monotonic, the first socket's; HOST_NEVER: not yet */
        uint64_t until_usec; /* HOST_NEVER: it has not ended */
        uint64_t
                ceases_usec; /* no socket is added any more, those that are there stay; HOST_NEVER */
};

struct host;

/* Something that makes sockets. Embedded as the first member of what it is; freed by free(). */
struct actor {
        struct actor *next;
        /* Does everything up to and including then. */
        void (*run)(struct actor *actor, struct host *host, uint64_t until_usec);
        /* The peers have gone, of that port or (NULL) all. NULL: no matter. */
        void (*peers_left)(struct actor *actor, uint64_t at_usec, const struct port_key *port);
};

enum mark_kind {
        MARK_RESTART,   /* of a process: its sockets go at once, and with them its fault */
        MARK_PEER,      /* the server that listens on a remote port is restarted */
        MARK_SUSPENDED, /* the machine sleeps: wall time passes, and the peers leave */
        MARK_HELD,      /* a virtual machine is held: monotonic time passes too, nothing runs */
        MARK_UNWATCHED, /* the watcher is stopped, the host runs on */
        MARK_CLOCK_SET,
        MARK_BURST, /* many peers close at once */
};

struct mark {
        enum mark_kind kind;
        uint64_t at_usec;
        int64_t shift_usec; /* how long it lasts, or the clock is moved */
        size_t process;     /* restart, burst */
        bool unmended;      /* restart: the same program, whose fault goes on */
        struct port_key port;
        size_t count;         /* burst: closes */
        uint64_t spread_usec; /* burst: within this time */
        uint64_t handle_usec; /* burst: the process closes one after another, so far apart */
        bool lifo;            /* burst: the last one that came first */
};

struct host {
        struct prng prng;
        struct process processes[HOST_PROCESSES_MAX];
        size_t n_processes;
        uint16_t listeners[HOST_LISTENERS_MAX];
        size_t n_listeners;
        struct actor *actors;
        struct mark *marks; /* in order of time */
        size_t n_marks, marks_done;

        struct conn *conns;
        size_t n_conns; /* slots, free ones included */
        size_t conns_size;
        uint32_t free; /* head of the free slots */
        size_t live;
        uint64_t cookies;

        uint64_t now_usec; /* host time */
        uint64_t monotonic_shift_usec;
        int64_t wall_shift_usec;
        uint64_t swept_usec;
        uint64_t late_permille; /* scans that begin late: a busy machine */

        uint64_t watch_usec; /* host time of the first scan */
        uint64_t end_usec;
        struct fault fault;
};

void *bench_alloc(size_t size); /* zeroed */

struct host *host_new(uint64_t seed);
struct host *host_free(struct host *host);

/* Returns its number. unit: borrowed, static. What is zero is filled in; fd_limit 0 is 1024. */
size_t host_add_process(struct host *host, const struct process *process);
void host_listen(struct host *host, uint16_t port);
/* actor: taken over. */
void host_add_actor(struct host *host, struct actor *actor);
void host_add_mark(struct host *host, const struct mark *mark);

/* Runs to that host time. */
void host_run(struct host *host, uint64_t until_usec);

/*
 * The slot of a new socket. A process at its descriptor limit accepts nothing: then it is a
 * connection that waits for accept(), with a slot or without (-1: the backlog is full, or it would
 * have been an outgoing one).
 */
#define HOST_NO_SLOT (-1)
int64_t host_open(struct host *host, const struct arrival *arrival);
void host_close(struct host *host, int64_t slot);

uint64_t host_monotonic(const struct host *host, uint64_t host_usec);
uint64_t host_wall(const struct host *host, uint64_t host_usec);
/* When the scan after one at now_usec begins. */
uint64_t host_next_scan(struct host *host, uint64_t interval_usec);

/* The first leaked socket has come. */
void host_fault_begins(struct host *host, uint64_t at_usec);
void host_fault_ends(struct host *host, uint64_t at_usec);

/* Descriptors in use. */
uint64_t process_fds(const struct process *process);

/*
 * Calls fn with each socket that is in CLOSE_WAIT now, as the kernel would describe it; info: with
 * tcp_info. Ends with the first that is not 0, and returns it.
 */
int host_each_socket(const struct host *host, bool info,
                     int (*fn)(const struct sockrec *record, void *userdata), void *userdata);

/* Who holds the sockets of that port: what the owner search of the daemon would find. */
void host_owner(const struct host *host, const struct port_key *port, struct owner *ret_owner);
