/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ADDRESS:PORT, and back; what is none. */

#include "fixture.h"

#include <errno.h>
#include <unistd.h>

#include "address.h"

static void there_and_back(void **state)
{
        static const char *const texts[] = { "127.0.0.1:0", "[::1]:0", "0.0.0.0:0" };
        char text[ADDRESS_PRINT_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct sockaddr_storage address;
                const size_t len = strlen(texts[i]) - 1;
                int fd, r;

                assert_int_equal(address_parse(texts[i], &address), 0);
                r = address_listen(&address, &fd);
                if (texts[i][0] == '[' && (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT))
                        continue; /* no IPv6 here; tests/live/test_exporter.py has it */
                assert_int_equal(r, 0);
                assert_true(address_is_listening(fd));
                address_print(fd, text);
                assert_int_equal(strncmp(text, texts[i], len), 0);
                assert_true(atoi(text + len) > 0);
                close(fd);
        }
}

static void refused(void **state)
{
        static const char *const texts[] = {
                "",
                ":",
                ":80",
                "80",
                "127.0.0.1",
                "127.0.0.1:",
                "127.0.0.1:x",
                "127.0.0.1:-1",
                "127.0.0.1:65536",
                "localhost:80",
                "::1:80",
                "[::1]",
                "[::1]80",
                "[127.0.0.1]:80",
                "[]:80",
                "[::1:80",
                "1.2.3:80",
                "127.0.0.1 :80",
                "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80",
        };
        struct sockaddr_storage address;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_int_equal(address_parse(texts[i], &address), -EINVAL);
}

static void a_taken_port(void **state)
{
        struct sockaddr_storage address;
        char text[ADDRESS_PRINT_MAX];
        int fd, second;

        (void)state;
        assert_int_equal(address_parse("127.0.0.1:0", &address), 0);
        assert_int_equal(address_listen(&address, &fd), 0);
        assert_int_equal(address_parse(address_print(fd, text), &address), 0);
        assert_int_equal(address_listen(&address, &second), -EADDRINUSE);
        close(fd);
        assert_false(address_is_listening(STDIN_FILENO));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(there_and_back),
                cmocka_unit_test(refused),
                cmocka_unit_test(a_taken_port),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
