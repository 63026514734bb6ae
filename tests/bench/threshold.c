/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One below the count is enough to begin anew. */

#include "threshold.h"

#include <stdlib.h>

static struct threshold_port *find(struct threshold *threshold, const struct port_key *key)
{
        for (size_t i = 0; i < threshold->n; i++)
                if (port_key_compare(&threshold->ports[i].key, key) == 0)
                        return &threshold->ports[i];
        if (threshold->n == THRESHOLD_PORTS_MAX)
                abort();
        threshold->ports[threshold->n] = (struct threshold_port){ .key = *key };
        return &threshold->ports[threshold->n++];
}

static void end(struct threshold_port *port, threshold_fn fn, void *userdata)
{
        if (port->raised_usec > 0)
                fn(&port->key, false, port->raised_usec, userdata);
        port->above = false;
        port->raised_usec = 0;
}

void threshold_step(struct threshold *threshold, const struct snapshot *snapshot, threshold_fn fn,
                    void *userdata)
{
        const uint64_t now_usec = snapshot->start_usec;

        for (size_t i = 0; i < threshold->n; i++)
                threshold->ports[i].seen = false;
        for (size_t i = 0; i < snapshot->n_rows; i++) {
                const struct port_row *row = &snapshot->rows[i];
                struct threshold_port *port;

                if (row->count[SOCK_CLOSE_WAIT] < threshold->count)
                        continue;
                port = find(threshold, &row->key);
                port->seen = true;
                if (!port->above)
                        port->since_usec = now_usec;
                port->above = true;
                if (port->raised_usec > 0 || now_usec - port->since_usec < threshold->after_usec)
                        continue;
                port->raised_usec = now_usec;
                fn(&port->key, true, now_usec, userdata);
        }
        for (size_t i = 0; i < threshold->n; i++)
                if (!threshold->ports[i].seen)
                        end(&threshold->ports[i], fn, userdata);
}
