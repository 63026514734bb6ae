/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kernel settings: what they say, and that nonsense is unknown. */

#include "faketree.h"

#include "kernlimits.h"

static void test_range(void **state)
{
        static const struct {
                const char *text;
                bool good;
                uint16_t first, last;
        } cases[] = {
                { "32768\t60999\n", true, 32768, 60999 },
                { "1 65535", true, 1, 65535 },
                { "5 5", true, 5, 5 },
                { "6 5", false, 0, 0 },
                { "1 65536", false, 0, 0 },
                { "1", false, 0, 0 },
                { "", false, 0, 0 },
                { "a b", false, 0, 0 },
                { "1 2 3", false, 0, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint16_t first = 0, last = 0;

                assert_int_equal(kernlimits_parse_range(cases[i].text, &first, &last),
                                 cases[i].good);
                assert_int_equal(first, cases[i].first);
                assert_int_equal(last, cases[i].last);
        }
}

static void test_ephemeral(void **state)
{
        struct kernlimits limits;

        (void)state;
        kernlimits_clear(&limits);
        assert_false(kernlimits_is_ephemeral(&limits, 0)); /* unknown */
        limits.port_range_known = true;
        limits.port_first = 1000;
        limits.port_last = 1001;
        assert_false(kernlimits_is_ephemeral(&limits, 999));
        assert_true(kernlimits_is_ephemeral(&limits, 1000));
        assert_true(kernlimits_is_ephemeral(&limits, 1001));
        assert_false(kernlimits_is_ephemeral(&limits, 1002));
}

static void test_ports(void **state)
{
        static const struct {
                const char *text;
                bool good;
                unsigned n;
        } cases[] = {
                { "", true, 0 },
                { "\n", true, 0 },
                { "8080\n", true, 1 },
                { "8080,9148-9150\n", true, 4 },
                { "0-65535", true, 65536 },
                { "5-5,5", true, 1 },
                { "65536\n", false, 0 },
                { "99999999999\n", false, 0 },
                { "6-5\n", false, 0 },
                { "8080,\n", false, 0 },
                { "8080,", false, 0 },
                { ",8080\n", false, 0 },
                { "8080-\n", false, 0 },
                { "8080 8081\n", false, 0 },
                { "-5\n", false, 0 },
                { "8080\n1\n", false, 0 },
                { "x", false, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct port_set ports = { 0 };
                unsigned n = 0;

                assert_int_equal(kernlimits_parse_ports(cases[i].text, &ports), cases[i].good);
                for (unsigned port = 0; port < PORT_NUMBERS; port++)
                        n += port_set_has(&ports, (uint16_t)port);
                assert_int_equal(n, cases[i].n);
        }
}

static void set(const struct tree *tree, const char *name, const char *text)
{
        char path[128];

        snprintf(path, sizeof(path), "sys/net/%s", name);
        make_file(tree->proc, path, text);
}

static void test_settings(void **state)
{
        struct tree *tree = *state;
        struct kernlimits limits;

        make_dir(tree->proc, "sys/net/ipv4");
        make_dir(tree->proc, "sys/net/ipv6");
        set(tree, "ipv4/ip_local_port_range", "1000\t1099\n");
        set(tree, "ipv4/ip_local_reserved_ports", "999-1001,1099-1100,5000\n");
        set(tree, "ipv4/tcp_tw_reuse", "2\n");
        set(tree, "ipv4/tcp_tw_reuse_delay", "250\n");
        set(tree, "ipv4/tcp_timestamps", "1\n");
        set(tree, "ipv4/tcp_max_tw_buckets", "131072\n");
        set(tree, "ipv4/tcp_keepalive_time", "7200\n");
        set(tree, "ipv4/tcp_keepalive_intvl", "75\n");
        set(tree, "ipv4/tcp_keepalive_probes", "9\n");
        set(tree, "ipv4/ip_unprivileged_port_start", "1024\n");
        set(tree, "ipv4/ip_nonlocal_bind", "0\n");
        set(tree, "ipv6/ip_nonlocal_bind", "1\n");
        kernlimits_read(&tree->reader, &limits);
        assert_true(limits.port_range_known);
        assert_int_equal(limits.reserved_in_range, 3);
        assert_int_equal(limits.tw_reuse, 2);
        assert_int_equal(limits.tw_reuse_delay_msec, 250);
        assert_int_equal(limits.timestamps, 1);
        assert_int_equal(limits.max_tw_buckets, 131072);
        assert_int_equal(limits.unprivileged_port_start, 1024);
        assert_int_equal(limits.nonlocal_bind, 0);
        assert_int_equal(limits.nonlocal_bind6, 1);
        assert_int_equal(kernlimits_keepalive_usec(&limits), (7200 + 75 * 9) * USEC_PER_SEC);
}

/* What costs CPU at every scan is what every scan goes by. */
static void test_a_scan_reads_little(void **state)
{
        struct tree *tree = *state;
        struct kernlimits limits;

        make_dir(tree->proc, "sys/net/ipv4");
        set(tree, "ipv4/ip_local_port_range", "1000\t1099\n");
        set(tree, "ipv4/ip_local_reserved_ports", "1000\n");
        set(tree, "ipv4/tcp_max_tw_buckets", "131072\n");
        set(tree, "ipv4/tcp_tw_reuse", "2\n");
        set(tree, "ipv4/tcp_keepalive_time", "7200\n");
        kernlimits_read_scan(&tree->reader, &limits);
        assert_true(limits.port_range_known);
        assert_int_equal(limits.reserved_in_range, 1);
        assert_int_equal(limits.max_tw_buckets, 131072);
        assert_int_equal(limits.tw_reuse, 2);
        assert_int_equal(limits.tw_reuse_delay_msec, 1000);
        assert_int_equal(limits.keepalive_time_sec, KERNLIMITS_UNKNOWN);
        set(tree, "ipv4/tcp_max_tw_buckets", "5\n");
        kernlimits_read_rest(&tree->reader, &limits);
        assert_int_equal(limits.keepalive_time_sec, 7200);
        assert_int_equal(limits.max_tw_buckets, 131072); /* that of the scan */
}

static void test_nonsense_is_unknown(void **state)
{
        static const char *const texts[] = {
                "", "\n", "-1\n", "x\n", "1x\n", "1 2\n", "99999999999999999999\n"
        };
        struct tree *tree = *state;

        make_dir(tree->proc, "sys/net/ipv4");
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct kernlimits limits;

                set(tree, "ipv4/tcp_max_tw_buckets", texts[i]);
                set(tree, "ipv4/tcp_keepalive_time", texts[i]);
                set(tree, "ipv4/tcp_keepalive_intvl", "1\n");
                set(tree, "ipv4/tcp_keepalive_probes", "1\n");
                kernlimits_read(&tree->reader, &limits);
                assert_int_equal(limits.max_tw_buckets, KERNLIMITS_UNKNOWN);
                assert_int_equal(kernlimits_keepalive_usec(&limits), 0);
        }
}

/* A kernel without the setting waits for a second, one that hides everything is unknown. */
static void test_reuse_delay(void **state)
{
        struct tree *tree = *state;
        struct kernlimits limits;

        make_dir(tree->proc, "sys/net/ipv4");
        kernlimits_read(&tree->reader, &limits);
        assert_int_equal(limits.tw_reuse_delay_msec, KERNLIMITS_UNKNOWN);
        set(tree, "ipv4/tcp_tw_reuse", "2\n");
        kernlimits_read(&tree->reader, &limits);
        assert_int_equal(limits.tw_reuse_delay_msec, 1000);
        set(tree, "ipv4/tcp_tw_reuse_delay", "nonsense\n");
        kernlimits_read(&tree->reader, &limits);
        assert_int_equal(limits.tw_reuse_delay_msec, KERNLIMITS_UNKNOWN);
}

/* Every other port: the longest list there is, and far longer than the first buffer. */
static void test_long_list(void **state)
{
        struct tree *tree = *state;
        const size_t size = 256 * 1024;
        struct port_set reserved;
        struct kernlimits limits;
        char *text = malloc(size);
        size_t len = 0;
        unsigned n = 0;

        assert_non_null(text);
        for (unsigned port = 1; port < PORT_NUMBERS; port += 2)
                len += (size_t)snprintf(text + len, size - len, "%u%s", port,
                                        port + 2 < PORT_NUMBERS ? "," : "\n");
        make_dir(tree->proc, "sys/net/ipv4");
        set(tree, "ipv4/ip_local_port_range", "32768\t60999\n");
        set(tree, "ipv4/ip_local_reserved_ports", text);
        free(text);
        assert_true(kernlimits_read_reserved(&tree->reader, &reserved));
        for (unsigned port = 0; port < PORT_NUMBERS; port++)
                n += port_set_has(&reserved, (uint16_t)port);
        assert_int_equal(n, 32768);
        kernlimits_read(&tree->reader, &limits);
        assert_int_equal(limits.reserved_in_range, 14116);
}

static void test_unreadable_is_unknown(void **state)
{
        struct proc_reader reader;
        struct kernlimits limits;

        (void)state;
        proc_reader_init(&reader, "/nonexistent");
        kernlimits_read(&reader, &limits);
        assert_false(limits.port_range_known);
        assert_int_equal(limits.reserved_in_range, KERNLIMITS_UNKNOWN);
        assert_int_equal(limits.max_tw_buckets, KERNLIMITS_UNKNOWN);
        assert_int_equal(limits.nonlocal_bind6, KERNLIMITS_UNKNOWN);
        assert_int_equal(kernlimits_keepalive_usec(&limits), 0);
        proc_reader_done(&reader);
}

static void test_this_kernel(void **state)
{
        struct proc_reader reader;
        struct kernlimits limits;

        (void)state;
        proc_reader_init(&reader, "/proc");
        kernlimits_read(&reader, &limits);
        assert_true(limits.port_range_known);
        assert_true(limits.port_first <= limits.port_last);
        assert_true(limits.reserved_in_range >= 0);
        assert_true(limits.tw_reuse >= 0);
        assert_true(limits.tw_reuse_delay_msec >= 0);
        assert_true(kernlimits_keepalive_usec(&limits) > 0);
        proc_reader_done(&reader);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_range),
                cmocka_unit_test(test_ephemeral),
                cmocka_unit_test(test_ports),
                cmocka_unit_test_setup_teardown(test_settings, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_a_scan_reads_little, tree_setup,
                                                tree_teardown),
                cmocka_unit_test_setup_teardown(test_nonsense_is_unknown, tree_setup,
                                                tree_teardown),
                cmocka_unit_test_setup_teardown(test_reuse_delay, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_long_list, tree_setup, tree_teardown),
                cmocka_unit_test(test_unreadable_is_unknown),
                cmocka_unit_test(test_this_kernel),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
