/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The envelope of what outlives the daemon: whole, ours, of a version that we know; or not. */

#include "fixture.h"

#include <errno.h>

#include "bytes.h"
#include "statefile.h"

static const struct statefile_header header = { .version = STATEFILE_VERSION,
                                                .kind = STATEFILE_ALERTS,
                                                .serial = UINT64_C(0x1112131415161718),
                                                .saved_wall_usec = UINT64_C(0x2122232425262728),
                                                .saved_usec = UINT64_C(0x3132333435363738),
                                                .boot_id = { 1, 2, 3, [15] = 16 },
                                                .netns = UINT64_C(0x4142434445464748) };

/* A file with that body; the caller's to recbuf_done(). */
static struct recbuf wrap(const struct statefile_header *of, const char *text)
{
        struct recbuf body = { 0 }, file = { 0 };

        recbuf_put_bytes(&body, text, strlen(text));
        assert_int_equal(statefile_wrap(of, &body, &file), 0);
        recbuf_done(&body);
        return file;
}

static int open_as(const struct recbuf *file, enum statefile_kind kind)
{
        struct statefile_header got;
        struct recview body;

        return statefile_open(file->data, file->len, kind, &got, &body);
}

static void test_round_trip(void **state)
{
        struct recbuf file = wrap(&header, "a body");
        struct statefile_header got;
        struct recview body;

        (void)state;
        assert_int_equal(file.len, STATEFILE_EXTRA_BYTES + 6);
        assert_int_equal(statefile_open(file.data, file.len, STATEFILE_ALERTS, &got, &body), 0);
        assert_int_equal(got.version, header.version);
        assert_int_equal(got.kind, header.kind);
        assert_true(got.serial == header.serial);
        assert_true(got.saved_wall_usec == header.saved_wall_usec);
        assert_true(got.saved_usec == header.saved_usec);
        assert_memory_equal(got.boot_id, header.boot_id, sizeof(got.boot_id));
        assert_true(got.netns == header.netns);
        assert_int_equal(recview_left(&body), 6);
        assert_memory_equal(body.at, "a body", 6);
        assert_null(body.wrong);
        recbuf_done(&file);
}

/* These bytes are on disks: they stay as they are. */
static void test_form(void **state)
{
        static const char bytes[] = "twmonsta\1\0\0\0\1\0\0\0"
                                    "\x18\x17\x16\x15\x14\x13\x12\x11"
                                    "\x28\x27\x26\x25\x24\x23\x22\x21"
                                    "\x38\x37\x36\x35\x34\x33\x32\x31"
                                    "\1\2\3\0\0\0\0\0\0\0\0\0\0\0\0\x10"
                                    "\x48\x47\x46\x45\x44\x43\x42\x41"
                                    "\3\0\0\0\0\0\0\0abc";
        struct recbuf file = wrap(&header, "abc");

        (void)state;
        assert_int_equal(file.len, sizeof(bytes) - 1 + 4);
        assert_memory_equal(file.data, bytes, sizeof(bytes) - 1);
        assert_int_equal(bytes_get_le(file.data + sizeof(bytes) - 1, 4),
                         bytes_checksum((const uint8_t *)bytes, sizeof(bytes) - 1));
        recbuf_done(&file);
}

static void test_empty_body(void **state)
{
        struct recbuf file = wrap(&header, "");
        struct statefile_header got;
        struct recview body;

        (void)state;
        assert_int_equal(statefile_open(file.data, file.len, STATEFILE_ALERTS, &got, &body), 0);
        assert_int_equal(recview_left(&body), 0);
        recbuf_done(&file);
}

/* Every bit counts, wherever a file is cut it is not whole, and nothing may follow it. */
static void test_damage(void **state)
{
        struct recbuf file = wrap(&header, "a body");
        const size_t len = file.len;

        (void)state;
        for (size_t i = 0; i < len * 8; i++) {
                const int outcome = i / 8 < 8 ? STATEFILE_FOREIGN : STATEFILE_DAMAGED;

                file.data[i / 8] ^= (uint8_t)(1 << i % 8);
                assert_int_equal(open_as(&file, STATEFILE_ALERTS), outcome);
                file.data[i / 8] ^= (uint8_t)(1 << i % 8);
        }
        for (file.len = 0; file.len < len; file.len++)
                assert_int_equal(open_as(&file, STATEFILE_ALERTS), STATEFILE_DAMAGED);
        assert_int_equal(open_as(&file, STATEFILE_ALERTS), 0);
        recbuf_put_bytes(&file, "x", 1);
        assert_int_equal(open_as(&file, STATEFILE_ALERTS), STATEFILE_DAMAGED);
        recbuf_done(&file);
}

static void test_nothing_and_others(void **state)
{
        static const char text[] = "# a text that is long enough to have been a header and a body "
                                   "and a checksum of ours\n";
        struct statefile_header got;
        struct recview body;

        (void)state;
        assert_int_equal(statefile_open(NULL, 0, STATEFILE_ALERTS, &got, &body), STATEFILE_DAMAGED);
        assert_int_equal(statefile_open("x", 1, STATEFILE_ALERTS, &got, &body), STATEFILE_FOREIGN);
        assert_int_equal(statefile_open(text, sizeof(text), STATEFILE_ALERTS, &got, &body),
                         STATEFILE_FOREIGN);
}

static void test_kinds(void **state)
{
        struct statefile_header other = header;
        struct recbuf file;

        (void)state;
        other.kind = STATEFILE_SCAN;
        file = wrap(&other, "");
        assert_int_equal(open_as(&file, STATEFILE_ALERTS), STATEFILE_FOREIGN);
        assert_int_equal(open_as(&file, STATEFILE_SCAN), 0);
        recbuf_done(&file);
}

static void test_versions(void **state)
{
        struct statefile_header other = header, got = { 0 };
        struct recview body;
        struct recbuf file;

        (void)state;
        other.version = STATEFILE_VERSION + 1;
        file = wrap(&other, "what nobody knows yet");
        assert_int_equal(statefile_open(file.data, file.len, STATEFILE_ALERTS, &got, &body),
                         STATEFILE_NEWER);
        assert_int_equal(got.version, STATEFILE_VERSION + 1);
        assert_true(got.serial == header.serial);
        assert_int_equal(open_as(&file, STATEFILE_SCAN), STATEFILE_FOREIGN);
        recbuf_done(&file);
        other.version = 0;
        file = wrap(&other, "");
        assert_int_equal(open_as(&file, STATEFILE_ALERTS), STATEFILE_FOREIGN);
        recbuf_done(&file);
}

/* An error of the body's is the file's; nothing is written that could not be read. */
static void test_errors(void **state)
{
        struct recbuf body = { .error = -ENOMEM }, file = { 0 };
        const size_t most = STATEFILE_MAX - STATEFILE_EXTRA_BYTES;
        uint8_t *zeros = calloc(1, most + 1);

        (void)state;
        assert_non_null(zeros);
        assert_int_equal(statefile_wrap(&header, &body, &file), -ENOMEM);
        recbuf_done(&file);
        recbuf_done(&body);
        recbuf_put_bytes(&body, zeros, most);
        assert_int_equal(statefile_wrap(&header, &body, &file), 0);
        assert_int_equal(file.len, STATEFILE_MAX);
        assert_int_equal(open_as(&file, STATEFILE_ALERTS), 0);
        recbuf_done(&file);
        recbuf_put_bytes(&body, zeros, 1);
        assert_int_equal(statefile_wrap(&header, &body, &file), -E2BIG);
        recbuf_done(&file);
        recbuf_done(&body);
        free(zeros);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_form),
                cmocka_unit_test(test_empty_body), cmocka_unit_test(test_damage),
                cmocka_unit_test(test_kinds),      cmocka_unit_test(test_nothing_and_others),
                cmocka_unit_test(test_versions),   cmocka_unit_test(test_errors),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
