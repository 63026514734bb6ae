/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The census: what only a walk over every connected state can tell. Towards which destinations the
 * local ports are running out, and which ports have connections whose peer may be gone. Such walks
 * are dear and therefore rare (taker.h says when one is due); a snapshot shows the last one.
 * Immutable once taken; shared by reference.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "destination.h"
#include "portkey.h"
#include "sockrec.h"
#include "witness.h"

#define CENSUS_DESTINATIONS_MAX 256  /* listed, worst first */
#define CENSUS_HALF_OPEN_MAX    1024 /* ports, in key order */

/* The states that a census walks over. */
#define CENSUS_STATES                                                                              \
        (SOCK_MASK(SOCK_ESTABLISHED) | SOCK_MASK(SOCK_SYN_SENT) | SOCK_MASK(SOCK_FIN_WAIT1) |      \
         SOCK_MASK(SOCK_FIN_WAIT2) | SOCK_MASK(SOCK_TIME_WAIT) | SOCK_MASK(SOCK_CLOSE_WAIT) |      \
         SOCK_MASK(SOCK_LAST_ACK) | SOCK_MASK(SOCK_CLOSING))

/* The local ports towards one destination. */
struct exhaustion {
        bool known;
        uint32_t used;      /* of the ephemeral range, in any state, that connect() cannot take */
        uint32_t reusable;  /* in TIME_WAIT besides, which connect() takes over: tcp_tw_reuse */
        uint32_t usable;    /* of the range, without those reserved or listened on; 0: unknown */
        uint32_t error_max; /* used may be too great by so many; 0: exact */
        bool burning;       /* used grows: the two below are known */
        double burn_per_min;
        uint64_t eta_usec;   /* until connect() fails with EADDRNOTAVAIL */
        uint64_t pause_usec; /* to the next scan, as configured; 0: unknown, or there is none */
};

struct destination_row {
        struct port_key port; /* SIDE_REMOTE and the destination's port */
        struct destination destination;
        struct exhaustion exhaustion;
        struct port_witness witness; /* one of its sockets with an owner */
};

/* The established connections of one port. */
struct half_open {
        bool known;
        uint32_t established;
        uint32_t keepalive;    /* of them: a keepalive timer runs */
        uint32_t busy;         /* of them: another timer runs, which hides that one */
        uint32_t silent;       /* no timer, and nothing came for SilentAfter or longer */
        uint32_t unanswered;   /* sends or probes again and again, and nothing comes */
        uint64_t oldest_usec;  /* how long the most silent of both has been so; 0: none */
        uint64_t default_usec; /* keepalive by the sysctls would notice after so long; 0: unknown */
};

struct half_open_row {
        struct port_key port;
        struct half_open half_open;
        struct port_witness witness;
};

struct census {
        uint64_t asof_usec;
        uint64_t asof_wall_usec;
        uint64_t conf_serial; /* the configuration it was taken by */
        bool whole;           /* no socket was missed */

        /* destinations; counted: false where sockstat shows that none can be near its limit */
        bool destinations_counted;
        struct destination_row *destinations;
        size_t n_destinations;
        uint64_t destinations_total; /* seen, as far as they were told apart */
        uint32_t error_max;          /* of any destination, listed or not; 0: all are exact */
        uint32_t usable;             /* as in struct exhaustion, the same for all; 0: unknown */

        bool half_open_counted;
        struct half_open_row *half_open;
        size_t n_half_open;
        uint64_t half_open_overflow; /* connections of ports that found no room */
        unsigned refs;               /* atomic */
};

/* Sets what burns and how long that goes; where no port is left, or unknown how many: nothing. */
void exhaustion_set_burn(struct exhaustion *exhaustion, double per_min);

struct census *census_ref(struct census *census);
/* Frees with the last reference. Takes NULL, returns NULL. */
struct census *census_unref(struct census *census);

/*
 * What only several walks can tell, for a census that was made by a single one: each destination
 * that the earlier census lists, too, gets its rate from there, and its owner's witness where it has
 * none. Where the earlier one is older than BURN_WINDOW_USEC it tells nothing. It may be NULL.
 */
void census_recall(struct census *census, const struct census *earlier);

const struct destination_row *census_find_destination(const struct census *census,
                                                      const struct port_key *port,
                                                      const struct destination *destination);
const struct half_open_row *census_find_half_open(const struct census *census,
                                                  const struct port_key *port);
