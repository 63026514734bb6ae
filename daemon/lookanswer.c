/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * All that a reply may need is fetched in one go, so that the reply is a picture of one moment: the
 * sockets, the limits they are judged by, the host's addresses, and who holds what.
 */

#include "lookanswer.h"

#include <stdlib.h>

#include "base.h"
#include "clock.h"

bool look_question_is_same(const struct look_question *a, const struct look_question *b)
{
        return a->kind == b->kind && a->port == b->port;
}

struct look_answer *look_answer_new(const struct look_question *question)
{
        struct look_answer *answer = calloc(1, sizeof(*answer));

        if (!answer)
                return NULL;
        answer->question = *question;
        answer->refs = 1;
        kernlimits_clear(&answer->limits);
        for (size_t i = 0; i < LOOK_OWNERS_MAX; i++)
                owner_clear(&answer->owners[i]);
        return answer;
}

struct look_answer *look_answer_ref(struct look_answer *answer)
{
        if (answer)
                (void)__atomic_add_fetch(&answer->refs, 1, __ATOMIC_RELAXED);
        return answer;
}

struct look_answer *look_answer_unref(struct look_answer *answer)
{
        if (answer && __atomic_sub_fetch(&answer->refs, 1, __ATOMIC_ACQ_REL) == 0) {
                portlook_free(answer->portlook);
                census_unref(answer->census);
                free(answer->addrs);
                free(answer);
        }
        return NULL;
}

static void take_port(struct look *look, const struct scan_request *request,
                      struct owner_finder *finder, struct look_answer *answer)
{
        struct portlook *portlook;

        answer->error = look_port(look, answer->question.port, request, &portlook);
        if (answer->error < 0)
                return;
        for (size_t i = 0; i < portlook->n_owners; i++)
                owner_finder_find(finder, &portlook->owners[i].witness, request->now_usec,
                                  &portlook->owners[i].owner);
        answer->portlook = portlook;
        answer->addrs = calloc(1, sizeof(*answer->addrs));
        if (answer->addrs)
                host_addrs_read("/proc", answer->addrs);
}

static void take_destinations(struct look *look, const struct scan_request *request,
                              struct owner_finder *finder, struct look_answer *answer)
{
        struct census *census;

        answer->error = look_census(look, request, &census, &answer->limits);
        if (answer->error < 0)
                return;
        for (size_t i = 0; i < MIN(census->n_destinations, (size_t)LOOK_OWNERS_MAX); i++)
                if (census->destinations[i].witness.known)
                        owner_finder_find(finder, &census->destinations[i].witness,
                                          request->now_usec, &answer->owners[i]);
        answer->census = census;
}

void look_answer_take(struct look_answer *answer, struct look *look,
                      const struct scan_request *request, struct owner_finder *finder)
{
        const uint64_t cpu_usec = clock_thread_cpu_usec();

        answer->seen_usec = request->now_usec;
        switch (answer->question.kind) {
        case LOOK_PORT:
                take_port(look, request, finder, answer);
                break;
        case LOOK_DESTINATIONS:
                take_destinations(look, request, finder, answer);
                break;
        }
        answer->cpu_usec = clock_thread_cpu_usec() - cpu_usec;
}
