/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The witness (flags, cgroup, uid, inode), the port, the unit, flags, the uid, how many processes
 * there are, and those that are listed.
 * Numbers that may be unknown are one more than they are: 0 is unknown.
 *
 * A flag that a later version knows is no reason to refuse what this one does: it is skipped. In a
 * recording it cannot mean that more bytes follow, for those would be too many for the frame.
 */

#include "recowner.h"

#include "base.h"

enum {
        FLAG_UNIT_IS_USER = 1 << 0,
        FLAG_BY_LISTENER = 1 << 1,
        FLAG_HOLDERS = 1 << 2,

        WITNESS_KNOWN = 1 << 0,
        WITNESS_BY_LISTENER = 1 << 1,
};

static void put_known(struct recbuf *buf, int64_t value)
{
        recbuf_put(buf, value < 0 ? 0 : (uint64_t)value + 1);
}

static int64_t get_known(struct recview *view, int64_t max, const char *what)
{
        return (int64_t)(recview_get(view, (uint64_t)max + 1, what) - 1);
}

static void put_process(struct recbuf *buf, const struct owner_process *process)
{
        put_known(buf, process->pid);
        recbuf_put_text(buf, process->comm);
        put_known(buf, process->fds);
        put_known(buf, process->fd_limit);
}

static void get_process(struct recview *view, struct owner_process *process)
{
        static const char what[] = "a process";

        process->pid = get_known(view, INT32_MAX, what);
        recview_get_text(view, process->comm, sizeof(process->comm), what);
        process->fds = get_known(view, INT64_MAX, what);
        process->fd_limit = get_known(view, INT64_MAX, what);
}

static void put_port(struct recbuf *buf, const struct port_key *port)
{
        recbuf_put(buf, port->netns);
        recbuf_put(buf, port->side);
        recbuf_put(buf, port->port);
}

static void get_port(struct recview *view, struct port_key *ret_port)
{
        ret_port->netns = (uint32_t)recview_get(view, UINT32_MAX, "a port");
        ret_port->side = (uint8_t)recview_get(view, SIDE_COUNT - 1, "a port");
        ret_port->port = (uint16_t)recview_get(view, UINT16_MAX, "a port");
}

void recowner_put_witness(struct recbuf *buf, const struct port_witness *witness)
{
        recbuf_put(buf, (witness->known ? WITNESS_KNOWN : 0) |
                                (witness->by_listener ? WITNESS_BY_LISTENER : 0));
        recbuf_put(buf, witness->cgroup_id);
        recbuf_put(buf, witness->uid);
        recbuf_put(buf, witness->inode);
}

void recowner_get_witness(struct recview *view, struct port_witness *ret_witness)
{
        static const char what[] = "a witness";
        const uint64_t flags = recview_get(view, UINT64_MAX, what);

        ret_witness->known = flags & WITNESS_KNOWN;
        ret_witness->by_listener = flags & WITNESS_BY_LISTENER;
        ret_witness->cgroup_id = recview_get(view, UINT64_MAX, what);
        ret_witness->uid = (uint32_t)recview_get(view, UINT32_MAX, what);
        ret_witness->inode = (uint32_t)recview_get(view, UINT32_MAX, what);
}

void recowner_put_owner(struct recbuf *buf, const struct owner *owner)
{
        recbuf_put_text(buf, owner->unit);
        recbuf_put(buf, (owner->unit_is_user ? FLAG_UNIT_IS_USER : 0) |
                                (owner->by_listener ? FLAG_BY_LISTENER : 0) |
                                (owner->holders ? FLAG_HOLDERS : 0));
        put_known(buf, owner->uid);
        recbuf_put(buf, owner->total);
        recbuf_put(buf, owner->n_processes);
        for (uint32_t i = 0; i < owner->n_processes; i++)
                put_process(buf, &owner->processes[i]);
}

void recowner_get_owner(struct recview *view, struct owner *ret_owner)
{
        struct owner owner;
        uint64_t flags, listed;

        owner_clear(&owner);
        recview_get_text(view, owner.unit, sizeof(owner.unit), "a unit");
        flags = recview_get(view, UINT64_MAX, "an owner's flags");
        owner.unit_is_user = flags & FLAG_UNIT_IS_USER;
        owner.by_listener = flags & FLAG_BY_LISTENER;
        owner.holders = flags & FLAG_HOLDERS;
        owner.uid = get_known(view, UINT32_MAX, "a user");
        owner.total = (uint32_t)recview_get(view, UINT32_MAX, "a number of processes");
        listed = recview_get(view, MIN(owner.total, (uint32_t)OWNER_PROCESSES_LISTED),
                             "a number of processes");
        owner.n_processes = (uint32_t)listed;
        for (uint32_t i = 0; i < owner.n_processes; i++)
                get_process(view, &owner.processes[i]);
        *ret_owner = owner;
}

void recowner_put(struct recbuf *buf, const struct owner_answer *answer)
{
        recowner_put_witness(buf, &answer->witness);
        put_port(buf, &answer->port);
        recowner_put_owner(buf, &answer->owner);
}

void recowner_get(struct recview *view, bool has_witness, struct owner_answer *ret_answer)
{
        ret_answer->witness = (struct port_witness){ 0 };
        if (has_witness)
                recowner_get_witness(view, &ret_answer->witness);
        get_port(view, &ret_answer->port);
        recowner_get_owner(view, &ret_answer->owner);
}
