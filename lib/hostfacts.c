/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hostfacts.h"

void host_facts_clear(struct host_facts *facts)
{
        *facts = (struct host_facts){ 0 };
        facts->sockstat = (struct sockstat){ HOST_UNKNOWN, HOST_UNKNOWN, HOST_UNKNOWN };
        kernlimits_clear(&facts->limits);
}

void host_facts_read(const char *proc, struct host_facts *ret_facts)
{
        host_facts_clear(ret_facts);
        kernlimits_read(proc, &ret_facts->limits);
}
