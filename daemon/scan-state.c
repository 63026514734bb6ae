/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the scans know and a restart must not lose. It is put together by the thread, after a scan,
 * because the observer is the thread's; who saves it takes the bytes. Of what was published a
 * digest is kept, so that a quiet host has nothing to save.
 *
 * While scans go on, sockets that are not stuck yet are left out: they come and go all the time,
 * and tcp_info dates them well. At the end all are in it, so that an orderly restart loses nothing.
 *
 * What is restored waits in an observer of its own until the kernel's sockets can be listed: where
 * that fails at first it must not be lost.
 */

#include <errno.h>
#include <string.h>

#include "base.h"
#include "clock.h"
#include "hash.h"
#include "scan-private.h"
#include "scanstate.h"

int scan_restore(struct scan *scan, struct recview *body, const char **ret_wrong)
{
        struct observer *observer;
        int r = observer_new(&observer);

        if (r < 0)
                return r;
        r = scanstate_read(body, observer, clock_now_usec(), ret_wrong);
        if (r < 0) {
                observer_free(observer);
                return r;
        }
        observer_free(scan->restored);
        scan->restored = observer;
        return 0;
}

int scan_open_look(struct scan *scan)
{
        int r = scan->look ? 0 : look_new(&scan->look);

        if (r == 0 && scan->restored)
                look_set_observer(scan->look, TAKE_PTR(scan->restored));
        return r;
}

static uint64_t digest_of(const struct recbuf *body)
{
        uint64_t digest = hash_u64(body->len + 1);

        for (size_t at = 0; at < body->len; at += sizeof(uint64_t)) {
                uint64_t word = 0;

                memcpy(&word, body->data + at, MIN(sizeof(word), body->len - at));
                digest = hash_add(digest, word);
        }
        return digest;
}

static void publish_unsaved(struct scan *scan, uint64_t unsaved)
{
        (void)pthread_mutex_lock(&scan->lock);
        scan->unsaved = unsaved;
        (void)pthread_mutex_unlock(&scan->lock);
}

static void publish(struct scan *scan, struct recbuf *body)
{
        struct recbuf replaced;

        (void)pthread_mutex_lock(&scan->lock);
        replaced = scan->state;
        scan->state = *body;
        scan->state_waits = true;
        (void)pthread_mutex_unlock(&scan->lock);
        recbuf_done(&replaced);
}

/* Without memory there is none this time; the next scan tries again. */
static void tell(struct scan *scan, const struct observer *observer, uint64_t stuck_after_usec,
                 uint64_t now_usec)
{
        struct recbuf body = { 0 };
        uint64_t digest;

        publish_unsaved(scan, scanstate_write(&body, observer, stuck_after_usec, now_usec));
        digest = digest_of(&body);
        if (body.error == 0) {
                scan->state_usec = now_usec;
                scan->state_len = body.len;
        }
        if (body.error < 0 || (scan->state_told && digest == scan->state_digest)) {
                recbuf_done(&body);
                return;
        }
        scan->state_told = true;
        scan->state_digest = digest;
        publish(scan, &body);
}

void scan_tell_state(struct scan *scan, const struct rules *rules)
{
        if (scan->state_len > SCAN_STATE_SMALL &&
            scan->slot_usec - scan->state_usec < SCAN_STATE_USEC)
                return;
        tell(scan, look_observer(scan->look), rules_least_stuck_after(rules), scan->slot_usec);
}

void scan_tell_last_state(struct scan *scan)
{
        const struct observer *observer = scan->look ? look_observer(scan->look) : scan->restored;

        if (observer)
                tell(scan, observer, 0, clock_now_usec());
}

uint64_t scan_get_unsaved(struct scan *scan)
{
        uint64_t unsaved;

        (void)pthread_mutex_lock(&scan->lock);
        unsaved = scan->unsaved;
        (void)pthread_mutex_unlock(&scan->lock);
        return unsaved;
}

bool scan_take_state(struct scan *scan, struct recbuf *ret_body)
{
        bool taken;

        (void)pthread_mutex_lock(&scan->lock);
        taken = scan->state_waits;
        if (taken) {
                *ret_body = scan->state;
                scan->state = (struct recbuf){ 0 };
                scan->state_waits = false;
        }
        (void)pthread_mutex_unlock(&scan->lock);
        return taken;
}
