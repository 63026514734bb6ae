/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The scenarios: kinds of hosts, each run several times with other numbers. They are what hosts do,
 * made without an eye to any detector; one that a detector fails at stays.
 */

#include "host.h"

struct kind {
        const char *name;
        const char *what;
        unsigned runs;
        bool leaks;      /* a fault is planned in each run */
        bool per_minute; /* ... that leaks one socket a minute from its beginning */
        bool beyond;     /* harder than what must hold: counted apart */
        void (*build)(struct host *host, const struct kind *kind, unsigned run);
        const void *plan; /* for build */
};

extern const struct kind kinds[];
extern const size_t n_kinds;

/* Runs of the kinds that must hold, or of those beyond. */
unsigned kinds_runs(bool beyond);

/* NULL: no such kind. */
const struct kind *kind_find(const char *name);

/* The host of one run, ready to go: the same for the same name and run, always. Never NULL. */
struct host *kind_build(const struct kind *kind, unsigned run);

/* leaks.c */
struct leak_plan {
        uint64_t gap_usec; /* between two leaked sockets; 0: one in a hundred of the traffic */
        enum port_side side;
        enum close_wait_stage stage;
        enum { BEGINS_SOMETIME, BEGINS_BEFORE, BEGINS_WITH_DEPLOY } begins;
        enum { TRAFFIC_LIGHT, TRAFFIC_HEAVY, TRAFFIC_SLOW } traffic; /* healthy, on that port */
        uint64_t fd_limit;                                           /* 0: 1024 */
        bool workers;                                                /* several share the port */
        bool beside_pool; /* a keep-alive pool goes to the same port */
        bool day_night;   /* leaks follow the traffic of a day */
        bool restarted;   /* a mended program is deployed some hours later */
        unsigned at_once; /* 0: one */
        unsigned hours;   /* from its beginning; 0: 6 */
};
void build_leak(struct host *host, const struct kind *kind, unsigned run);
/* plan: an enum close_wait_stage. */
void build_stall(struct host *host, const struct kind *kind, unsigned run);

/* healthy.c, outage.c */
struct pools_plan {
        bool fifo;
        bool running; /* for hours, when the watching starts */
        bool several; /* of several processes, towards one port */
};
void build_pools(struct host *host, const struct kind *kind, unsigned run);
void build_burst(struct host *host, const struct kind *kind, unsigned run);
/* plan: a bool, with a tail. */
void build_slow(struct host *host, const struct kind *kind, unsigned run);
void build_batch(struct host *host, const struct kind *kind, unsigned run);
void build_load_test(struct host *host, const struct kind *kind, unsigned run);
void build_web(struct host *host, const struct kind *kind, unsigned run);
void build_quiet(struct host *host, const struct kind *kind, unsigned run);
void build_rolling(struct host *host, const struct kind *kind, unsigned run);
/* plan: an enum mark_kind. */
void build_outage(struct host *host, const struct kind *kind, unsigned run);
void build_clock(struct host *host, const struct kind *kind, unsigned run);

/* hard.c */
void build_reports(struct host *host, const struct kind *kind, unsigned run);
void build_collector(struct host *host, const struct kind *kind, unsigned run);
void build_reaper(struct host *host, const struct kind *kind, unsigned run);
void build_burst_lifo(struct host *host, const struct kind *kind, unsigned run);
void build_proxy(struct host *host, const struct kind *kind, unsigned run);
void build_unevicted(struct host *host, const struct kind *kind, unsigned run);
void build_forgetful_batch(struct host *host, const struct kind *kind, unsigned run);
void build_pauses(struct host *host, const struct kind *kind, unsigned run);
void build_redeploy(struct host *host, const struct kind *kind, unsigned run);

/* hardleaks.c */
void build_leak_half(struct host *host, const struct kind *kind, unsigned run);
void build_leak_after_jobs(struct host *host, const struct kind *kind, unsigned run);
void build_leak_rolling(struct host *host, const struct kind *kind, unsigned run);
void build_leak_crash_loop(struct host *host, const struct kind *kind, unsigned run);
void build_leak_keepalive(struct host *host, const struct kind *kind, unsigned run);
void build_leak_ceases(struct host *host, const struct kind *kind, unsigned run);

/* Jobs whose clients leave early: closed when the job is done, 1 to 8 min later. */
struct flow;
struct flow slow_jobs(struct host *host, size_t process, unsigned run);

/* What runs on most hosts: a web server, and a small pool to a cache. */
void add_background(struct host *host);

/* The item of a list for that run. */
#define PICK(list, run) ((list)[(run) % ARRAY_SIZE(list)])
