/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The wildcards are every host's. An address that is not leaves nothing to ask: bind() fails
 * whatever the port. One that may not be the host's leaves the answer in doubt.
 */

#include "portbinds.h"

#include "base.h"

static const enum bind_family wildcards[] = { BIND_IPV4, BIND_DUAL, BIND_IPV6 };

static void add(struct port_binds *binds, struct bind_question question,
                enum host_addr_answer local)
{
        binds->items[binds->n++] = (struct port_bind){ .question = question, .local = local };
}

static void judge(const struct bind_claims *claims, struct port_bind *bind)
{
        if (host_addr_is_no(bind->local)) {
                bind->verdict = (struct bind_verdict){ .plain = BIND_NO,
                                                       .reuse = BIND_NO,
                                                       .reuseport = BIND_NO };
                return;
        }
        bind_judge(claims, &bind->question, &bind->verdict);
        if (bind->local == HOST_ADDR_UNKNOWN)
                bind_doubt(&bind->verdict);
}

void port_binds_judge(const struct bind_claims *claims, const struct bind_address *asked,
                      struct port_binds *ret_binds)
{
        const bool ipv6 = asked && asked->family == ADDR_IPV6;

        *ret_binds = (struct port_binds){ .asked = ipv6 ? 1 : 0 };
        for (size_t i = 0; i < ARRAY_SIZE(wildcards); i++)
                add(ret_binds, (struct bind_question){ .family = wildcards[i] }, HOST_ADDR_YES);
        if (asked && !sock_addr_is_any(&asked->address)) {
                ret_binds->asked = ret_binds->n;
                add(ret_binds,
                    (struct bind_question){ ipv6 ? BIND_IPV6 : BIND_IPV4, asked->address },
                    asked->local);
        }
        for (size_t i = 0; i < ret_binds->n; i++)
                judge(claims, &ret_binds->items[i]);
}
