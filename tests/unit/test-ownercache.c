/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients are told about owners without a search, and how many searches they get. */

#include "fixture.h"

#include "ownercache.h"

static const struct port_witness socket_5 = { .known = true, .inode = 5 };
static const struct port_witness socket_6 = { .known = true, .inode = 6 };

static void put_of(struct ownercache *cache, uint16_t number, const struct port_witness *witness,
                   const char *unit, uint64_t now)
{
        struct owner_answer answer = { .port = local_port(number), .witness = *witness };

        owner_clear(&answer.owner);
        strcpy(answer.owner.unit, unit);
        ownercache_put(cache, &answer, now);
}

static void put(struct ownercache *cache, uint16_t number, const char *unit, uint64_t now)
{
        put_of(cache, number, &socket_5, unit, now);
}

static const char *get_of(const struct ownercache *cache, uint16_t number,
                          const struct port_witness *witness, uint64_t now)
{
        const struct port_key port = local_port(number);
        const struct owner *owner = ownercache_get(cache, &port, witness, now);

        return owner ? owner->unit : NULL;
}

static const char *get(const struct ownercache *cache, uint16_t number, uint64_t now)
{
        return get_of(cache, number, &socket_5, now);
}

static void test_what_was_found_lately(void **state)
{
        struct ownercache cache = { 0 };
        const struct port_witness listener = { .known = true, .inode = 5, .by_listener = true };

        (void)state;
        assert_null(get(&cache, 80, 0));
        put(&cache, 80, "a.service", 1000);
        assert_string_equal(get(&cache, 80, 1000 + OWNERCACHE_KEEP_USEC - 1), "a.service");
        assert_null(get(&cache, 80, 1000 + OWNERCACHE_KEEP_USEC));
        assert_null(get(&cache, 81, 1000));
        assert_null(get_of(&cache, 80, &listener, 1000)); /* that is another question */
        put(&cache, 80, "b.service", 2000);
        assert_string_equal(get(&cache, 80, 2000), "b.service");
}

/* Two programs on one port: what was found of the one says nothing of the other. */
static void test_each_witness_has_its_owner(void **state)
{
        struct ownercache cache = { 0 };

        (void)state;
        put_of(&cache, 443, &socket_5, "a.service", 1000);
        assert_null(get_of(&cache, 443, &socket_6, 1000));
        put_of(&cache, 443, &socket_6, "b.service", 1000);
        assert_string_equal(get_of(&cache, 443, &socket_5, 1000), "a.service");
        assert_string_equal(get_of(&cache, 443, &socket_6, 1000), "b.service");
}

static void test_the_oldest_makes_room(void **state)
{
        struct ownercache cache = { 0 };

        (void)state;
        for (uint16_t port = 1; port <= OWNERCACHE_SIZE + 1; port++)
                put(&cache, port, "x.service", 1000);
        assert_null(get(&cache, 1, 1000));
        for (uint16_t port = 2; port <= OWNERCACHE_SIZE + 1; port++)
                assert_non_null(get(&cache, port, 1000));
}

static void test_so_many_searches_a_second(void **state)
{
        struct ownercache cache = { 0 };

        (void)state;
        for (int second = 10; second < 13; second++) {
                unsigned n = 0;

                for (unsigned i = 0; i < 100; i++)
                        n += ownercache_may_search(&cache, (uint64_t)second * USEC_PER_SEC + i);
                assert_int_equal(n, OWNERCACHE_PER_SECOND);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_found_lately),
                cmocka_unit_test(test_each_witness_has_its_owner),
                cmocka_unit_test(test_the_oldest_makes_room),
                cmocka_unit_test(test_so_many_searches_a_second),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
