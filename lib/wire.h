/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The JSON shapes of io.twmon.Monitor (daemon/io.twmon.Monitor.varlink): our structs -> jansson.
 * Used by the daemon's control socket and by twmonctl --once, so that both say the same.
 * Every function returns a new object, or NULL for no memory. What is unknown is left out.
 */

#include <jansson.h>
#include <stdint.h>

#include "census.h"
#include "detect.h"
#include "kernlimits.h"
#include "owner.h"
#include "portbinds.h"
#include "portlook.h"
#include "schedule.h"
#include "snapshot.h"

/* A row of the snapshot. owner: NULL: was not asked for. */
json_t *wire_port(const struct snapshot *snapshot, const struct port_row *row,
                  const struct owner *owner);
/* now_usec: monotonic, for ages. */
json_t *wire_alert(const struct alert *alert, uint64_t now_usec);
json_t *wire_event(const struct event *event);
/* Of an owner that is known: owner_is_known(). */
json_t *wire_owner(const struct owner *owner);
/* Of a port whose connections were counted: half_open->known. */
json_t *wire_half_open(const struct half_open *half_open);

/* Type Destination. owner: NULL: unknown, or not asked for. */
json_t *wire_destination(const struct port_key *port, const struct destination *destination,
                         const struct exhaustion *exhaustion, const struct owner *owner);
/*
 * Parameters of a ListDestinations reply: the first limit of a census that has counted them; limits:
 * as of the same moment.
 */
json_t *wire_destinations(const struct census *census, const struct kernlimits *limits,
                          size_t limit);

/*
 * Text of others (names of programs, contents of files): what is not UTF-8 is written with '?' for
 * every byte above 127, and control characters become '?'; wire_text() keeps newlines.
 */
json_t *wire_line(const char *text);
json_t *wire_text(const char *text);

/* RFC 3339, as every time of the interface; wall_usec is not 0. */
json_t *wire_time(uint64_t wall_usec);

/* Types Totals and Cost of a snapshot. */
json_t *wire_totals(const struct snapshot *snapshot);
json_t *wire_cost(const struct snapshot *snapshot);

/* now_usec: by the clock of pace. */
json_t *wire_schedule(const struct schedule_pace *pace, uint64_t now_usec);

/* Of a table that is known; of rates that are. */
json_t *wire_tw_table(const struct tw_table *table);
json_t *wire_endings(const struct host_facts *facts);
/* Sets "timeWaitTable" and "endings" where they are known, as wireput.h does. */
int wire_put_host(json_t *object, const struct host_facts *facts);

/* Of the CLOSE_WAIT sockets, how many are at which stage. */
json_t *wire_stages(const uint32_t stage[static STAGE_COUNT]);

/* The advice about an address that may be the host's: a try knows better. */
extern const char wire_address_unknown[];

/* Parameters of a GetPort reply. asked: NULL: nothing but the wildcards. */
json_t *wire_portlook(const struct portlook *look, const struct bind_address *asked);

/* Who holds the sockets of a port; NULL: unknown, or not asked for. */
typedef const struct owner *(*wire_owner_fn)(void *userdata, const struct port_key *port);

/* Which rows of a snapshot a ListPorts call wants, and what about them. */
struct wire_filter {
        const uint16_t *ports; /* NULL: every port; any side */
        size_t n_ports;
        bool all;            /* also those with nothing to say */
        wire_owner_fn owner; /* NULL: owners are not told */
        void *userdata;      /* of owner() */
};

/* Nothing to say: no TIME_WAIT, no CLOSE_WAIT, not configured, no listener now or lately; or
 * ignored. */
bool wire_filter_match(const struct wire_filter *filter, const struct port_row *row);

/*
 * Parameters of one ListPorts reply: matching rows from *cursor on, at most max. Moves *cursor;
 * it equals wire_ports_end() when there is nothing left. After the snapshot's rows come those of
 * the ports that were asked for by number and have none: local, and zero (not where the scan
 * failed: then nobody knows). "truncated" is true while something is left.
 */
json_t *wire_ports(const struct snapshot *snapshot, const struct wire_filter *filter, size_t max,
                   size_t *cursor);

/* snapshot->n_rows, or more where ports are asked for by number. */
size_t wire_ports_end(const struct snapshot *snapshot, const struct wire_filter *filter);
