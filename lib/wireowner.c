/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners and their processes: what is unknown is left out, and so never reads as zero. */

#include "owner.h"
#include "wireput.h"

static json_t *wire_process(const struct owner_process *process)
{
        const bool unlimited = process->fd_limit == OWNER_UNLIMITED;
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "pid", (uint64_t)process->pid);
        r |= put_line_if(object, "comm", process->comm);
        r |= put_int_if(object, process->fds >= 0, "fds", (uint64_t)process->fds);
        r |= put_int_if(object, process->fd_limit >= 0 && !unlimited, "fdLimit",
                        (uint64_t)process->fd_limit);
        if (unlimited)
                r |= put_bool(object, "fdUnlimited", true);
        return finish(object, r);
}

static int put_processes(json_t *object, const struct owner *owner)
{
        json_t *array = json_array();
        int r = 0;

        for (uint32_t i = 0; i < owner->n_processes; i++)
                r |= json_array_append_new(array, wire_process(&owner->processes[i]));
        r |= put(object, "processes", array);
        return r;
}

json_t *wire_owner(const struct owner *owner)
{
        json_t *object = json_object();
        int r = 0;

        if (owner->unit[0]) {
                r |= put(object, "unit", wire_line(owner->unit));
                r |= put_bool(object, "userUnit", owner->unit_is_user);
        }
        r |= put_int_if(object, owner->uid >= 0, "uid", (uint64_t)owner->uid);
        r |= put_bool(object, "byListener", owner->by_listener);
        if (owner->total > 0) {
                r |= put_bool(object, "holders", owner->holders);
                r |= put_int(object, "processesTotal", owner->total);
                r |= put_processes(object, owner);
        }
        return finish(object, r);
}
