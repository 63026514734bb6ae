/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sight.h"

void sight_of_table(const struct rule *rule, const struct snapshot *snapshot,
                    struct sight *ret_sight)
{
        (void)rule;
        (void)snapshot;
        *ret_sight = (struct sight){ 0 };
}

bool sight_table_is_reached(const struct rule *rule, const struct snapshot *snapshot)
{
        (void)rule;
        (void)snapshot;
        return false;
}
