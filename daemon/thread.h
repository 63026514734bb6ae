/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the daemon's threads begin: a name, a small stack, and no signals, which are the loop's. */

#include <pthread.h>
#include <stddef.h>

/*
 * name: at most 15 bytes. allowed: the one signal that the thread takes all the same; 0: none. 0 or
 * -errno.
 */
int thread_start(pthread_t *thread, const char *name, size_t stack_bytes, int allowed,
                 void *(*run)(void *userdata), void *userdata);

/* A condition whose waits are timed by CLOCK_MONOTONIC. */
void thread_init_cond(pthread_cond_t *cond);
