/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text form of an alert's key: there and back, and nothing else is one. */

#include "fixture.h"

#include <errno.h>

#include "detect.h"

#define ROUNDS 50000

static uint32_t next_random(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        return *state;
}

static bool is_same(const struct alert_key *a, const struct alert_key *b)
{
        return a->kind == b->kind && port_key_compare(&a->port, &b->port) == 0 &&
               destination_compare(&a->destination, &b->destination) == 0;
}

static void assert_is_key(const char *text)
{
        char again[ALERT_KEY_TEXT_MAX];
        struct alert_key key;

        if (alert_key_parse(text, &key) != 0)
                fail_msg("\"%s\" was refused", text);
        assert_string_equal(alert_key_text(&key, again), text);
}

static void assert_is_none(const char *text)
{
        struct alert_key key = { .kind = ALERT_BLIND, .port.port = 77 };

        if (alert_key_parse(text, &key) != -EINVAL)
                fail_msg("\"%s\" was taken", text);
        assert_int_equal(key.kind, ALERT_BLIND);
        assert_int_equal(key.port.port, 77);
}

static void test_what_is_one(void **state)
{
        struct alert_key key;

        (void)state;
        assert_is_key("close-wait-stuck:-:local:7865:-");
        assert_is_key("blind:-:host:0:-");
        assert_is_key("half-open:4294967295:remote:65535:-");
        assert_is_key("port-exhaustion:-:remote:5432:10.0.0.1_10.0.0.2");
        assert_is_key("port-exhaustion:-:remote:5432:%3A%3A1_fe80%3A%3A1");
        assert_is_key("port-exhaustion:-:remote:1:%3A%3Affff%3A10.0.0.1_%3A%3A");
        assert_int_equal(alert_key_parse("port-exhaustion:3:remote:5432:0.0.0.0_1.2.3.4", &key), 0);
        assert_int_equal(key.kind, ALERT_PORT_EXHAUSTION);
        assert_int_equal(key.port.netns, 3);
        assert_int_equal(key.port.side, SIDE_REMOTE);
        assert_int_equal(key.port.port, 5432);
        assert_int_equal(key.destination.family, ADDR_IPV4);
        assert_memory_equal(key.destination.address.bytes, "\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

static void test_what_is_none(void **state)
{
        static const char *const texts[] = {
                "",
                ":",
                "::::",
                "7865",
                "close-wait-stuck",
                "close-wait-stuck:-:local:7865",
                "close-wait-stuck:-:local:7865:",
                "close-wait-stuck:-:local:7865:-:",
                "close-wait-stuck:-:local:7865:-:-",
                "close-wait-stuck:-:local:7865:- ",
                " close-wait-stuck:-:local:7865:-",
                "Close-wait-stuck:-:local:7865:-",
                "close%2Dwait-stuck:-:local:7865:-",
                "close-wait-stuck:0:local:7865:-",
                "close-wait-stuck:01:local:7865:-",
                "close-wait-stuck:4294967296:local:7865:-",
                "close-wait-stuck:99999999999999999999999:local:7865:-",
                "close-wait-stuck::local:7865:-",
                "close-wait-stuck:-:Local:7865:-",
                "close-wait-stuck:-:lo:7865:-",
                "close-wait-stuck:-:local:07865:-",
                "close-wait-stuck:-:local:+7865:-",
                "close-wait-stuck:-:local:65536:-",
                "close-wait-stuck:-:local:-1:-",
                "close-wait-stuck:-:local::-",
                "close-wait-stuck:-:local:7865:--",
                "close-wait-stuck:-:local:7865:%2D",
                "port-exhaustion:-:remote:1:_",
                "port-exhaustion:-:remote:1:-_-",
                "port-exhaustion:-:remote:1:10.0.0.1",
                "port-exhaustion:-:remote:1:10.0.0.1_",
                "port-exhaustion:-:remote:1:10.0.0.1_10.0.0.2_",
                "port-exhaustion:-:remote:1:10.0.0.1_10.0.0.2_10.0.0.3",
                "port-exhaustion:-:remote:1:10.0.0.01_10.0.0.2",
                "port-exhaustion:-:remote:1:10.0.1_10.0.0.2",
                "port-exhaustion:-:remote:1:10.0.0.1_%3A%3A1",
                "port-exhaustion:-:remote:1:%3a%3a1_%3A%3A1",
                "port-exhaustion:-:remote:1:%3A%3A01_%3A%3A1",
                "port-exhaustion:-:remote:1:FE80%3A%3A1_%3A%3A1",
                "port-exhaustion:-:remote:1:0%3A0%3A0%3A0%3A0%3A0%3A0%3A1_%3A%3A1",
                "port-exhaustion:-:remote:1:10.0.0.1%00_10.0.0.2",
                "port-exhaustion:-:remote:1:10.0.0.%31_10.0.0.2",
                "port-exhaustion:-:remote:1:%_%",
                "port-exhaustion:-:remote:1:%3_%3",
                "port-exhaustion:-:remote:1:10.0.0.1_10.0.0.2%",
                "port-exhaustion:-:remote:1:10.0.0.1_10.0.0.2%3",
                "port-exhaustion:-:remote:1:10.0.0.1_10.0.0.2%3G",
                "port-exhaustion:-:remote:1:10.0.0.1_10.0.0.2%G3",
                "port-exhaustion:-:remote:1:10.0.0.1_10.0.0.2%%%",
        };

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                assert_is_none(texts[i]);
}

/* Of whatever length, with nothing but what a part may hold. */
static void test_overlong(void **state)
{
        char text[4 * ALERT_KEY_TEXT_MAX];

        (void)state;
        for (size_t len = 1; len < sizeof(text); len++) {
                memset(text, '1', len);
                text[len] = '\0';
                assert_is_none(text);
                memcpy(text, "port-exhaustion:-:remote:1:", MIN(len, (size_t)27));
                assert_is_none(text);
        }
}

static void random_address(uint32_t *seed, uint8_t family, struct sock_addr *ret_address)
{
        const int used = family == ADDR_IPV4 ? 4 : 16;

        for (int i = 0; i < used; i++) /* runs of zeros are what is shortened */
                ret_address->bytes[i] = next_random(seed) % 2 ? (uint8_t)next_random(seed) : 0;
}

static struct alert_key random_key(uint32_t *seed)
{
        struct alert_key key = { .kind = next_random(seed) % ALERT_KIND_COUNT };

        key.port.side = (uint8_t)(next_random(seed) % SIDE_COUNT);
        key.port.port = (uint16_t)next_random(seed);
        key.port.netns = next_random(seed) % 2 ? next_random(seed) : 0;
        key.destination.family = (uint8_t)(next_random(seed) % 3);
        if (key.destination.family != ADDR_NONE) {
                random_address(seed, key.destination.family, &key.destination.source);
                random_address(seed, key.destination.family, &key.destination.address);
        }
        return key;
}

static void test_inverse(void **state)
{
        uint32_t seed = 2463534242;

        (void)state;
        for (int i = 0; i < ROUNDS; i++) {
                const struct alert_key key = random_key(&seed);
                char text[ALERT_KEY_TEXT_MAX];
                struct alert_key back;

                if (alert_key_parse(alert_key_text(&key, text), &back) != 0 ||
                    !is_same(&key, &back))
                        fail_msg("\"%s\" does not come back", text);
        }
}

/* A key with a few bytes changed is none, or another key whose text form is that very text. */
static void test_damaged(void **state)
{
        static const char bytes[] = "0123456789abcdefABCDEF%:._- -\x7f\xc3\n";
        uint32_t seed = 88675123;
        int taken = 0;

        (void)state;
        for (int i = 0; i < ROUNDS; i++) {
                const struct alert_key key = random_key(&seed);
                char text[ALERT_KEY_TEXT_MAX + 1], again[ALERT_KEY_TEXT_MAX];
                struct alert_key back;
                size_t len;

                len = strlen(alert_key_text(&key, text));
                for (uint32_t n = 1 + next_random(&seed) % 3; n > 0; n--)
                        text[next_random(&seed) % len] =
                                bytes[next_random(&seed) % (sizeof(bytes) - 1)];
                if (alert_key_parse(text, &back) != 0)
                        continue;
                assert_string_equal(alert_key_text(&back, again), text);
                taken++;
        }
        assert_in_range(taken, ROUNDS / 100, ROUNDS / 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_one), cmocka_unit_test(test_what_is_none),
                cmocka_unit_test(test_overlong),    cmocka_unit_test(test_inverse),
                cmocka_unit_test(test_damaged),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
