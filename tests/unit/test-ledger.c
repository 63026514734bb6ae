/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ages by cookie: who is new, who is seen again, who is forgotten and when. */

#include "fixture.h"

#include "ledger.h"

static struct sockrec socket_of(uint64_t cookie)
{
        return (struct sockrec){ .cookie = cookie,
                                 .state = SOCK_CLOSE_WAIT,
                                 .inode = 7,
                                 .uid = 33,
                                 .cgroup_id = 5,
                                 .have = SOCKREC_OWNER | SOCKREC_CGROUP };
}

static int see(struct ledger *ledger, uint64_t cookie, uint16_t port)
{
        const struct sockrec record = socket_of(cookie);
        const struct port_key key = local_port(port);

        return ledger_see(ledger, &record, &key);
}

struct found {
        size_t n;
        uint64_t oldest;
        uint64_t sum;
        struct ledger_entry last;
        struct ledger_group group;
};

static void on_entry(const struct ledger_entry *entry, const struct ledger_group *group,
                     void *userdata)
{
        struct found *found = userdata;

        found->n++;
        found->sum += entry->cookie;
        if (found->oldest == 0 || entry->first_seen_usec < found->oldest)
                found->oldest = entry->first_seen_usec;
        found->last = *entry;
        found->group = *group;
}

static struct found look(const struct ledger *ledger)
{
        struct found found = { 0 };

        ledger_each_seen(ledger, on_entry, &found);
        return found;
}

static int setup(void **state)
{
        struct ledger *ledger;

        assert_int_equal(ledger_new(&ledger), 0);
        *state = ledger;
        return 0;
}

static int teardown(void **state)
{
        ledger_free(*state);
        return 0;
}

static void test_first_seen_is_kept(void **state)
{
        struct ledger *ledger = *state;

        for (uint64_t now = 100; now <= 500; now += 100) {
                ledger_begin(ledger, now);
                assert_int_equal(see(ledger, 1, 80), 0);
                ledger_end(ledger, true, NULL, NULL);
                assert_int_equal(look(ledger).oldest, 100);
        }
        assert_int_equal(look(ledger).group.uid, 33);
        assert_int_equal(look(ledger).group.cgroup_id, 5);
}

/* Whether seen in this scan or not, in whatever order. */
static void test_knows(void **state)
{
        struct ledger *ledger = *state;

        ledger_begin(ledger, 100);
        assert_false(ledger_knows(ledger, 1));
        for (uint64_t cookie = 1; cookie <= 100; cookie++)
                assert_int_equal(see(ledger, cookie, 80), 0);
        ledger_end(ledger, true, NULL, NULL);
        ledger_begin(ledger, 200);
        for (uint64_t cookie = 1; cookie <= 100; cookie++) {
                assert_true(ledger_knows(ledger, cookie));
                assert_true(ledger_knows(ledger, 101 - cookie));
                assert_false(ledger_knows(ledger, 1000 + cookie));
                assert_int_equal(see(ledger, cookie, 80), 0);
        }
}

/* Without room at first, they may have been there for long when they find some. */
static void test_late_room_is_no_arrival(void **state)
{
        struct ledger *ledger;
        const struct port_key key = local_port(80);

        (void)state;
        assert_int_equal(ledger_new(&ledger), 0);
        ledger_set_max(ledger, 1);
        for (uint64_t i = 0; i < 2; i++) {
                const struct sockrec one = { .cookie = 1 }, two = { .cookie = 2 };

                ledger_begin(ledger, 1000 + i);
                assert_int_equal(ledger_see(ledger, &one, &key), 0);
                assert_int_equal(ledger_see(ledger, &two, &key), i == 0 ? LEDGER_UNTRACKED : 0);
                ledger_end(ledger, true, NULL, NULL);
                assert_int_equal(look(ledger).last.flags & LEDGER_AT_LEAST,
                                 i == 0 ? 0 : LEDGER_AT_LEAST);
                ledger_set_max(ledger, 2);
        }
        ledger_free(ledger);
}

/* By cookie, whether the current scan has seen it or not. */
static void test_found_by_cookie(void **state)
{
        struct ledger *ledger = *state;

        assert_null(ledger_find(ledger, 1));
        ledger_begin(ledger, 1000);
        for (uint64_t cookie = 1; cookie <= 1000; cookie++)
                assert_int_equal(see(ledger, cookie, 80), 0);
        ledger_end(ledger, true, NULL, NULL);
        ledger_begin(ledger, 2000);
        assert_int_equal(see(ledger, 7, 80), 0);
        for (uint64_t cookie = 1; cookie <= 1000; cookie++) {
                assert_int_equal(ledger_find(ledger, cookie)->cookie, cookie);
                assert_int_equal(ledger_find(ledger, cookie)->first_seen_usec, 1000);
        }
        assert_null(ledger_find(ledger, 1001));
        assert_int_equal(see(ledger, 8, 80), 0); /* looking up does not disturb the scan */
}

/* Accepted meanwhile; and whoever had it is not forgotten when the kernel shows no inode any more. */
static void test_inode_is_kept(void **state)
{
        static const uint32_t shown[] = { 0, 7, 8, 0 }, wanted[] = { 0, 7, 8, 8 };
        struct ledger *ledger = *state;
        const struct port_key key = local_port(80);

        for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
                struct sockrec record = socket_of(1);

                record.inode = shown[i];
                ledger_begin(ledger, 100 + i);
                assert_int_equal(ledger_see(ledger, &record, &key), 0);
                ledger_end(ledger, true, NULL, NULL);
                assert_int_equal(look(ledger).last.inode, wanted[i]);
        }
}

static void test_repeated_in_one_dump_counts_once(void **state)
{
        struct ledger *ledger = *state;

        ledger_begin(ledger, 100);
        assert_int_equal(see(ledger, 1, 80), 0);
        assert_int_equal(see(ledger, 1, 80), LEDGER_REPEATED);
        ledger_end(ledger, true, NULL, NULL);
        assert_int_equal(look(ledger).n, 1);
}

/* An attempt that was interrupted and begun again does not turn its sockets into repetitions. */
static void test_second_attempt_counts_afresh(void **state)
{
        struct ledger *ledger = *state;

        ledger_begin(ledger, 100);
        assert_int_equal(see(ledger, 1, 80), 0);
        ledger_begin(ledger, 100);
        assert_int_equal(see(ledger, 1, 80), 0);
        ledger_end(ledger, true, NULL, NULL);
        assert_int_equal(look(ledger).n, 1);
}

static void test_forgotten_after_two_complete_misses(void **state)
{
        struct ledger *ledger = *state;

        ledger_begin(ledger, 100);
        see(ledger, 1, 80);
        ledger_end(ledger, true, NULL, NULL);
        ledger_begin(ledger, 200);
        ledger_end(ledger, true, NULL, NULL); /* one miss: a dump may miss a few */
        assert_int_equal(look(ledger).n, 0);
        ledger_begin(ledger, 300);
        see(ledger, 1, 80);
        ledger_end(ledger, true, NULL, NULL);
        assert_int_equal(look(ledger).oldest, 100);
        for (int i = 0; i < 2; i++) {
                ledger_begin(ledger, 400);
                ledger_end(ledger, true, NULL, NULL);
        }
        assert_int_equal(ledger_count(ledger), 0);
        ledger_begin(ledger, 600);
        see(ledger, 1, 80);
        ledger_end(ledger, true, NULL, NULL);
        assert_int_equal(look(ledger).oldest, 600);
}

static void test_partial_scans_age_nothing_out(void **state)
{
        struct ledger *ledger = *state;

        ledger_begin(ledger, 100);
        see(ledger, 1, 80);
        ledger_end(ledger, true, NULL, NULL);
        for (int i = 0; i < 50; i++) {
                ledger_begin(ledger, 200);
                ledger_end(ledger, false, NULL, NULL);
        }
        assert_int_equal(ledger_count(ledger), 1);
}

static void test_tcp_info_dates_old_sockets(void **state)
{
        struct ledger *ledger = *state;
        struct sockrec record = socket_of(1);
        const struct port_key key = local_port(80);

        record.have |= SOCKREC_INFO;
        record.last_ack_recv_msec = 20000;
        record.last_data_recv_msec = 90000;
        ledger_begin(ledger, 100 * USEC_PER_SEC);
        ledger_see(ledger, &record, &key);
        assert_int_equal(look(ledger).last.first_seen_usec, 80 * USEC_PER_SEC);
        assert_true(look(ledger).last.flags & LEDGER_AT_LEAST);

        record.cookie = 2;
        record.last_data_recv_msec = 20400; /* both bounds agree */
        ledger_see(ledger, &record, &key);
        assert_false(look(ledger).last.flags & LEDGER_AT_LEAST);

        record.cookie = 3;
        record.last_ack_recv_msec = UINT32_MAX; /* longer than the clock has run */
        ledger_see(ledger, &record, &key);
        assert_int_equal(look(ledger).last.first_seen_usec, 0);
        ledger_end(ledger, true, NULL, NULL);
}

/* How a socket is dated that was idle for an hour, and had its FIN 20 s ago, in these scans. */
struct dated {
        uint64_t first_seen_usec;
        bool at_least;
};

static struct dated see_idle(struct ledger *ledger, uint64_t cookie, uint64_t now_usec, bool info)
{
        const struct port_key key = local_port(80);
        struct sockrec record = socket_of(cookie);

        if (info)
                record.have |= SOCKREC_INFO;
        record.last_ack_recv_msec = 20000;
        record.last_data_recv_msec = 3600000;
        ledger_begin(ledger, now_usec);
        (void)ledger_see(ledger, &record, &key);
        return (struct dated){ .first_seen_usec = ledger_find(ledger, cookie)->first_seen_usec,
                               .at_least = ledger_find(ledger, cookie)->flags & LEDGER_AT_LEAST };
}

static void scan_nothing(struct ledger *ledger, uint64_t now_usec, bool complete)
{
        ledger_begin(ledger, now_usec);
        ledger_end(ledger, complete, NULL, NULL);
}

/* One that was not there when we looked last, and that is not long ago, has arrived since. */
static void test_new_ones_are_dated(void **state)
{
        static const struct {
                uint64_t pause; /* since a complete scan; 0: there was none */
                bool partial;   /* and a partial one 1 s before */
                bool info, at_least;
        } cases[] = {
                { 0, false, true, true },    { 0, true, true, true },
                { 30, false, true, false },  { 30, true, true, false },
                { 600, false, true, false }, { 660, false, true, false },
                { 661, false, true, true },  { 661, true, true, true },
                { 30, false, false, false }, { 661, false, false, false },
        };
        const uint64_t now = 5000 * USEC_PER_SEC;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct ledger *ledger;
                struct dated dated;

                assert_int_equal(ledger_new(&ledger), 0);
                if (cases[i].pause > 0)
                        scan_nothing(ledger, now - cases[i].pause * USEC_PER_SEC, true);
                if (cases[i].partial)
                        scan_nothing(ledger, now - USEC_PER_SEC, false);
                dated = see_idle(ledger, 1, now, cases[i].info);
                assert_int_equal(dated.first_seen_usec,
                                 cases[i].info ? now - 20 * USEC_PER_SEC : now);
                assert_int_equal(dated.at_least, cases[i].at_least);
                ledger_free(ledger);
        }
}

/* A dump may miss a few: it is as old as it says, though the scan before should have shown it. */
static void test_missed_ones_are_dated(void **state)
{
        struct ledger *ledger = *state;
        struct dated dated;

        scan_nothing(ledger, 4990 * USEC_PER_SEC, true);
        dated = see_idle(ledger, 1, 5000 * USEC_PER_SEC, true);
        assert_int_equal(dated.first_seen_usec, 4980 * USEC_PER_SEC);
        assert_false(dated.at_least);
}

/* Not shown means nothing where there was no room. */
static void test_a_full_ledger_proves_nothing(void **state)
{
        struct ledger *ledger = *state;

        ledger_set_max(ledger, 1);
        ledger_begin(ledger, 4990 * USEC_PER_SEC);
        assert_int_equal(see(ledger, 8, 80), 0);
        assert_int_equal(see(ledger, 9, 80), LEDGER_UNTRACKED);
        ledger_end(ledger, true, NULL, NULL);
        ledger_set_max(ledger, 4);
        assert_true(see_idle(ledger, 9, 5000 * USEC_PER_SEC, true).at_least);
        assert_true(see_idle(ledger, 10, 5000 * USEC_PER_SEC, false).at_least);
        ledger_end(ledger, true, NULL, NULL);
        assert_false(see_idle(ledger, 11, 5010 * USEC_PER_SEC, true).at_least);
}

/* The port's side was decided anew: the age moves along with the socket. */
static void test_changed_port_keeps_the_age(void **state)
{
        struct ledger *ledger = *state;

        ledger_begin(ledger, 100);
        see(ledger, 1, 80);
        ledger_end(ledger, true, NULL, NULL);
        ledger_begin(ledger, 200);
        see(ledger, 1, 81);
        ledger_end(ledger, true, NULL, NULL);
        assert_int_equal(look(ledger).oldest, 100);
        assert_int_equal(look(ledger).group.port.port, 81);
}

static void test_bound_is_kept_and_counted(void **state)
{
        struct ledger *ledger = *state;

        for (int round = 0; round < 2; round++) {
                ledger_begin(ledger, 100);
                for (uint64_t cookie = 1; cookie <= LEDGER_SOCKETS_MAX; cookie++)
                        assert_int_equal(see(ledger, cookie, 80), 0);
                assert_int_equal(see(ledger, LEDGER_SOCKETS_MAX + 1, 80), LEDGER_UNTRACKED);
                assert_int_equal(see(ledger, LEDGER_SOCKETS_MAX + 2, 80), LEDGER_UNTRACKED);
                ledger_end(ledger, true, NULL, NULL);
                assert_int_equal(ledger_untracked(ledger), 2);
        }
}

/* ---- what an earlier run knew ---- */

static void restore(struct ledger *ledger, uint64_t cookie, uint64_t first_seen, uint8_t flags)
{
        struct ages *ages;

        assert_int_equal(ages_new(1, &ages), 0);
        ages_add(ages, cookie, first_seen, flags);
        assert_int_equal(ages_index(ages), 0);
        ledger_restore(ledger, ages);
}

static void test_restored_age_is_taken_over(void **state)
{
        struct ledger *ledger = *state;

        restore(ledger, 1, 40, LEDGER_OUTLIVED | LEDGER_AT_LEAST);
        assert_int_equal(ledger_count(ledger), 0);
        ledger_begin(ledger, 100);
        see(ledger, 1, 80);
        assert_int_equal(look(ledger).last.first_seen_usec, 40);
        assert_int_equal(look(ledger).last.flags, LEDGER_OUTLIVED | LEDGER_AT_LEAST);
        see(ledger, 2, 80);
        assert_int_equal(look(ledger).last.first_seen_usec, 100);
        assert_int_equal(look(ledger).last.flags, 0);
        ledger_end(ledger, true, NULL, NULL);
        ledger_begin(ledger, 200);
        see(ledger, 1, 80);
        ledger_end(ledger, true, NULL, NULL);
        assert_int_equal(look(ledger).oldest, 40);
}

/* Whatever tcp_info says, the age does not shrink, and what was known for certain stays so. */
static void test_older_of_both_dates(void **state)
{
        static const struct {
                uint64_t restored, wanted;
                uint32_t ack_msec;
        } cases[] = {
                { 40 * USEC_PER_SEC, 40 * USEC_PER_SEC, 20000 },
                { 90 * USEC_PER_SEC, 80 * USEC_PER_SEC, 20000 },
        };
        const struct port_key key = local_port(80);

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct ledger *ledger = *state;
                struct sockrec record = socket_of(i + 1);

                record.have |= SOCKREC_INFO;
                record.last_ack_recv_msec = cases[i].ack_msec;
                record.last_data_recv_msec = 90000;
                restore(ledger, i + 1, cases[i].restored, 0);
                ledger_begin(ledger, 100 * USEC_PER_SEC);
                ledger_see(ledger, &record, &key);
                assert_int_equal(look(ledger).last.first_seen_usec, cases[i].wanted);
                assert_int_equal(look(ledger).last.flags, 0);
        }
}

static void count_left(const struct ledger_entry *entry, const struct ledger_group *group,
                       uint64_t seen_usec, void *userdata)
{
        (void)entry;
        (void)group;
        (void)seen_usec;
        ++*(unsigned *)userdata;
}

/* Those that ended meanwhile have not been seen leaving. */
static void test_restored_is_forgotten_silently(void **state)
{
        struct ledger *ledger = *state;
        unsigned left = 0;

        restore(ledger, 1, 40, 0);
        for (uint64_t now = 100; now < 150; now += 10) { /* partial: nothing is proved */
                ledger_begin(ledger, now);
                ledger_end(ledger, false, count_left, &left);
        }
        ledger_begin(ledger, 150); /* one miss: a dump may miss a few */
        ledger_end(ledger, true, count_left, &left);
        ledger_begin(ledger, 200);
        see(ledger, 1, 80);
        ledger_end(ledger, true, count_left, &left);
        assert_int_equal(look(ledger).oldest, 40);

        restore(ledger, 2, 40, 0);
        for (uint64_t now = 300; now <= 400; now += 100) {
                ledger_begin(ledger, now);
                see(ledger, 1, 80);
                ledger_end(ledger, true, count_left, &left);
        }
        ledger_begin(ledger, 500);
        see(ledger, 1, 80);
        see(ledger, 2, 80);
        ledger_end(ledger, true, count_left, &left);
        assert_int_equal(ledger_find(ledger, 2)->first_seen_usec, 500);
        assert_int_equal(left, 0);
}

/* Newcomers that the dump shows first do not take it from them. */
static void test_restored_have_their_room(void **state)
{
        struct ledger *ledger = *state;

        ledger_set_max(ledger, 2);
        restore(ledger, 9, 40, 0);
        ledger_begin(ledger, 100);
        assert_int_equal(see(ledger, 1, 80), 0);
        assert_int_equal(see(ledger, 2, 80), LEDGER_UNTRACKED);
        assert_int_equal(see(ledger, 9, 80), 0);
        ledger_end(ledger, true, NULL, NULL);
        assert_int_equal(look(ledger).oldest, 40);
        assert_int_equal(ledger_untracked(ledger), 1);
}

static void restore_many(struct ledger *ledger, uint64_t first, uint64_t last)
{
        struct ages *ages;

        assert_int_equal(ages_new(last - first + 1, &ages), 0);
        for (uint64_t cookie = first; cookie <= last; cookie++)
                ages_add(ages, cookie, 40, 0);
        assert_int_equal(ages_index(ages), 0);
        ledger_restore(ledger, ages);
}

/* ... but not for ever, though no scan is complete. */
static void test_room_is_reserved_for_a_while(void **state)
{
        struct ledger *ledger = *state;

        ledger_set_max(ledger, 4);
        restore_many(ledger, 101, 102);
        for (uint64_t scan = 1; scan <= LEDGER_RESERVE_SCANS + 1; scan++) {
                const bool reserved = scan <= LEDGER_RESERVE_SCANS;

                ledger_begin(ledger, 100 * scan);
                for (uint64_t cookie = 1; cookie <= 3; cookie++)
                        assert_int_equal(see(ledger, cookie, 80),
                                         cookie == 3 && reserved ? LEDGER_UNTRACKED : 0);
                ledger_end(ledger, false, NULL, NULL);
                assert_int_equal(ledger_untracked(ledger), reserved);
        }
        ledger_begin(ledger, 5000); /* and one of them is still known */
        assert_int_equal(see(ledger, 102, 80), 0);
        assert_int_equal(ledger_find(ledger, 102)->first_seen_usec, 40);
}

static void add_age(const struct age *age, void *userdata)
{
        *(uint64_t *)userdata += age->cookie * 1000 + age->first_seen_usec;
}

static uint64_t all_ages(const struct ledger *ledger)
{
        uint64_t sum = 0;

        ledger_each_age(ledger, add_age, &sum);
        return sum;
}

/* Each once: entries, and what was restored and was not seen yet. */
static void test_each_age(void **state)
{
        struct ledger *ledger = *state;

        restore(ledger, 1, 40, 0);
        assert_int_equal(all_ages(ledger), 1040);
        ledger_begin(ledger, 100);
        see(ledger, 2, 80);
        ledger_end(ledger, true, NULL, NULL);
        assert_int_equal(all_ages(ledger), 1040 + 2100);
        ledger_begin(ledger, 200);
        see(ledger, 1, 80);
        ledger_end(ledger, true, NULL, NULL); /* 2 was missed once */
        assert_int_equal(all_ages(ledger), 1040 + 2100);
}

/* Random lives against a plain array: same members, same ages, through growth and shrinking. */
static void test_random_lives(void **state)
{
        enum { SOCKETS = 3000, SCANS = 400 };
        struct ledger *ledger = *state;
        uint64_t *first = calloc(SOCKETS, sizeof(*first));
        int *misses = calloc(SOCKETS, sizeof(*misses));

        assert_non_null(first);
        assert_non_null(misses);
        srandom(11);
        for (uint64_t scan = 1; scan <= SCANS; scan++) {
                const long density = scan % 100 < 50 ? 90 : 2;
                size_t seen = 0;
                uint64_t sum = 0, oldest = 0;
                struct found found;

                ledger_begin(ledger, scan);
                for (uint64_t s = 0; s < SOCKETS; s++) {
                        if (random() % 100 >= density) {
                                if (first[s] && ++misses[s] >= LEDGER_MISSES_MAX)
                                        first[s] = 0;
                                continue;
                        }
                        misses[s] = 0;
                        first[s] = first[s] ? first[s] : scan;
                        oldest = oldest == 0 || first[s] < oldest ? first[s] : oldest;
                        assert_int_equal(see(ledger, s * 977 + 1, (uint16_t)(s % 700)), 0);
                        seen++;
                        sum += s * 977 + 1;
                }
                ledger_end(ledger, true, NULL, NULL);
                found = look(ledger);
                assert_int_equal(found.n, seen);
                assert_int_equal(found.sum, sum);
                assert_int_equal(found.oldest, oldest);
        }
        free(first);
        free(misses);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_found_by_cookie),
                T(test_first_seen_is_kept),
                T(test_knows),
                T(test_late_room_is_no_arrival),
                T(test_inode_is_kept),
                T(test_repeated_in_one_dump_counts_once),
                T(test_second_attempt_counts_afresh),
                T(test_forgotten_after_two_complete_misses),
                T(test_partial_scans_age_nothing_out),
                T(test_tcp_info_dates_old_sockets),
                T(test_new_ones_are_dated),
                T(test_missed_ones_are_dated),
                T(test_a_full_ledger_proves_nothing),
                T(test_changed_port_keeps_the_age),
                T(test_bound_is_kept_and_counted),
                T(test_restored_age_is_taken_over),
                T(test_older_of_both_dates),
                T(test_restored_is_forgotten_silently),
                T(test_restored_have_their_room),
                T(test_room_is_reserved_for_a_while),
                T(test_each_age),
                T(test_random_lives),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
