/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients are told about owners without a search, and how many searches they get. */

#include "fixture.h"

#include "ownercache.h"

static struct owner owner_of(const char *unit, bool by_listener)
{
        struct owner owner;

        owner_clear(&owner);
        strcpy(owner.unit, unit);
        owner.by_listener = by_listener;
        return owner;
}

static void put(struct ownercache *cache, uint16_t number, const char *unit, uint64_t now)
{
        const struct port_key port = local_port(number);
        const struct owner owner = owner_of(unit, false);

        ownercache_put(cache, &port, &owner, now);
}

static const char *get(const struct ownercache *cache, uint16_t number, uint64_t now)
{
        const struct port_key port = local_port(number);
        const struct owner *owner = ownercache_get(cache, &port, false, now);

        return owner ? owner->unit : NULL;
}

static void test_what_was_found_lately(void **state)
{
        struct ownercache cache = { 0 };
        const struct port_key port = local_port(80);

        (void)state;
        assert_null(get(&cache, 80, 0));
        put(&cache, 80, "a.service", 1000);
        assert_string_equal(get(&cache, 80, 1000 + OWNERCACHE_KEEP_USEC - 1), "a.service");
        assert_null(get(&cache, 80, 1000 + OWNERCACHE_KEEP_USEC));
        assert_null(get(&cache, 81, 1000));
        assert_null(ownercache_get(&cache, &port, true, 1000)); /* that is another question */
        put(&cache, 80, "b.service", 2000);
        assert_string_equal(get(&cache, 80, 2000), "b.service");
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
                cmocka_unit_test(test_the_oldest_makes_room),
                cmocka_unit_test(test_so_many_searches_a_second),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
