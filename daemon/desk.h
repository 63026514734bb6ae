/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where questions of the control socket's clients come in: what was found lately answers them at
 * once, the scanner's thread gets as many of the others as is good for it.
 */

#include "lookcache.h"
#include "ownercache.h"
#include "scan.h"

struct desk {
        struct scan *scan; /* borrowed */
        struct ownercache owners;
        struct lookcache looks;
};

/* budget_ppm: CPUBudget, of one CPU; 0: none. */
void desk_init(struct desk *desk, struct scan *scan, uint32_t budget_ppm);
void desk_set_budget(struct desk *desk, uint32_t budget_ppm);
void desk_done(struct desk *desk);

/* As ask_owner(), ask_look() and look_wait_usec() of struct control_ops. */
int desk_ask_owner(struct desk *desk, const struct port_key *port,
                   const struct port_witness *witness, struct owner *ret_owner);
int desk_ask_look(struct desk *desk, const struct look_question *question, bool privileged,
                  struct look_answer **ret_answer);
uint64_t desk_look_wait_usec(const struct desk *desk, bool privileged);

/* An owner that was found, for whomever. */
void desk_put_owner(struct desk *desk, const struct owner_answer *answer);
/* The next look that is done, now the caller's; NULL: none. */
struct look_answer *desk_take_look(struct desk *desk);
