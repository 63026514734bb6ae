/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two sockets on one port conflict where their devices and their addresses overlap, unless both
 * have SO_REUSEADDR and the older one does not listen, or both have SO_REUSEPORT and one user (of a
 * mini-socket the kernel has forgotten the user). listen() asks again.
 *
 * A wildcard overlaps every address of its family; the IPv6 wildcard without V6ONLY also every one
 * of IPv4. Connections count with the address they have, whatever their listener was bound to, and
 * they inherit its options. An IPv6 socket without V6ONLY is in the way of the IPv4 wildcard even if
 * it has an IPv6 address of its own (inet_rcv_saddr_equal()): connections that a dual listener has
 * left behind are such sockets, and sock_diag tells V6ONLY only of sockets without a peer.
 *
 * What can be concluded about options that are not told: two listeners whose addresses overlap got
 * past each other, which SO_REUSEADDR does not allow, so they have SO_REUSEPORT. Nothing follows for
 * connections, which have what their own listener had and may be older than these.
 */

#include "bindrule.h"

#include <string.h>

#include "base.h"

/* ---- claims ---- */

static enum claim_kind kind_of(uint8_t state, bool mini)
{
        switch (state) {
        case SOCK_LISTEN:
                return CLAIM_LISTENER;
        case SOCK_CLOSE:
        case SOCK_BOUND:
                return CLAIM_BOUND;
        case SOCK_TIME_WAIT:
                return CLAIM_TIME_WAIT;
        default:
                return mini ? CLAIM_FIN_WAIT2 : CLAIM_CONNECTIONS;
        }
}

static bool has_peer(uint8_t state)
{
        return state != SOCK_LISTEN && state != SOCK_CLOSE && state != SOCK_BOUND;
}

static void set_family(const struct sockrec *record, struct bind_claim *claim)
{
        if (record->family == ADDR_IPV4) {
                claim->family = BIND_IPV4;
        } else if (record->have & SOCKREC_V6ONLY) {
                claim->family = record->v6only ? BIND_IPV6 : BIND_DUAL;
        } else {
                claim->family = BIND_IPV6;
                /* bind() to an IPv6 address sets V6ONLY */
                claim->maybe_dual = has_peer(record->state) || sock_addr_is_any(&record->local);
        }
}

static struct bind_claim claim_of(const struct sockrec *record, bool client)
{
        const bool mini = (record->have & SOCKREC_MINI) != 0;
        struct bind_claim claim = { .kind = kind_of(record->state, mini),
                                    .state = record->state,
                                    .address = record->local,
                                    .ifindex = record->ifindex,
                                    .mini = mini,
                                    .count = 1 };

        if (client && has_peer(record->state))
                claim.kind = CLAIM_CLIENT;
        if (claim.kind == CLAIM_BOUND)
                claim.state = SOCK_BOUND; /* which the kernel calls CLOSE */
        set_family(record, &claim);
        if (mini)
                claim.free_in_msec = record->expires_msec;
        if (record->have & SOCKREC_OWNER) {
                claim.uid_known = true;
                claim.uid = record->uid;
                claim.inode = record->inode;
        }
        if (record->have & SOCKREC_CGROUP)
                claim.cgroup_id = record->cgroup_id;
        return claim;
}

static bool is_alike(const struct bind_claim *a, const struct bind_claim *b)
{
        return a->kind == b->kind && a->state == b->state && a->family == b->family &&
               a->maybe_dual == b->maybe_dual && a->ifindex == b->ifindex && a->uid == b->uid &&
               a->uid_known == b->uid_known && a->mini == b->mini &&
               memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

static void merge(struct bind_claims *claims, const struct bind_claim *claim)
{
        for (size_t i = 0; i < claims->n; i++) {
                struct bind_claim *item = &claims->items[i];

                if (!is_alike(item, claim))
                        continue;
                /* a dump may show a socket twice, and two listeners would prove something */
                if (claim->kind == CLAIM_LISTENER && item->inode == claim->inode)
                        return;
                item->count += claim->count;
                item->free_in_msec = MAX(item->free_in_msec, claim->free_in_msec);
                if (item->inode == 0 && claim->inode != 0) {
                        item->inode = claim->inode;
                        item->cgroup_id = claim->cgroup_id;
                }
                return;
        }
        if (claims->n < BIND_CLAIMS_MAX)
                claims->items[claims->n++] = *claim;
        else
                claims->overflow += claim->count;
}

void bind_claims_add(struct bind_claims *claims, const struct sockrec *record, bool client)
{
        struct bind_claim claim;

        /* a request socket; one with a file is a connection that both ends have opened at once */
        if (record->state == SOCK_SYN_RECV && record->inode == 0)
                return;
        claim = claim_of(record, client);
        merge(claims, &claim);
}

void bind_claims_serve(struct bind_claims *claims)
{
        const size_t n = claims->n;

        claims->n = 0; /* merged in place: never ahead of what is read */
        for (size_t i = 0; i < n; i++) {
                struct bind_claim claim = claims->items[i];

                if (claim.kind == CLAIM_CLIENT)
                        claim.kind = kind_of(claim.state, claim.mini);
                merge(claims, &claim);
        }
}

/* ---- verdict ---- */

/* Of an IPv6 socket with one of IPv4, either of which is a wildcard. */
static enum bind_answer reaches_ipv4(enum bind_family family, bool maybe_dual)
{
        if (family == BIND_DUAL)
                return BIND_YES;
        return maybe_dual ? BIND_UNKNOWN : BIND_NO;
}

/* Does the claim overlap what is asked for? Devices always do: the new socket has none. */
static enum bind_answer overlaps(const struct bind_claim *claim,
                                 const struct bind_question *question)
{
        const bool new_any = sock_addr_is_any(&question->address);
        const bool old_any = sock_addr_is_any(&claim->address);
        const bool new_ipv4 = question->family == BIND_IPV4;
        const bool old_ipv4 = claim->family == BIND_IPV4;

        if (new_ipv4 == old_ipv4)
                return new_any || old_any ||
                                       memcmp(&question->address, &claim->address,
                                              sizeof(claim->address)) == 0
                               ? BIND_YES
                               : BIND_NO;
        if (new_ipv4)
                return new_any || old_any ? reaches_ipv4(claim->family, claim->maybe_dual)
                                          : BIND_NO;
        return new_any ? reaches_ipv4(question->family, false) : BIND_NO;
}

/*
 * A listener that another one has got past has SO_REUSEPORT, and so has the other. But the kernel
 * looks at devices no more, and for the IPv6 wildcard at V6ONLY neither, when the last one to share
 * the port was alike (sk_reuseport_match()): a dual listener may so have got past one that has not.
 */
static bool has_reuseport(const struct bind_claims *claims, const struct bind_claim *claim)
{
        const struct bind_question again = { claim->family, claim->address };

        if (claim->kind != CLAIM_LISTENER || claim->maybe_dual || claim->ifindex != 0)
                return false;
        if (claim->count > 1)
                return true;
        for (size_t i = 0; i < claims->n; i++) {
                const struct bind_claim *other = &claims->items[i];

                if (other != claim && other->kind == CLAIM_LISTENER &&
                    overlaps(other, &again) == BIND_YES &&
                    (claim->family == BIND_DUAL || other->family != BIND_DUAL))
                        return true;
        }
        return false;
}

static void add_blocker(struct bind_verdict *verdict, size_t claim, enum bind_help help,
                        bool certain)
{
        verdict->blockers[verdict->n_blockers++] = (struct bind_blocker){ claim, help, certain };
}

/* Every claim that overlaps, with what SO_REUSEADDR does about it. */
static void find_blockers(const struct bind_claims *claims, const struct bind_question *question,
                          struct bind_verdict *verdict)
{
        for (size_t i = 0; i < claims->n; i++) {
                const bool listens = claims->items[i].kind == CLAIM_LISTENER;
                const enum bind_answer overlap = overlaps(&claims->items[i], question);

                if (overlap != BIND_NO)
                        add_blocker(verdict, i, listens ? BIND_HELP_NO : BIND_HELP_IF_SET,
                                    overlap == BIND_YES);
        }
}

static void judge_plain(struct bind_verdict *verdict)
{
        verdict->plain = verdict->n_blockers > 0 ? BIND_UNKNOWN : BIND_YES;
        for (size_t i = 0; i < verdict->n_blockers; i++)
                if (verdict->blockers[i].certain)
                        verdict->plain = BIND_NO;
}

static void judge_reuse(struct bind_verdict *verdict)
{
        verdict->reuse = verdict->n_blockers > 0 ? BIND_UNKNOWN : BIND_YES;
        for (size_t i = 0; i < verdict->n_blockers; i++)
                if (verdict->blockers[i].certain && verdict->blockers[i].help == BIND_HELP_NO)
                        verdict->reuse = BIND_NO;
}

/* No user can get past the sockets of two, but for what is said at has_reuseport(). */
static bool is_of_two_users(const struct bind_claims *claims, const struct bind_verdict *verdict)
{
        const struct bind_claim *first = NULL;

        for (size_t i = 0; i < verdict->n_blockers; i++) {
                const struct bind_claim *claim = &claims->items[verdict->blockers[i].claim];

                if (!verdict->blockers[i].certain || !claim->uid_known || claim->ifindex != 0)
                        continue;
                if (!first)
                        first = claim;
                else if (first->uid != claim->uid)
                        return true;
        }
        return false;
}

static void judge_reuseport(const struct bind_claims *claims, const struct bind_question *question,
                            struct bind_verdict *verdict)
{
        verdict->reuseport = BIND_YES;
        for (size_t i = 0; i < verdict->n_blockers; i++) {
                const struct bind_claim *claim = &claims->items[verdict->blockers[i].claim];

                if (!verdict->blockers[i].certain || !claim->uid_known ||
                    !has_reuseport(claims, claim))
                        verdict->reuseport = BIND_UNKNOWN;
        }
        if (is_of_two_users(claims, verdict))
                verdict->reuseport = question->family == BIND_DUAL ? BIND_UNKNOWN : BIND_NO;
}

static void judge_time(const struct bind_claims *claims, struct bind_verdict *verdict)
{
        uint64_t longest = 0;

        verdict->free_known = true;
        for (size_t i = 0; i < verdict->n_blockers; i++) {
                const struct bind_claim *claim = &claims->items[verdict->blockers[i].claim];

                verdict->free_known &= claim->mini;
                longest = MAX(longest, (uint64_t)claim->free_in_msec + BIND_TIMER_SLACK_MSEC);
        }
        verdict->free_in_msec = verdict->free_known ? longest : 0;
}

static void doubt(enum bind_answer *answer)
{
        if (*answer == BIND_YES)
                *answer = BIND_UNKNOWN;
}

void bind_doubt(struct bind_verdict *verdict)
{
        doubt(&verdict->plain);
        doubt(&verdict->reuse);
        doubt(&verdict->reuseport);
        verdict->free_known = false;
        verdict->free_in_msec = 0;
}

void bind_judge(const struct bind_claims *claims, const struct bind_question *question,
                struct bind_verdict *ret_verdict)
{
        struct bind_verdict verdict = { 0 };

        find_blockers(claims, question, &verdict);
        judge_plain(&verdict);
        judge_reuse(&verdict);
        judge_reuseport(claims, question, &verdict);
        judge_time(claims, &verdict);
        if (!claims->whole || claims->overflow > 0 || !claims->bound_known)
                bind_doubt(&verdict);
        *ret_verdict = verdict;
}
