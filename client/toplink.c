/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An answer that does not come is as bad as a connection that ends: whoever reads a screen wants to
 * know that it is old. A twmond that hangs still takes connections, so one that is there says nothing;
 * only an answer does. What comes while nothing was asked is the end, or a refusal (TooManyClients).
 */

#include "toplink.h"

#include <errno.h>

void toplink_drop(struct toplink *link, int error, uint64_t now_usec)
{
        link->conn = conn_free(link->conn);
        link->waiting = false;
        link->lost = true;
        link->error = error;
        link->due_usec = now_usec + TOPLINK_RETRY_USEC;
}

void toplink_done(struct toplink *link)
{
        link->conn = conn_free(link->conn);
}

void toplink_tick(struct toplink *link, uint64_t now_usec)
{
        int r;

        if (link->conn || now_usec < link->due_usec)
                return;
        r = conn_open_at_once(link->path, &link->conn);
        if (r < 0)
                toplink_drop(link, r, now_usec);
        else
                link->due_usec = TOPLINK_NEVER;
}

bool toplink_is_idle(const struct toplink *link)
{
        return link->conn && !link->waiting;
}

void toplink_ask(struct toplink *link, const char *method, json_t *parameters, uint64_t now_usec)
{
        int r = conn_send(link->conn, method, parameters, false);

        if (r < 0) {
                toplink_drop(link, r, now_usec);
                return;
        }
        link->waiting = true;
        link->due_usec = now_usec + CONN_TIMEOUT_USEC;
}

int toplink_take(struct toplink *link, uint64_t now_usec, struct reply *ret_reply)
{
        int r;

        if (!link->conn)
                return -EAGAIN;
        r = conn_take(link->conn, ret_reply);
        if (r == -EAGAIN && link->waiting && now_usec >= link->due_usec)
                r = -ETIMEDOUT;
        if (r == -EAGAIN)
                return r;
        if (r == 0 && !link->waiting && !ret_reply->error) {
                reply_done(ret_reply);
                r = -EPROTO;
        }
        if (r < 0) {
                toplink_drop(link, r, now_usec);
                return TOPLINK_LOST;
        }
        link->waiting = false;
        link->lost = false;
        link->due_usec = TOPLINK_NEVER;
        return 0;
}

int toplink_fd(const struct toplink *link)
{
        return link->conn ? conn_fd(link->conn) : -1;
}

uint64_t toplink_due(const struct toplink *link)
{
        return link->due_usec;
}
