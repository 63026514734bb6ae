/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each scan has a slot, which scan-plan.c plans: whole intervals after the one before, as long as
 * nothing is in the way. A scan counts ages from its slot, not from the moment at which the thread
 * happened to wake up, so that a socket seen in one slot is exactly six intervals old six intervals
 * later. Slots that a slow scan has run over are left out: the scan is merged with them, never
 * queued. A thread that woke up much too late (the machine was busy, the process stopped) starts a
 * new row of slots. Scans come before questions, and questions one at a time, so that neither a
 * slot nor the end of the thread waits for more than one search or look. Looks and searches take
 * turns, so that neither can keep the other waiting.
 *
 * Between the threads there is one mutex, held for a few assignments at a time: never over a dump,
 * a file or an allocation of size. A snapshot that the loop has not taken is replaced by the next.
 */

#include "scan-private.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base.h"
#include "clock.h"
#include "look.h"
#include "owner.h"
#include "questions.h"
#include "thread.h"
#include "units.h"

#define STACK_BYTES (512 * 1024)

#define SLACK_PART     200
#define SLACK_MAX_USEC 50000

int scan_new(struct conf *conf, struct scan **ret_scan)
{
        struct scan *scan = calloc(1, sizeof(*scan));

        if (!scan)
                return -ENOMEM;
        scan->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (scan->fd < 0) {
                const int r = -errno;

                free(scan);
                return r;
        }
        (void)pthread_mutex_init(&scan->lock, NULL); /* cannot fail on Linux */
        thread_init_cond(&scan->wake);
        scan->conf = conf_ref(conf);
        scan->finder = (struct owner_finder){ .proc = "/proc",
                                              .cgroup = "/sys/fs/cgroup",
                                              .memory = &scan->memory };
        *ret_scan = scan;
        return 0;
}

static void notify_loop(struct scan *scan)
{
        const uint64_t one = 1;

        (void)!write(scan->fd, &one, sizeof(one)); /* EAGAIN: it is readable already */
}

static void publish(struct scan *scan, struct snapshot *snapshot)
{
        struct snapshot *replaced;
        struct recorder_stats recording;

        recorder_get_stats(scan->recorder, &recording);
        (void)pthread_mutex_lock(&scan->lock);
        scan->recording = recording;
        replaced = scan->published;
        scan->published = snapshot;
        (void)pthread_mutex_unlock(&scan->lock);
        snapshot_unref(replaced);
        notify_loop(scan);
}

/* tcp_info dates sockets that may have been in CLOSE_WAIT for long before this scan. */
static bool shall_date(const struct scan *scan, const struct conf *conf)
{
        return scan->complete_usec == 0 ||
               scan->slot_usec - scan->complete_usec > conf->interval_usec;
}

static int look_or_fail(struct scan *scan, const struct scan_request *request,
                        struct snapshot **ret_snapshot)
{
        int r = scan_open_look(scan);

        if (r < 0)
                return look_failed(request, r, ret_snapshot);
        look_set_recorder(scan->look, scan->recorder);
        return look_scan(scan->look, request, ret_snapshot);
}

/*
 * plan: as it was under the lock. NULL: no memory for a snapshot; the next slot tries again. The
 * snapshot is the caller's.
 */
static struct snapshot *do_scan(struct scan *scan, const struct conf *conf,
                                const struct scan_plan *plan)
{
        const uint64_t cpu_usec = clock_thread_cpu_usec(), start_usec = clock_now_usec();
        const struct scan_request request = { .generation = ++scan->generation,
                                              .now_usec = scan->slot_usec,
                                              .now_wall_usec = clock_wall_usec(),
                                              .rules = conf->rules,
                                              .conf_serial = conf->serial,
                                              .max_tracked = conf->max_tracked,
                                              .date_new = shall_date(scan, conf),
                                              .interval_usec = conf->interval_usec,
                                              .pause_usec = plan->pause_usec,
                                              .time_wait = plan->time_wait };
        struct snapshot *snapshot;

        if (look_or_fail(scan, &request, &snapshot) < 0)
                return NULL;
        if (snapshot->result == SCAN_COMPLETE) {
                scan->complete_usec = scan->slot_usec;
                scan_tell_state(scan, conf->rules);
        }
        snapshot->end_usec = clock_now_usec();
        snapshot->cost.wall_usec = snapshot->end_usec - start_usec;
        snapshot->cost.cpu_usec = clock_thread_cpu_usec() - cpu_usec;
        recorder_finish(scan->recorder, &request, snapshot);
        return snapshot;
}

static void forget_found(struct scan *scan)
{
        owner_finder_forget(&scan->finder);
        scan->finder_used = 0;
}

/* With the lock held; released while the files are read. */
static void answer_owner(struct scan *scan)
{
        struct owner_answer answer = questions_next_owner(&scan->questions)->answer;
        const uint64_t cpu_usec = clock_thread_cpu_usec(), now_usec = clock_now_usec();
        bool for_alert;

        (void)pthread_mutex_unlock(&scan->lock);
        owner_finder_find(&scan->finder, &answer.witness, now_usec, &answer.owner);
        answer.cpu_usec = clock_thread_cpu_usec() - cpu_usec;
        (void)pthread_mutex_lock(&scan->lock);
        for_alert = questions_next_owner(&scan->questions)->for_alert; /* asked for since */
        (void)pthread_mutex_unlock(&scan->lock);
        if (for_alert) /* a file: not under the lock */
                recorder_owner(scan->recorder, &answer);
        (void)pthread_mutex_lock(&scan->lock);
        questions_owner_found(&scan->questions, &answer.owner, answer.cpu_usec);
        scan_plan_looked(scan, clock_now_usec());
        if (!questions_next_owner(&scan->questions) || ++scan->finder_used == QUESTIONS_OWNERS_MAX)
                forget_found(scan);
        notify_loop(scan);
}

/* A look is fresh: it goes by nothing that was found before. */
static void take_look(struct scan *scan, const struct conf *conf, struct look_answer *answer)
{
        struct owner_finder finder = { .proc = scan->finder.proc, .cgroup = scan->finder.cgroup };
        const struct scan_request request = { .now_usec = clock_now_usec(),
                                              .now_wall_usec = clock_wall_usec(),
                                              .rules = conf->rules,
                                              .conf_serial = conf->serial,
                                              .interval_usec = conf->interval_usec };

        answer->error = scan_open_look(scan);
        if (answer->error == 0)
                look_answer_take(answer, scan->look, &request, &finder);
        owner_finder_forget(&finder);
}

/* With the lock held; released while the kernel is asked. */
static void answer_look(struct scan *scan)
{
        struct look_answer *answer = questions_next_look(&scan->questions);
        struct conf *conf = conf_ref(scan->conf);

        (void)pthread_mutex_unlock(&scan->lock);
        forget_found(scan); /* it would be old by the time the look is over */
        take_look(scan, conf, answer);
        conf_unref(conf);
        (void)pthread_mutex_lock(&scan->lock);
        questions_look_done(&scan->questions);
        scan_plan_looked(scan, clock_now_usec());
        notify_loop(scan);
}

static bool has_questions(struct scan *scan)
{
        return questions_next_look(&scan->questions) || questions_next_owner(&scan->questions);
}

/* With the lock held. */
static void answer_one(struct scan *scan)
{
        const bool owner = questions_next_owner(&scan->questions);

        if (questions_next_look(&scan->questions) && !(owner && scan->owner_next)) {
                scan->owner_next = true;
                answer_look(scan);
        } else if (owner) {
                scan->owner_next = false;
                answer_owner(scan);
        }
}

/* A scan may be so much late, together with what else the machine wakes up for. */
static void set_slack(struct scan *scan, uint64_t interval_usec)
{
        const uint64_t slack_usec = MIN(interval_usec / SLACK_PART, (uint64_t)SLACK_MAX_USEC);

        if (slack_usec != scan->slack_usec)
                (void)prctl(PR_SET_TIMERSLACK, (unsigned long)(slack_usec * 1000));
        scan->slack_usec = slack_usec;
}

/* With the lock held; released while the kernel is asked. */
static void scan_once(struct scan *scan)
{
        struct conf *conf = conf_ref(scan->conf);
        struct snapshot *snapshot;
        struct scan_plan plan;

        scan_plan_configure(scan, clock_now_usec());
        scan_plan_begin(scan, clock_now_usec());
        plan = scan->plan;
        scan->slot_usec = plan.slot_usec;
        (void)pthread_mutex_unlock(&scan->lock);
        set_slack(scan, conf->interval_usec);
        snapshot = do_scan(scan, conf, &plan);
        conf_unref(conf);
        (void)pthread_mutex_lock(&scan->lock);
        scan_plan_end(scan, scan->generation, snapshot,
                      clock_now_usec()); /* before the loop can judge it */
        (void)pthread_mutex_unlock(&scan->lock);
        if (snapshot)
                publish(scan, snapshot);
        (void)pthread_mutex_lock(&scan->lock);
}

/* With the lock held. False: stop. */
static bool wait_for_work(struct scan *scan)
{
        while (!scan->stop && !scan_plan_is_due(scan, clock_now_usec()) && !has_questions(scan)) {
                const uint64_t usec = scan->plan.next.next_usec; /* the loop may plan anew */
                const struct timespec until = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
                                                .tv_nsec = (long)(usec % USEC_PER_SEC) * 1000 };

                (void)pthread_cond_timedwait(&scan->wake, &scan->lock, &until);
        }
        return !scan->stop;
}

void scan_set_recorder(struct scan *scan, struct recorder *recorder)
{
        scan->recorder = recorder;
}

static void *run(void *userdata)
{
        struct scan *scan = userdata;

        (void)pthread_mutex_lock(&scan->lock);
        scan_plan_start(scan, clock_now_usec());
        while (wait_for_work(scan)) {
                if (scan_plan_is_due(scan, clock_now_usec()))
                        scan_once(scan);
                else
                        answer_one(scan);
        }
        (void)pthread_mutex_unlock(&scan->lock);
        return NULL;
}

int scan_start(struct scan *scan)
{
        int r = thread_start(&scan->thread, "twmond-scan", STACK_BYTES, 0, run, scan);

        scan->started = r == 0;
        return r;
}

void scan_stop(struct scan *scan)
{
        if (scan->stop)
                return;
        (void)pthread_mutex_lock(&scan->lock);
        scan->stop = true;
        (void)pthread_cond_signal(&scan->wake);
        (void)pthread_mutex_unlock(&scan->lock);
        if (scan->started)
                (void)pthread_join(scan->thread, NULL);
        scan_tell_last_state(scan);
}

struct scan *scan_free(struct scan *scan)
{
        if (!scan)
                return NULL;
        scan_stop(scan);
        look_free(scan->look);
        observer_free(scan->restored);
        recbuf_done(&scan->state);
        owner_finder_forget(&scan->finder);
        questions_done(&scan->questions);
        snapshot_unref(scan->published);
        conf_unref(scan->conf);
        (void)pthread_cond_destroy(&scan->wake);
        (void)pthread_mutex_destroy(&scan->lock);
        close_fdp(&scan->fd);
        free(scan);
        return NULL;
}
