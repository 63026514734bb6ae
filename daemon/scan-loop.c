/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loop's side of the scanner: what it takes, asks and tells, each a moment under the lock. */

#include <errno.h>
#include <unistd.h>

#include "base.h"
#include "scan-private.h"

int scan_get_fd(const struct scan *scan)
{
        return scan->fd;
}

void scan_acknowledge(struct scan *scan)
{
        uint64_t count;

        (void)!read(scan->fd, &count, sizeof(count));
}

struct snapshot *scan_take_snapshot(struct scan *scan)
{
        struct snapshot *snapshot;

        (void)pthread_mutex_lock(&scan->lock);
        snapshot = TAKE_PTR(scan->published);
        (void)pthread_mutex_unlock(&scan->lock);
        return snapshot;
}

void scan_get_recording(struct scan *scan, struct recorder_stats *ret_stats)
{
        (void)pthread_mutex_lock(&scan->lock);
        *ret_stats = scan->recording;
        (void)pthread_mutex_unlock(&scan->lock);
}

void scan_reconfigure(struct scan *scan, struct conf *conf)
{
        struct conf *old;

        (void)pthread_mutex_lock(&scan->lock);
        old = scan->conf;
        scan->conf = conf_ref(conf);
        scan->scan_now = true;
        (void)pthread_cond_signal(&scan->wake);
        (void)pthread_mutex_unlock(&scan->lock);
        conf_unref(old);
}

int scan_ask_owner(struct scan *scan, const struct port_key *port,
                   const struct port_witness *witness, enum scan_asker asker)
{
        int r;

        (void)pthread_mutex_lock(&scan->lock);
        r = questions_ask_owner(&scan->questions, port, witness, asker == SCAN_ASKER_ALERT);
        (void)pthread_cond_signal(&scan->wake);
        (void)pthread_mutex_unlock(&scan->lock);
        return r;
}

bool scan_take_answer(struct scan *scan, struct owner_answer *ret_answer)
{
        bool taken;

        (void)pthread_mutex_lock(&scan->lock);
        taken = questions_take_owner(&scan->questions, ret_answer);
        (void)pthread_mutex_unlock(&scan->lock);
        return taken;
}

int scan_ask_look(struct scan *scan, const struct look_question *question)
{
        struct look_answer *answer = look_answer_new(question);
        int r;

        if (!answer)
                return -ENOMEM;
        (void)pthread_mutex_lock(&scan->lock);
        r = questions_ask_look(&scan->questions, answer);
        (void)pthread_cond_signal(&scan->wake);
        (void)pthread_mutex_unlock(&scan->lock);
        if (r < 0)
                look_answer_unref(answer);
        return r;
}

struct look_answer *scan_take_look(struct scan *scan)
{
        struct look_answer *answer;

        (void)pthread_mutex_lock(&scan->lock);
        answer = questions_take_look(&scan->questions);
        (void)pthread_mutex_unlock(&scan->lock);
        return answer;
}
