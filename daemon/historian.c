/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rows go before questions, so that whoever asks is told what was handed over before. No lock is
 * held over the disk. A disk that hangs at the end is left behind with the thread and all that it
 * uses, which frees itself should it ever come back.
 */

#include "historian.h"

#include <assert.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "base.h"
#include "historyfile.h"
#include "netns.h"
#include "thread.h"

#define STACK_BYTES (64 * 1024)

static_assert(HISTORIAN_LINE_MAX >= HISTORYFILE_NOTE, "a note fits");

struct historian {
        struct history_file file; /* the thread's */
        char *dir;
        pthread_t thread;
        int changed_fd; /* -1: not started */
        pthread_mutex_t lock;
        pthread_cond_t wake;
        pthread_cond_t end;

        /* under the lock */
        struct history_row
                *rows[HISTORIAN_ROWS_MAX]; /* oldest first; mostly none, so not in here */
        size_t n_rows;
        struct history_answer *answers[HISTORIAN_ANSWERS_MAX]; /* those that are filled in first */
        size_t n_filled;
        size_t n_answers;
        struct historian_stats stats;
        char note[HISTORIAN_LINE_MAX]; /* empty: none */
        bool stop, gone, abandoned;
};

static void destroy(struct historian *historian)
{
        history_file_close(&historian->file);
        for (size_t i = 0; i < historian->n_rows; i++)
                free(historian->rows[i]);
        for (size_t i = 0; i < historian->n_answers; i++)
                history_answer_unref(historian->answers[i]);
        if (historian->changed_fd >= 0)
                (void)close(historian->changed_fd);
        (void)pthread_mutex_destroy(&historian->lock);
        (void)pthread_cond_destroy(&historian->wake);
        (void)pthread_cond_destroy(&historian->end);
        free(historian->dir);
        free(historian);
}

int historian_new(const char *dir, struct historian **ret_historian)
{
        struct historian *historian = calloc(1, sizeof(*historian));
        sd_id128_t boot_id;

        if (!historian)
                return -ENOMEM;
        historian->dir = strdup(dir);
        if (!historian->dir) {
                free(historian);
                return -ENOMEM;
        }
        historian->file = (struct history_file){ .dir = historian->dir, .fd = -1 };
        if (sd_id128_get_boot(&boot_id) == 0)
                memcpy(historian->file.origin.boot_id, boot_id.bytes, HISTORY_BOOT_ID);
        historian->file.origin.netns = netns_id("/proc");
        historian->changed_fd = -1;
        (void)pthread_mutex_init(&historian->lock, NULL); /* cannot fail on Linux */
        thread_init_cond(&historian->wake);
        thread_init_cond(&historian->end);
        *ret_historian = historian;
        return 0;
}

/* ---- the thread's ---- */

static void publish_note(struct historian *historian, const char *note)
{
        if (!note[0])
                return;
        (void)pthread_mutex_lock(&historian->lock);
        memcpy(historian->note, note, strlen(note) + 1);
        (void)eventfd_write(historian->changed_fd, 1);
        (void)pthread_mutex_unlock(&historian->lock);
}

static int open_file(struct historian *historian)
{
        char note[HISTORYFILE_NOTE];
        int r = history_file_open(&historian->file, note);

        publish_note(historian, note);
        return r;
}

static void write_row(struct historian *historian, const struct history_row *row)
{
        int r = open_file(historian);

        if (r == 0)
                r = history_file_put(&historian->file, row);
        (void)pthread_mutex_lock(&historian->lock);
        historian->stats.written += r == 0;
        historian->stats.lost += r < 0;
        if (r != historian->stats.error)
                (void)eventfd_write(historian->changed_fd, 1);
        historian->stats.error = r;
        (void)pthread_mutex_unlock(&historian->lock);
}

static void fill_in(struct historian *historian, struct history_answer *answer)
{
        int r = open_file(historian);

        for (unsigned i = 0; r == 0 && i < HISTORY_ANSWER_SIDES; i++)
                r = history_file_read(&historian->file, answer->until_sec, answer->series[i]);
        answer->error = r;
        (void)pthread_mutex_lock(&historian->lock);
        historian->n_filled++;
        (void)eventfd_write(historian->changed_fd, 1);
        (void)pthread_mutex_unlock(&historian->lock);
}

/* The oldest one, to be freed. Under the lock. */
static struct history_row *take_row(struct historian *historian)
{
        struct history_row *row = historian->rows[0];

        historian->n_rows--;
        memmove(historian->rows, historian->rows + 1,
                historian->n_rows * sizeof(historian->rows[0]));
        return row;
}

enum work { WORK_ROW, WORK_ANSWER, WORK_END };

/* Waits for it. Whoever asks at the end is not answered any more. */
static enum work next_work(struct historian *historian, struct history_row **ret_row,
                           struct history_answer **ret_answer)
{
        enum work work = WORK_END;

        (void)pthread_mutex_lock(&historian->lock);
        while (!historian->stop && historian->n_rows == 0 &&
               historian->n_filled == historian->n_answers)
                (void)pthread_cond_wait(&historian->wake, &historian->lock);
        if (historian->n_rows > 0) {
                *ret_row = take_row(historian);
                work = WORK_ROW;
        } else if (!historian->stop) {
                *ret_answer = historian->answers[historian->n_filled];
                work = WORK_ANSWER;
        }
        (void)pthread_mutex_unlock(&historian->lock);
        return work;
}

static void *run(void *userdata)
{
        struct historian *historian = userdata;
        struct history_answer *answer;
        struct history_row *row;
        enum work work;
        bool abandoned;

        while ((work = next_work(historian, &row, &answer)) != WORK_END)
                if (work == WORK_ROW) {
                        write_row(historian, row);
                        free(row);
                } else {
                        fill_in(historian, answer);
                }
        (void)pthread_mutex_lock(&historian->lock);
        historian->gone = true;
        abandoned = historian->abandoned;
        (void)pthread_cond_signal(&historian->end);
        (void)pthread_mutex_unlock(&historian->lock);
        if (abandoned)
                destroy(historian);
        return NULL;
}

/* ---- the loop's ---- */

int historian_start(struct historian *historian)
{
        int r;

        historian->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (historian->changed_fd < 0)
                return -errno;
        r = thread_start(&historian->thread, "history", STACK_BYTES, 0, run, historian);
        if (r < 0) {
                (void)close(historian->changed_fd);
                historian->changed_fd = -1;
        }
        return r;
}

void historian_put(struct historian *historian, const struct history_row *row)
{
        struct history_row *copy = malloc(sizeof(*copy));

        (void)pthread_mutex_lock(&historian->lock);
        if (!copy || historian->n_rows == HISTORIAN_ROWS_MAX)
                historian->stats.lost++;
        if (copy && historian->n_rows == HISTORIAN_ROWS_MAX)
                free(take_row(historian));
        if (copy) {
                *copy = *row;
                historian->rows[historian->n_rows++] = copy;
        }
        (void)pthread_cond_signal(&historian->wake);
        (void)pthread_mutex_unlock(&historian->lock);
}

int historian_ask(struct historian *historian, struct history_answer *answer)
{
        int r = -EBUSY;

        (void)pthread_mutex_lock(&historian->lock);
        if (historian->n_answers < HISTORIAN_ANSWERS_MAX) {
                historian->answers[historian->n_answers++] = history_answer_ref(answer);
                (void)pthread_cond_signal(&historian->wake);
                r = 0;
        }
        (void)pthread_mutex_unlock(&historian->lock);
        return r;
}

struct history_answer *historian_take(struct historian *historian)
{
        struct history_answer *answer = NULL;

        (void)pthread_mutex_lock(&historian->lock);
        if (historian->n_filled > 0) {
                answer = historian->answers[0];
                historian->n_filled--;
                historian->n_answers--;
                memmove(historian->answers, historian->answers + 1,
                        historian->n_answers * sizeof(historian->answers[0]));
        }
        (void)pthread_mutex_unlock(&historian->lock);
        return answer;
}

int historian_get_fd(const struct historian *historian)
{
        return historian->changed_fd;
}

void historian_acknowledge(struct historian *historian)
{
        eventfd_t value;

        (void)eventfd_read(historian->changed_fd, &value);
}

void historian_get_stats(struct historian *historian, struct historian_stats *ret_stats)
{
        (void)pthread_mutex_lock(&historian->lock);
        *ret_stats = historian->stats;
        (void)pthread_mutex_unlock(&historian->lock);
}

bool historian_take_note(struct historian *historian, char ret_line[static HISTORIAN_LINE_MAX])
{
        bool there;

        (void)pthread_mutex_lock(&historian->lock);
        there = historian->note[0];
        memcpy(ret_line, historian->note, sizeof(historian->note));
        historian->note[0] = '\0';
        (void)pthread_mutex_unlock(&historian->lock);
        return there;
}

/* True: the thread has ended; else it hangs, and all this is its own from now on. */
static bool end_thread(struct historian *historian)
{
        const pthread_t thread = historian->thread;
        struct timespec until;
        bool gone;
        int r = 0;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += HISTORIAN_FLUSH_SEC;
        (void)pthread_mutex_lock(&historian->lock);
        historian->stop = true;
        (void)pthread_cond_signal(&historian->wake);
        while (r == 0 && !historian->gone)
                r = pthread_cond_timedwait(&historian->end, &historian->lock, &until);
        gone = historian->gone;
        historian->abandoned = !gone;
        (void)pthread_mutex_unlock(&historian->lock);
        (void)(gone ? pthread_join(thread, NULL) : pthread_detach(thread));
        return gone;
}

struct historian *historian_free(struct historian *historian)
{
        if (historian && (historian->changed_fd < 0 || end_thread(historian)))
                destroy(historian);
        return NULL;
}
