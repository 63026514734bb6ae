/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of units, by systemd-escape(1). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "conf.h"
#include "starter.h"

#define TEMPLATE "twmon-alert@.service"

static void assert_name(const char *template_unit, const char *key, const char *expected)
{
        char unit[STARTER_UNIT_MAX];

        assert_int_equal(starter_unit_name(template_unit, key, unit), 0);
        assert_string_equal(unit, expected);
}

static void test_names(void **state)
{
        (void)state;
        assert_name(TEMPLATE, "close-wait-stuck:-:local:7865:-",
                    "twmon-alert@close\\x2dwait\\x2dstuck:\\x2d:local:7865:\\x2d.service");
        assert_name("a@.target", ".a/b.c%3A", "a@\\x2ea-b.c\\x253A.target");
}

static void test_no_template(void **state)
{
        static const char *const bad[] = { "", "a.service", "@.service", "a@b.service", "a@" };
        char unit[STARTER_UNIT_MAX] = "untouched";

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(starter_unit_name(bad[i], "key", unit), -EINVAL);
        assert_string_equal(unit, "untouched");
}

/* Names have 255 bytes at most. */
static void test_length(void **state)
{
        char key[256], unit[STARTER_UNIT_MAX] = "untouched";
        const size_t room = 255 - strlen("a@.service");

        (void)state;
        memset(key, 'k', sizeof(key));
        key[room] = '\0';
        assert_int_equal(starter_unit_name("a@.service", key, unit), 0);
        assert_int_equal(strlen(unit), 255);
        key[room] = 'k';
        key[room + 1] = '\0';
        strcpy(unit, "untouched");
        assert_int_equal(starter_unit_name("a@.service", key, unit), -ENAMETOOLONG);
        key[room - 1] = '-'; /* takes four */
        key[room] = '\0';
        assert_int_equal(starter_unit_name("a@.service", key, unit), -ENAMETOOLONG);
        assert_string_equal(unit, "untouched");
}

static void fill_address(struct sock_addr *address, uint8_t byte)
{
        memset(address, byte, sizeof(*address));
}

/* The longest key that there can be fits with the longest template that a configuration takes. */
static void test_longest_key(void **state)
{
        struct alert_key key = { .kind = ALERT_PORT_EXHAUSTION,
                                 .port = { UINT32_MAX, 65535, SIDE_REMOTE } };
        char template_unit[CONF_START_MAX + 1], text[ALERT_KEY_TEXT_MAX], unit[STARTER_UNIT_MAX];

        (void)state;
        key.destination.family = ADDR_IPV6;
        fill_address(&key.destination.source, 0xaa);
        fill_address(&key.destination.address, 0xbb);
        memset(template_unit, 't', sizeof(template_unit));
        strcpy(template_unit + CONF_START_MAX - strlen("@.service"), "@.service");
        assert_int_equal(strlen(template_unit), CONF_START_MAX);
        assert_int_equal(starter_unit_name(template_unit, alert_key_text(&key, text), unit), 0);
}

/* What systemd-escape(1) makes of the key; false: it is not there. */
static bool oracle(const char *key, char *ret_unit)
{
        char command[2048] = "systemd-escape --template=" TEMPLATE " -- '";
        size_t len = strlen(command);
        FILE *pipe;
        bool good;

        for (const char *c = key; *c != '\0'; c++)
                len += (size_t)snprintf(command + len, sizeof(command) - len,
                                        *c == '\'' ? "'\\''" : "%c", *c);
        (void)snprintf(command + len, sizeof(command) - len, "' 2>/dev/null");
        pipe = popen(command, "re");
        assert_non_null(pipe);
        good = fgets(ret_unit, STARTER_UNIT_MAX + 1, pipe);
        good = pclose(pipe) == 0 && good;
        ret_unit[strcspn(ret_unit, "\n")] = '\0';
        return good;
}

static void assert_oracle(const char *key)
{
        char expected[STARTER_UNIT_MAX + 1], unit[STARTER_UNIT_MAX];

        assert_true(oracle(key, expected));
        assert_int_equal(starter_unit_name(TEMPLATE, key, unit), 0);
        assert_string_equal(unit, expected);
}

static void test_oracle_keys(void **state)
{
        char expected[STARTER_UNIT_MAX + 1], text[ALERT_KEY_TEXT_MAX];

        (void)state;
        if (!oracle("key", expected))
                skip(); /* systemd-escape(1) is missing */
        for (int kind = 0; kind < ALERT_KIND_COUNT; kind++) {
                struct alert_key key = { .kind = (enum alert_kind)kind,
                                         .port = { 0, 443, SIDE_REMOTE } };

                assert_oracle(alert_key_text(&key, text));
                key.port.netns = 4026531840;
                key.destination.family = ADDR_IPV4;
                fill_address(&key.destination.source, 10);
                fill_address(&key.destination.address, 192);
                assert_oracle(alert_key_text(&key, text));
                key.destination.family = ADDR_IPV6;
                fill_address(&key.destination.source, 0);
                fill_address(&key.destination.address, 0xfe);
                assert_oracle(alert_key_text(&key, text));
        }
}

/* Keys of any bytes, and so whatever a later kind of key has. */
static void test_oracle_random(void **state)
{
        char expected[STARTER_UNIT_MAX + 1], key[32];
        uint32_t seed = 20261121;

        (void)state;
        if (!oracle("key", expected))
                skip(); /* systemd-escape(1) is missing */
        for (int i = 0; i < 150; i++) {
                size_t len = 1 + (size_t)i % (sizeof(key) - 1);

                for (size_t j = 0; j < len; j++) {
                        seed = seed * 1664525 + 1013904223;
                        key[j] = (char)(1 + (seed >> 24) % (i % 3 == 0 ? 255 : 126));
                }
                key[len] = '\0';
                assert_oracle(key);
        }
        assert_oracle("..");
        assert_oracle("-");
        assert_oracle("a.");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),       cmocka_unit_test(test_no_template),
                cmocka_unit_test(test_length),      cmocka_unit_test(test_longest_key),
                cmocka_unit_test(test_oracle_keys), cmocka_unit_test(test_oracle_random),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
