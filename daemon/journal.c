/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sd_journal_sendv() has two habits that a monitor cannot live with: it blocks for ever on a
 * journald that does not read, and it reports success when there is no journald at all. So only
 * this thread calls it, and a missing socket counts as undelivered: the entry is written to stderr
 * once, stays at the head of the queue and is tried again, less and less often. stderr is
 * written by this thread as well, since under systemd it leads to the same journald.
 *
 * The queue is a ring of pointers under one mutex, which is never held over a write.
 *
 * At the end a send may still be blocked. It is interrupted by a signal that only this thread takes
 * (sendmsg() then fails with EINTR); since the signal may come just before the call, it is repeated
 * until the thread is gone.
 */

#include "journal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "echo.h"
#include "journal-entry.h"
#include "msgid.h"
#include "thread.h"

#define STACK_BYTES      (256 * 1024)
#define INTERRUPT_SIGNAL SIGUSR1

struct journal {
        const char *socket;
        bool echo;
        bool stderr_has_readers;
        int fd; /* to the loop: told has risen */
        pthread_t thread;
        bool started;
        pthread_mutex_t lock;
        pthread_cond_t wake;    /* to the writer: work, or stop */
        pthread_cond_t drained; /* from the writer: the queue is empty */

        /* under the lock */
        struct journal_entry *queue[JOURNAL_QUEUE_MAX];
        size_t head;
        size_t n;
        uint64_t pushes; /* entries ever queued */
        uint64_t lost;
        uint64_t lost_told;
        uint64_t told;
        time_t missing_since_sec; /* monotonic; while not delivered */
        bool delivered;
        bool stop;
};

/* On stderr, once. Nobody reads it now: at the next attempt. */
static void echo(struct journal_entry *entry)
{
        int r;

        if (entry->echoed)
                return;
        r = echo_line(entry->priority, entry->message);
        entry->echoed = r != -EAGAIN;
        entry->read = r == 0;
}

/* Under the lock. */
static void note_told(struct journal *journal, const struct journal_entry *entry)
{
        const uint64_t one = 1;

        if (entry->sequence <= journal->told)
                return;
        journal->told = entry->sequence;
        (void)!write(journal->fd, &one, sizeof(one));
}

static bool journal_is_there(const struct journal *journal)
{
        return access(journal->socket, F_OK) == 0;
}

/* What is said of a journal that is away or busy, as opposed to one that refuses the entry. */
static bool is_absence(int r)
{
        return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTCONN || r == -EAGAIN || r == -EINTR;
}

/* True when a journal has it. May block for as long as journald does not read. */
static bool deliver(const struct journal *journal, struct journal_entry *entry)
{
        int r;

        if (!journal_is_there(journal))
                return false;
        r = sd_journal_sendv(entry->fields, entry->n_fields);
        if (r < 0 && !is_absence(r))
                entry->refusals++;
        return r >= 0 && journal_is_there(journal); /* it may have gone in between */
}

/* The head stays in the queue until it is delivered; nobody else removes it. */
static struct journal_entry *wait_for_head(struct journal *journal)
{
        struct journal_entry *head;

        (void)pthread_mutex_lock(&journal->lock);
        while (journal->n == 0 && !journal->stop) {
                (void)pthread_cond_signal(&journal->drained);
                (void)pthread_cond_wait(&journal->wake, &journal->lock);
        }
        head = journal->n > 0 ? journal->queue[journal->head] : NULL;
        (void)pthread_mutex_unlock(&journal->lock);
        return head;
}

/*
 * Whoever reads stderr has it, and no journal does. False: nobody has, and so it counts for nothing
 * what becomes of those behind it: what was told is told by one number.
 */
static bool note_echoed(struct journal *journal, const struct journal_entry *entry)
{
        if (!entry->read || !journal->stderr_has_readers)
                return entry->sequence == 0;
        (void)pthread_mutex_lock(&journal->lock);
        note_told(journal, entry);
        (void)pthread_mutex_unlock(&journal->lock);
        return true;
}

/* Every entry that waits goes to stderr at once; returns how many there ever were by then. */
static uint64_t echo_queue(struct journal *journal)
{
        bool all = true; /* of those before it somebody has */

        for (size_t i = 0;; i++) {
                struct journal_entry *entry = NULL;
                uint64_t pushes;

                (void)pthread_mutex_lock(&journal->lock);
                pushes = journal->pushes;
                if (i < journal->n)
                        entry = journal->queue[(journal->head + i) % JOURNAL_QUEUE_MAX];
                (void)pthread_mutex_unlock(&journal->lock);
                if (!entry)
                        return pushes;
                echo(entry);
                all = all && note_echoed(journal, entry);
        }
}

/* Entries lost while the queue was full are themselves worth an entry, once there is room. */
static struct journal_entry *make_loss_entry(struct journal *journal)
{
        const uint64_t lost = journal->lost - journal->lost_told;
        struct journal_entry *entry;
        char message[128];

        if (lost == 0)
                return NULL;
        snprintf(message, sizeof(message),
                 "%llu journal entries were lost: journald did not take them in time",
                 (unsigned long long)lost);
        entry = journal_entry_new(MSGID_JOURNAL_LOST, LOG_WARNING, message);
        journal_entry_add(entry, "TWMON_LOST", "%llu", (unsigned long long)lost);
        return entry;
}

static void push(struct journal *journal, struct journal_entry *entry)
{
        journal->queue[(journal->head + journal->n++) % JOURNAL_QUEUE_MAX] = entry;
        journal->pushes++;
}

/* An entry that was not delivered is lost; make_loss_entry() will say so. */
static void remove_head(struct journal *journal, bool delivered)
{
        struct journal_entry *loss, *head;

        (void)pthread_mutex_lock(&journal->lock);
        head = journal->queue[journal->head];
        journal->head = (journal->head + 1) % JOURNAL_QUEUE_MAX;
        journal->n--;
        journal->lost += !delivered;
        journal->delivered = true;
        note_told(journal, head); /* what is refused for good would be so the next time, too */
        loss = make_loss_entry(journal);
        if (loss) {
                push(journal, loss);
                journal->lost_told = journal->lost;
        }
        (void)pthread_mutex_unlock(&journal->lock);
        journal_entry_free(head);
}

/* An eighth of the time that it has been away: soon after a restart, seldom where there is none. */
static time_t retry_delay_sec(time_t now_sec, time_t missing_since_sec)
{
        const time_t delay_sec = (now_sec - missing_since_sec) / 8;

        return MIN(MAX(delay_sec, (time_t)JOURNAL_RETRY_MIN_SEC), (time_t)JOURNAL_RETRY_MAX_SEC);
}

/* False: it is time to stop. An entry pushed after `pushes` ends the wait, to be echoed soon. */
static bool wait_for_journal(struct journal *journal, uint64_t pushes)
{
        struct timespec until;
        bool stop;
        int r = 0;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        (void)pthread_mutex_lock(&journal->lock);
        if (journal->delivered)
                journal->missing_since_sec = until.tv_sec;
        journal->delivered = false;
        until.tv_sec += retry_delay_sec(until.tv_sec, journal->missing_since_sec);
        while (r == 0 && !journal->stop && journal->pushes == pushes)
                r = pthread_cond_timedwait(&journal->wake, &journal->lock, &until);
        stop = journal->stop;
        (void)pthread_mutex_unlock(&journal->lock);
        return !stop;
}

static void *run(void *userdata)
{
        struct journal *journal = userdata;
        struct journal_entry *head;
        bool going = true;

        while (going && (head = wait_for_head(journal)) != NULL) {
                if (journal->echo)
                        echo(head);
                if (deliver(journal, head)) {
                        remove_head(journal, true);
                } else if (head->refusals >= JOURNAL_REFUSALS_MAX) {
                        echo(head);
                        remove_head(journal, false);
                } else {
                        uint64_t pushes = echo_queue(journal);

                        going = wait_for_journal(journal, pushes);
                }
        }
        (void)pthread_mutex_lock(&journal->lock);
        (void)pthread_cond_signal(&journal->drained);
        (void)pthread_mutex_unlock(&journal->lock);
        return NULL;
}

int journal_new(const char *socket, bool echo, struct journal **ret_journal)
{
        struct journal *journal = calloc(1, sizeof(*journal));

        if (!journal)
                return -ENOMEM;
        journal->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (journal->fd < 0) {
                const int r = -errno;

                free(journal);
                return r;
        }
        journal->stderr_has_readers = echo_has_readers();
        journal->socket = socket;
        journal->echo = echo;
        journal->delivered = true;
        (void)pthread_mutex_init(&journal->lock, NULL); /* cannot fail on Linux */
        thread_init_cond(&journal->wake);
        thread_init_cond(&journal->drained);
        *ret_journal = journal;
        return 0;
}

static void on_interrupt(int signal)
{
        (void)signal;
}

int journal_start(struct journal *journal)
{
        const struct sigaction action = { .sa_handler = on_interrupt }; /* no SA_RESTART */
        int r;

        if (sigaction(INTERRUPT_SIGNAL, &action, NULL) < 0)
                return -errno;
        r = thread_start(&journal->thread, "twmond-journal", STACK_BYTES, INTERRUPT_SIGNAL, run,
                         journal);
        journal->started = r == 0;
        return r;
}

static void interrupt_until_gone(struct journal *journal)
{
        const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

        while (pthread_tryjoin_np(journal->thread, NULL) == EBUSY) {
                (void)pthread_kill(journal->thread, INTERRUPT_SIGNAL);
                (void)nanosleep(&pause, NULL);
        }
}

/* Lets the writer finish what it can; a send that blocks is interrupted. */
static void stop_writer(struct journal *journal)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += JOURNAL_DRAIN_SEC;
        (void)pthread_mutex_lock(&journal->lock);
        journal->stop = true;
        (void)pthread_cond_signal(&journal->wake);
        while (journal->n > 0 &&
               pthread_cond_timedwait(&journal->drained, &journal->lock, &until) == 0 &&
               journal->delivered)
                ;
        (void)pthread_mutex_unlock(&journal->lock);
        interrupt_until_gone(journal);
}

void journal_stop(struct journal *journal)
{
        bool all = true;

        if (journal->started)
                stop_writer(journal);
        journal->started = false;
        journal->stop = true;
        for (; journal->n > 0; journal->n--) {
                struct journal_entry *entry = journal->queue[journal->head];

                echo(entry);
                all = all && note_echoed(journal, entry);
                journal_entry_free(entry);
                journal->head = (journal->head + 1) % JOURNAL_QUEUE_MAX;
        }
}

struct journal *journal_free(struct journal *journal)
{
        if (!journal)
                return NULL;
        journal_stop(journal);
        (void)close(journal->fd);
        (void)pthread_cond_destroy(&journal->drained);
        (void)pthread_cond_destroy(&journal->wake);
        (void)pthread_mutex_destroy(&journal->lock);
        free(journal);
        return NULL;
}

int journal_send(struct journal *journal, struct journal_entry *entry)
{
        int r = 0;

        if (!entry || entry->failed)
                r = -ENOMEM;
        (void)pthread_mutex_lock(&journal->lock);
        if (r == 0 && (journal->n == JOURNAL_QUEUE_MAX || journal->stop))
                r = -ENOBUFS;
        if (r == 0) {
                push(journal, TAKE_PTR(entry));
                (void)pthread_cond_signal(&journal->wake);
        } else {
                journal->lost++;
        }
        (void)pthread_mutex_unlock(&journal->lock);
        journal_entry_free(entry);
        return r;
}

void journal_get_stats(struct journal *journal, struct journal_stats *ret_stats)
{
        (void)pthread_mutex_lock(&journal->lock);
        *ret_stats = (struct journal_stats){ .queued = journal->n,
                                             .lost = journal->lost,
                                             .delivered = journal->delivered,
                                             .told = journal->told };
        (void)pthread_mutex_unlock(&journal->lock);
}

int journal_get_fd(const struct journal *journal)
{
        return journal->fd;
}

void journal_acknowledge(struct journal *journal)
{
        uint64_t count;

        (void)!read(journal->fd, &count, sizeof(count));
}
