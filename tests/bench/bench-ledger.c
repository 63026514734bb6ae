/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What it costs to keep 100,000 sockets in CLOSE_WAIT in the ledger, beside what it costs to have
 * them listed at all. Three measurements, one after another in each round, so that a machine that
 * is slow for a while is slow for all of them; medians of CPU time:
 *
 *   bare dump    the kernel lists them, each is parsed, and thrown away
 *   scan         look_scan(): the same, and all that twmond makes of it
 *   from memory  an observer fed with as many records: all that is not the dump, alone
 *
 * The same work is dearer in a scan than from memory: the kernel, walking its sockets, has emptied
 * the processor's caches meanwhile. So both are printed, and the worse one is what counts; but not
 * the first scan's, when the ledger is made.
 *
 * The sockets are real, in a network namespace of their own. Records from memory come in an order
 * that has nothing to do with their cookies, and in the same one at each scan, as the kernel's do.
 *
 * Exit status 1: too slow; 2: it could not be measured.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base.h"
#include "conf.h"
#include "crowd.h"
#include "diag.h"
#include "host.h"
#include "look.h"
#include "observe.h"
#include "prng.h"

#define SOCKETS       100000
#define ROUNDS        15
#define TURNOVER_PCT  10
#define PORTS         8
#define LOST_MAX      (SOCKETS / 1000) /* real ones that the kernel may have reset meanwhile */
#define WANTED_USEC   (10 * USEC_PER_MSEC)
#define DID_NOT_RUN   2
#define INTERVAL_USEC (10 * USEC_PER_SEC)

enum measure { BARE_DUMP, SCAN, FIRST, STEADY, TURNOVER, MEASURE_COUNT };

struct bench {
        uint64_t taken_usec[MEASURE_COUNT][ROUNDS];
        struct conf *conf;
        struct diag *diag;
        struct look *look;
        struct observer *observer;
        uint64_t *cookies; /* SOCKETS */
        uint64_t last_cookie;
        struct prng prng;
        uint64_t seen;     /* real sockets, in the last dump */
        uint64_t now_usec; /* virtual */
        uint64_t generation;
};

static uint64_t cpu_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static int ignore(const struct sockrec *record, void *userdata)
{
        (void)record;
        ++*(uint64_t *)userdata;
        return 0;
}

static int bare_dump(struct bench *bench)
{
        const struct diagmsg_sink sink = { .fn = ignore, .userdata = &bench->seen };
        struct diag_stats stats = { 0 };
        int r;

        bench->seen = 0;
        r = diag_dump(bench->diag, OBSERVER_STATES, false, &sink, &stats);
        return r < 0 ? r : bench->seen < SOCKETS - LOST_MAX ? -ERANGE : 0;
}

static struct scan_request new_request(struct bench *bench)
{
        bench->now_usec += INTERVAL_USEC;
        return (struct scan_request){ .generation = ++bench->generation,
                                      .now_usec = bench->now_usec,
                                      .rules = bench->conf->rules };
}

/* So many were seen, and all of them are in the ledger. */
static int check(struct snapshot *snapshot, uint64_t sockets)
{
        const uint64_t seen = snapshot->total[SOCK_CLOSE_WAIT];
        const bool whole =
                snapshot->result == SCAN_COMPLETE && seen >= sockets && snapshot->tracked >= seen;

        snapshot_unref(snapshot);
        return whole ? 0 : -ERANGE;
}

static int scan(struct bench *bench)
{
        const struct scan_request request = new_request(bench);
        struct snapshot *snapshot;
        const int r = look_scan(bench->look, &request, &snapshot);

        return r < 0 ? r : check(snapshot, SOCKETS - LOST_MAX);
}

static void show_listeners(struct observer *observer)
{
        observer_begin_listeners(observer);
        for (uint16_t i = 0; i < PORTS; i++)
                observer_listener(observer, &(struct sockrec){ .state = SOCK_LISTEN,
                                                               .local_port = CROWD_PORT + i });
        observer_end_listeners(observer, true);
}

static int feed(struct bench *bench)
{
        struct sockrec record = { .cgroup_id = 4711,
                                  .uid = 1001,
                                  .receive_queue = 1,
                                  .state = SOCK_CLOSE_WAIT,
                                  .family = ADDR_IPV4,
                                  .have = SOCKREC_CGROUP | SOCKREC_OWNER };
        int r = 0;

        observer_begin_sockets(bench->observer);
        for (size_t i = 0; i < SOCKETS && r == 0; i++) {
                record.cookie = bench->cookies[i];
                record.inode = (uint32_t)record.cookie;
                record.local_port = (uint16_t)(CROWD_PORT + record.cookie % PORTS);
                record.remote_port = (uint16_t)(32768 + record.cookie % 28232);
                r = observer_socket(bench->observer, &record);
        }
        return r;
}

static int scan_memory(struct bench *bench)
{
        const struct scan_request request = new_request(bench);
        const struct scan_outcome outcome = { .sockets_whole = true };
        struct snapshot *snapshot;
        int r;

        observer_begin(bench->observer, &request);
        show_listeners(bench->observer);
        r = feed(bench);
        if (r < 0)
                return r;
        r = observer_finish(bench->observer, &outcome, &snapshot);
        return r < 0 ? r : check(snapshot, SOCKETS);
}

static int measure(struct bench *bench, enum measure what, unsigned round,
                   int (*fn)(struct bench *bench))
{
        const uint64_t began_usec = cpu_usec();
        const int r = fn(bench);

        bench->taken_usec[what][round] = cpu_usec() - began_usec;
        return r;
}

static void shuffle(struct bench *bench)
{
        for (size_t i = 0; i < SOCKETS; i++)
                bench->cookies[i] = ++bench->last_cookie;
        for (size_t i = SOCKETS - 1; i > 0; i--) {
                const size_t other = prng_below(&bench->prng, i + 1);
                const uint64_t cookie = bench->cookies[i];

                bench->cookies[i] = bench->cookies[other];
                bench->cookies[other] = cookie;
        }
}

static void turn_over(struct bench *bench)
{
        for (size_t i = 0; i < SOCKETS / 100 * TURNOVER_PCT; i++)
                bench->cookies[prng_below(&bench->prng, SOCKETS)] = ++bench->last_cookie;
}

/* A new observer: its first scan, one of the same sockets, one where a tenth are others. */
static int measure_memory(struct bench *bench, unsigned round)
{
        int r;

        bench->observer = observer_free(bench->observer);
        shuffle(bench);
        r = observer_new(&bench->observer);
        if (r == 0)
                r = measure(bench, FIRST, round, scan_memory);
        if (r == 0)
                r = measure(bench, STEADY, round, scan_memory);
        for (unsigned i = 0; i < 2 && r == 0; i++) {
                turn_over(bench);
                r = scan_memory(bench); /* so that some are missing for the second time */
        }
        turn_over(bench);
        return r < 0 ? r : measure(bench, TURNOVER, round, scan_memory);
}

static int measure_all(struct bench *bench)
{
        int r = scan(bench); /* the ledger's first, which is not what is compared */

        for (unsigned round = 0; round < ROUNDS && r == 0; round++) {
                r = measure(bench, BARE_DUMP, round, bare_dump);
                if (r == 0)
                        r = measure(bench, SCAN, round, scan);
                if (r == 0)
                        r = measure_memory(bench, round);
        }
        return r;
}

static int prepare(struct bench *bench)
{
        int r = conf_new_default(&bench->conf);

        bench->prng.state = 1;
        bench->now_usec = USEC_PER_DAY;
        bench->cookies = bench_alloc(SOCKETS * sizeof(*bench->cookies));
        if (r == 0)
                r = diag_new(&bench->diag);
        return r < 0 ? r : look_new(&bench->look);
}

static void done(struct bench *bench)
{
        free(bench->cookies);
        observer_free(bench->observer);
        look_free(bench->look);
        diag_free(bench->diag);
        conf_unref(bench->conf);
}

static int compare(const void *a, const void *b)
{
        const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static uint64_t median(uint64_t *taken_usec)
{
        qsort(taken_usec, ROUNDS, sizeof(*taken_usec), compare);
        return taken_usec[ROUNDS / 2];
}

/* Of each round by itself: what slows the machine down for a while is in both. */
static uint64_t beyond_dump(const struct bench *bench)
{
        uint64_t beyond_usec[ROUNDS];

        for (size_t i = 0; i < ROUNDS; i++) {
                const uint64_t bare_usec = bench->taken_usec[BARE_DUMP][i];

                beyond_usec[i] = MAX(bench->taken_usec[SCAN][i], bare_usec) - bare_usec;
        }
        return median(beyond_usec);
}

static void print_row(const char *what, uint64_t usec, uint64_t bare_usec)
{
        printf("%-46s %8.2f %8.2f\n", what, (double)usec / 1000, (double)usec / (double)bare_usec);
}

/* Whether the worst of the three updates of a ledger that is full already is fast enough. */
static bool print(struct bench *bench)
{
        uint64_t usec[MEASURE_COUNT], worst_usec;

        const uint64_t beyond_usec = beyond_dump(bench); /* before the rounds are sorted */

        for (size_t i = 0; i < MEASURE_COUNT; i++)
                usec[i] = median(bench->taken_usec[i]);
        worst_usec = MAX(beyond_usec, MAX(usec[STEADY], usec[TURNOVER]));
        printf("%" PRIu64 " sockets in CLOSE_WAIT; CPU time, medians of %d runs\n\n%-46s %8s %8s\n",
               bench->seen, ROUNDS, "", "ms", "to dump");
        print_row("bare dump", usec[BARE_DUMP], usec[BARE_DUMP]);
        print_row("scan: dump, tally, ledger, snapshot", usec[SCAN], usec[BARE_DUMP]);
        print_row("  what that is beyond the dump", beyond_usec, usec[BARE_DUMP]);
        print_row("tally, ledger, snapshot from memory: first", usec[FIRST], usec[BARE_DUMP]);
        print_row("  the same sockets again", usec[STEADY], usec[BARE_DUMP]);
        print_row("  a tenth of them new, a tenth gone", usec[TURNOVER], usec[BARE_DUMP]);
        printf("\n%s  ledger update of %d tracked sockets: %.2f ms per scan at worst (wanted: < "
               "%d ms)\n",
               worst_usec < WANTED_USEC ? "PASS" : "FAIL", SOCKETS, (double)worst_usec / 1000,
               (int)(WANTED_USEC / USEC_PER_MSEC));
        return worst_usec < WANTED_USEC;
}

static int failed(const char *what, int error)
{
        fprintf(stderr, "bench-ledger: %s: %s\n", what,
                error == -ERANGE ? "not all sockets were seen" : strerror(-error));
        return DID_NOT_RUN;
}

int main(void)
{
        const struct crowd_order order = { .kind = CROWD_CLOSE_WAIT,
                                           .sockets = SOCKETS,
                                           .port = CROWD_PORT };
        struct bench bench = { 0 };
        struct crowd crowd;
        int r = crowd_enter();

        if (r < 0)
                return failed("no network namespace of its own", r);
        r = crowd_make(&order, &crowd);
        if (r < 0)
                return failed("making the sockets failed", r);
        r = prepare(&bench);
        if (r == 0)
                r = measure_all(&bench);
        crowd_end(&crowd);
        r = r < 0 ? failed("measuring failed", r) : print(&bench) ? 0 : 1;
        done(&bench);
        return r;
}
