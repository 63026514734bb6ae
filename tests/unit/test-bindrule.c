/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What keeps bind() from a port, claim by claim. tests/live/test_bind.py asks the kernel. */

#include <arpa/inet.h>

#include "fixture.h"

#include "bindrule.h"

static const struct bind_question any4 = { .family = BIND_IPV4 };
static const struct bind_question any6 = { .family = BIND_IPV6 };
static const struct bind_question dual = { .family = BIND_DUAL };

static struct sock_addr address(const char *text)
{
        struct sock_addr addr = { .bytes = { 0 } };

        assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, addr.bytes), 1);
        return addr;
}

static struct bind_question at(const char *text)
{
        return (struct bind_question){ strchr(text, ':') ? BIND_IPV6 : BIND_IPV4, address(text) };
}

static struct sockrec record(enum sock_state state, const char *text)
{
        return (struct sockrec){ .state = state,
                                 .family = strchr(text, ':') ? ADDR_IPV6 : ADDR_IPV4,
                                 .local = address(text),
                                 .inode = 5,
                                 .uid = 33,
                                 .have = SOCKREC_OWNER };
}

static struct sockrec mini(enum sock_state state, const char *text, uint32_t expires_msec)
{
        struct sockrec rec = record(state, text);

        rec.have = SOCKREC_MINI;
        rec.inode = rec.uid = 0;
        rec.timer = SOCK_TIMER_TIME_WAIT;
        rec.expires_msec = expires_msec;
        return rec;
}

static struct bind_claims claims_of(const struct sockrec *records, size_t n)
{
        struct bind_claims claims = { .whole = true, .bound_known = true };

        for (size_t i = 0; i < n; i++)
                bind_claims_add(&claims, &records[i], false);
        return claims;
}

static struct bind_verdict judge(const struct bind_claims *claims, struct bind_question question)
{
        struct bind_verdict verdict;

        bind_judge(claims, &question, &verdict);
        return verdict;
}

static struct bind_verdict judge_one(struct sockrec rec, struct bind_question question)
{
        const struct bind_claims claims = claims_of(&rec, 1);

        return judge(&claims, question);
}

static void assert_answers(struct bind_verdict verdict, enum bind_answer plain,
                           enum bind_answer reuse, enum bind_answer reuseport)
{
        assert_int_equal(verdict.plain, plain);
        assert_int_equal(verdict.reuse, reuse);
        assert_int_equal(verdict.reuseport, reuseport);
}

static void test_nothing_is_in_the_way(void **state)
{
        const struct bind_claims claims = claims_of(NULL, 0);
        const struct bind_verdict verdict = judge(&claims, any4);

        (void)state;
        assert_answers(verdict, BIND_YES, BIND_YES, BIND_YES);
        assert_true(verdict.free_known);
        assert_int_equal(verdict.free_in_msec, 0);
        assert_int_equal(verdict.n_blockers, 0);
}

static void test_listener(void **state)
{
        const struct bind_verdict verdict = judge_one(record(SOCK_LISTEN, "10.0.0.1"), any4);

        (void)state;
        assert_answers(verdict, BIND_NO, BIND_NO, BIND_UNKNOWN);
        assert_int_equal(verdict.n_blockers, 1);
        assert_int_equal(verdict.blockers[0].help, BIND_HELP_NO);
        assert_true(verdict.blockers[0].certain);
        assert_false(verdict.free_known);
}

static void test_time_wait(void **state)
{
        const struct sockrec records[] = { mini(SOCK_TIME_WAIT, "10.0.0.1", 12000),
                                           mini(SOCK_TIME_WAIT, "10.0.0.1", 59000),
                                           mini(SOCK_TIME_WAIT, "10.0.0.2", 1000) };
        const struct bind_claims claims = claims_of(records, ARRAY_SIZE(records));
        struct bind_verdict verdict = judge(&claims, any4);

        (void)state;
        assert_int_equal(claims.n, 2);
        assert_int_equal(claims.items[0].kind, CLAIM_TIME_WAIT);
        assert_int_equal(claims.items[0].count, 2);
        assert_int_equal(claims.items[0].free_in_msec, 59000);
        assert_answers(verdict, BIND_NO, BIND_UNKNOWN, BIND_UNKNOWN);
        assert_int_equal(verdict.blockers[0].help, BIND_HELP_IF_SET);
        assert_true(verdict.free_known);
        assert_int_equal(verdict.free_in_msec, 59000 + BIND_TIMER_SLACK_MSEC);
        verdict = judge(&claims, at("10.0.0.2"));
        assert_int_equal(verdict.n_blockers, 1);
        assert_int_equal(verdict.free_in_msec, 1000 + BIND_TIMER_SLACK_MSEC);
        assert_answers(judge(&claims, at("10.0.0.3")), BIND_YES, BIND_YES, BIND_YES);
}

static void test_no_time_where_a_program_decides(void **state)
{
        const struct sockrec records[] = { mini(SOCK_TIME_WAIT, "10.0.0.1", 12000),
                                           record(SOCK_CLOSE_WAIT, "10.0.0.1") };
        const struct bind_claims claims = claims_of(records, ARRAY_SIZE(records));
        const struct bind_verdict verdict = judge(&claims, any4);

        (void)state;
        assert_answers(verdict, BIND_NO, BIND_UNKNOWN, BIND_UNKNOWN);
        assert_int_equal(verdict.n_blockers, 2);
        assert_false(verdict.free_known);
}

static void test_kinds(void **state)
{
        static const struct {
                enum sock_state state;
                bool mini, client;
                enum claim_kind kind;
                enum sock_state told;
        } cases[] = {
                { SOCK_LISTEN, false, false, CLAIM_LISTENER, SOCK_LISTEN },
                { SOCK_LISTEN, false, true, CLAIM_LISTENER, SOCK_LISTEN },
                { SOCK_CLOSE, false, false, CLAIM_BOUND, SOCK_BOUND },
                { SOCK_BOUND, false, true, CLAIM_BOUND, SOCK_BOUND },
                { SOCK_ESTABLISHED, false, false, CLAIM_CONNECTIONS, SOCK_ESTABLISHED },
                { SOCK_LAST_ACK, false, false, CLAIM_CONNECTIONS, SOCK_LAST_ACK },
                { SOCK_FIN_WAIT2, false, false, CLAIM_CONNECTIONS, SOCK_FIN_WAIT2 },
                { SOCK_FIN_WAIT2, true, false, CLAIM_FIN_WAIT2, SOCK_FIN_WAIT2 },
                { SOCK_TIME_WAIT, true, false, CLAIM_TIME_WAIT, SOCK_TIME_WAIT },
                { SOCK_TIME_WAIT, true, true, CLAIM_CLIENT, SOCK_TIME_WAIT },
                { SOCK_SYN_SENT, false, true, CLAIM_CLIENT, SOCK_SYN_SENT },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct bind_claims claims = { .whole = true };
                const struct sockrec rec = cases[i].mini ? mini(cases[i].state, "10.0.0.1", 1)
                                                         : record(cases[i].state, "10.0.0.1");

                bind_claims_add(&claims, &rec, cases[i].client);
                assert_int_equal(claims.n, 1);
                assert_int_equal(claims.items[0].kind, cases[i].kind);
                assert_int_equal(claims.items[0].state, cases[i].told);
                assert_int_equal(claims.items[0].mini, cases[i].mini);
                assert_int_equal(judge(&claims, any4).plain, BIND_NO);
        }
}

static void test_requests_hold_nothing(void **state)
{
        struct sockrec rec = record(SOCK_SYN_RECV, "10.0.0.1");
        struct bind_claims claims = { .whole = true };

        (void)state;
        rec.inode = 0;
        bind_claims_add(&claims, &rec, false);
        assert_int_equal(claims.n, 0);
        rec.inode = 5; /* a socket of its own: opened at both ends at once */
        bind_claims_add(&claims, &rec, true);
        assert_int_equal(claims.n, 1);
}

/* Which questions a socket answers with NO; the other answers are YES or UNKNOWN. */
static void test_addresses(void **state)
{
        enum { V6ONLY_NOT_TOLD = -1 };
        static const struct {
                const char *address;
                int v6only;
                enum bind_answer any4, any6, dual, own4, own6; /* own: 10.0.0.1, 2001:db8::1 */
        } cases[] = {
                { "0.0.0.0", 0, BIND_NO, BIND_YES, BIND_NO, BIND_NO, BIND_YES },
                { "10.0.0.1", 0, BIND_NO, BIND_YES, BIND_NO, BIND_NO, BIND_YES },
                { "10.0.0.2", 0, BIND_NO, BIND_YES, BIND_NO, BIND_YES, BIND_YES },
                { "::", 1, BIND_YES, BIND_NO, BIND_NO, BIND_YES, BIND_NO },
                { "::", 0, BIND_NO, BIND_NO, BIND_NO, BIND_NO, BIND_NO },
                { "::", V6ONLY_NOT_TOLD, BIND_UNKNOWN, BIND_NO, BIND_NO, BIND_UNKNOWN, BIND_NO },
                { "2001:db8::1", 1, BIND_YES, BIND_NO, BIND_NO, BIND_YES, BIND_NO },
                { "2001:db8::1", V6ONLY_NOT_TOLD, BIND_YES, BIND_NO, BIND_NO, BIND_YES, BIND_NO },
                { "2001:db8::2", 1, BIND_YES, BIND_NO, BIND_NO, BIND_YES, BIND_YES },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct sockrec rec = record(SOCK_LISTEN, cases[i].address);

                if (rec.family == ADDR_IPV6 && cases[i].v6only != V6ONLY_NOT_TOLD) {
                        rec.have |= SOCKREC_V6ONLY;
                        rec.v6only = cases[i].v6only;
                }
                assert_int_equal(judge_one(rec, any4).plain, cases[i].any4);
                assert_int_equal(judge_one(rec, any6).plain, cases[i].any6);
                assert_int_equal(judge_one(rec, dual).plain, cases[i].dual);
                assert_int_equal(judge_one(rec, at("10.0.0.1")).plain, cases[i].own4);
                assert_int_equal(judge_one(rec, at("2001:db8::1")).plain, cases[i].own6);
        }
}

/* Whether they are in the way of 0.0.0.0 depends on V6ONLY, which is told of no connection. */
static void test_connections_over_ipv6(void **state)
{
        const struct bind_verdict verdict =
                judge_one(mini(SOCK_TIME_WAIT, "2001:db8::1", 3000), any4);

        (void)state;
        assert_answers(verdict, BIND_UNKNOWN, BIND_UNKNOWN, BIND_UNKNOWN);
        assert_int_equal(verdict.n_blockers, 1);
        assert_false(verdict.blockers[0].certain);
        assert_true(verdict.free_known); /* by then nothing is left that might be in the way */
        assert_int_equal(verdict.free_in_msec, 3000 + BIND_TIMER_SLACK_MSEC);
        assert_int_equal(judge_one(record(SOCK_ESTABLISHED, "2001:db8::1"), dual).plain, BIND_NO);
        assert_int_equal(judge_one(record(SOCK_ESTABLISHED, "2001:db8::1"), at("10.0.0.1")).plain,
                         BIND_YES);
}

static struct sockrec listener(const char *text, uint32_t inode, uint32_t uid, int v6only)
{
        struct sockrec rec = record(SOCK_LISTEN, text);

        rec.inode = inode;
        rec.uid = uid;
        rec.v6only = v6only != 0;
        rec.have |= rec.family == ADDR_IPV6 ? SOCKREC_V6ONLY : 0;
        return rec;
}

static void test_two_listeners_share(void **state)
{
        const struct sockrec same[] = { listener("10.0.0.1", 1, 33, 0),
                                        listener("10.0.0.1", 2, 33, 0) };
        const struct sockrec twice[] = { same[0], same[0] }; /* by a dump that stumbled */
        const struct sockrec overlap[] = { listener("0.0.0.0", 1, 33, 0),
                                           listener("10.0.0.1", 2, 33, 0) };
        const struct sockrec apart[] = { listener("10.0.0.2", 1, 33, 0),
                                         listener("10.0.0.1", 2, 33, 0) };
        struct bind_claims claims = claims_of(same, 2);

        (void)state;
        assert_answers(judge(&claims, any4), BIND_NO, BIND_NO, BIND_YES);
        claims = claims_of(twice, 2);
        assert_int_equal(claims.items[0].count, 1);
        assert_int_equal(judge(&claims, any4).reuseport, BIND_UNKNOWN);
        claims = claims_of(overlap, 2);
        assert_int_equal(judge(&claims, dual).reuseport, BIND_YES);
        claims = claims_of(apart, 2);
        assert_int_equal(judge(&claims, any4).reuseport, BIND_UNKNOWN);
}

/* sk_reuseport_match() may have let the dual one past a listener without SO_REUSEPORT. */
static void test_a_dual_listener_proves_itself_alone(void **state)
{
        const struct sockrec records[] = { listener("10.0.0.1", 1, 33, 0),
                                           listener("::", 2, 33, 0) };
        const struct bind_claims claims = claims_of(records, 2);

        (void)state;
        assert_int_equal(judge(&claims, any4).reuseport, BIND_UNKNOWN);
        assert_int_equal(judge(&claims, any6).reuseport, BIND_YES);
}

static void test_devices(void **state)
{
        struct sockrec records[] = { listener("10.0.0.1", 1, 33, 0),
                                     listener("10.0.0.1", 2, 33, 0) };
        struct bind_claims claims;

        (void)state;
        records[0].ifindex = 2;
        records[1].ifindex = 3;
        claims = claims_of(records, 2);
        assert_int_equal(claims.n, 2);
        assert_answers(judge(&claims, any4), BIND_NO, BIND_NO, BIND_UNKNOWN);
}

static void test_two_users(void **state)
{
        const struct sockrec records[] = { listener("10.0.0.1", 1, 33, 0),
                                           listener("10.0.0.2", 2, 34, 0) };
        const struct bind_claims claims = claims_of(records, 2);

        (void)state;
        assert_int_equal(judge(&claims, any4).reuseport, BIND_NO);
        assert_int_equal(judge(&claims, at("10.0.0.1")).reuseport, BIND_UNKNOWN);
        assert_int_equal(judge(&claims, dual).reuseport, BIND_UNKNOWN);
}

static void test_what_was_missed_is_unknown(void **state)
{
        struct bind_claims claims = claims_of(NULL, 0);
        const struct sockrec rec = record(SOCK_LISTEN, "10.0.0.1");

        (void)state;
        claims.whole = false;
        assert_answers(judge(&claims, any4), BIND_UNKNOWN, BIND_UNKNOWN, BIND_UNKNOWN);
        assert_false(judge(&claims, any4).free_known);
        bind_claims_add(&claims, &rec, false);
        assert_int_equal(judge(&claims, any4).plain, BIND_NO);
        assert_int_equal(judge(&claims, any4).reuse, BIND_NO);
        assert_int_equal(judge(&claims, at("10.0.0.2")).plain, BIND_UNKNOWN);
}

static void test_older_kernels_do_not_list_bound_ones(void **state)
{
        struct bind_claims claims = claims_of(NULL, 0);

        (void)state;
        claims.bound_known = false;
        assert_answers(judge(&claims, any4), BIND_UNKNOWN, BIND_UNKNOWN, BIND_UNKNOWN);
        assert_false(judge(&claims, any4).free_known);
}

/* What is seen to be in the way is no less so. */
static void test_older_kernels_know_a_no(void **state)
{
        const struct sockrec time_wait = mini(SOCK_TIME_WAIT, "10.0.0.1", 59000);
        const struct sockrec shared[] = { record(SOCK_LISTEN, "10.0.0.1"),
                                          record(SOCK_LISTEN, "0.0.0.0") };
        struct bind_claims claims = claims_of(&time_wait, 1);

        (void)state;
        claims.bound_known = false;
        assert_answers(judge(&claims, any4), BIND_NO, BIND_UNKNOWN, BIND_UNKNOWN);
        assert_int_equal(judge(&claims, any4).n_blockers, 1);
        assert_false(judge(&claims, any4).free_known); /* by these it would be */
        claims = claims_of(shared, 2);
        claims.items[1].inode = 6;
        assert_int_equal(judge(&claims, any4).reuseport, BIND_YES);
        claims.bound_known = false;
        assert_answers(judge(&claims, any4), BIND_NO, BIND_NO, BIND_UNKNOWN);
}

static void test_room(void **state)
{
        struct bind_claims claims = { .whole = true, .bound_known = true };
        struct sockrec rec = mini(SOCK_TIME_WAIT, "10.0.0.0", 7000);

        (void)state;
        for (unsigned i = 1; i <= BIND_CLAIMS_MAX + 3; i++) {
                rec.local.bytes[3] = (uint8_t)i;
                bind_claims_add(&claims, &rec, false);
                bind_claims_add(&claims, &rec, false);
        }
        assert_int_equal(claims.n, BIND_CLAIMS_MAX);
        assert_int_equal(claims.overflow, 6);
        assert_int_equal(judge(&claims, any4).plain, BIND_NO);
        assert_int_equal(judge(&claims, any4).n_blockers, BIND_CLAIMS_MAX);
        assert_false(judge(&claims, any4).free_known);
        assert_int_equal(judge(&claims, at("192.0.2.1")).plain, BIND_UNKNOWN);
}

static void test_the_owner_is_kept(void **state)
{
        struct sockrec records[2] = { record(SOCK_CLOSE_WAIT, "10.0.0.1"),
                                      record(SOCK_CLOSE_WAIT, "10.0.0.1") };
        struct bind_claims claims;

        (void)state;
        records[0].inode = 0;
        records[1].have |= SOCKREC_CGROUP;
        records[1].cgroup_id = 77;
        claims = claims_of(records, 2);
        assert_int_equal(claims.n, 1);
        assert_int_equal(claims.items[0].inode, 5);
        assert_int_equal(claims.items[0].cgroup_id, 77);
        assert_int_equal(claims.items[0].uid, 33);
}

static void test_clients_become_the_service(void **state)
{
        struct bind_claims claims = { .whole = true };
        const struct sockrec established = record(SOCK_ESTABLISHED, "10.0.0.1");
        const struct sockrec time_wait = mini(SOCK_TIME_WAIT, "10.0.0.1", 9);
        const struct sockrec server = record(SOCK_LISTEN, "10.0.0.1");

        (void)state;
        bind_claims_add(&claims, &established, true);
        bind_claims_add(&claims, &time_wait, true);
        bind_claims_add(&claims, &established, false);
        bind_claims_add(&claims, &server, false);
        assert_int_equal(claims.n, 4);
        bind_claims_serve(&claims);
        assert_int_equal(claims.n, 3);
        assert_int_equal(claims.items[0].kind, CLAIM_CONNECTIONS);
        assert_int_equal(claims.items[0].count, 2);
        assert_int_equal(claims.items[1].kind, CLAIM_TIME_WAIT);
        assert_int_equal(claims.items[2].kind, CLAIM_LISTENER);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_is_in_the_way),
                cmocka_unit_test(test_listener),
                cmocka_unit_test(test_time_wait),
                cmocka_unit_test(test_no_time_where_a_program_decides),
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_requests_hold_nothing),
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_connections_over_ipv6),
                cmocka_unit_test(test_two_listeners_share),
                cmocka_unit_test(test_a_dual_listener_proves_itself_alone),
                cmocka_unit_test(test_devices),
                cmocka_unit_test(test_two_users),
                cmocka_unit_test(test_what_was_missed_is_unknown),
                cmocka_unit_test(test_older_kernels_do_not_list_bound_ones),
                cmocka_unit_test(test_older_kernels_know_a_no),
                cmocka_unit_test(test_room),
                cmocka_unit_test(test_the_owner_is_kept),
                cmocka_unit_test(test_clients_become_the_service),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
