/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thread.h"

#include <signal.h>
#include <time.h>

/* A thread inherits the mask of its maker, so it never runs with another one. */
static int create(pthread_t *thread, const pthread_attr_t *attr, int allowed,
                  void *(*run)(void *userdata), void *userdata)
{
        sigset_t mask, before;
        int r;

        (void)sigfillset(&mask);
        if (allowed != 0)
                (void)sigdelset(&mask, allowed);
        (void)pthread_sigmask(SIG_SETMASK, &mask, &before);
        r = pthread_create(thread, attr, run, userdata);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

int thread_start(pthread_t *thread, const char *name, size_t stack_bytes, int allowed,
                 void *(*run)(void *userdata), void *userdata)
{
        pthread_attr_t attr;
        int r = -pthread_attr_init(&attr);

        if (r < 0)
                return r;
        (void)pthread_attr_setstacksize(&attr, stack_bytes);
        r = create(thread, &attr, allowed, run, userdata);
        (void)pthread_attr_destroy(&attr);
        if (r == 0)
                (void)pthread_setname_np(*thread, name);
        return r;
}

/* None of these can fail on Linux. */
void thread_init_cond(pthread_cond_t *cond)
{
        pthread_condattr_t attr;

        (void)pthread_condattr_init(&attr);
        (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void)pthread_cond_init(cond, &attr);
        (void)pthread_condattr_destroy(&attr);
}
