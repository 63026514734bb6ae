/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The header of the history's file: each way in which it can be another's, and every bit of it. */

#include "historyheader.h"

#include "bytes.h"
#include "fixture.h"
#include "historyrings.h"

static const struct history_origin here = { { 1, 2, 3 }, 7 };

struct header {
        uint8_t bytes[HISTORY_HEADER_BYTES];
};

static struct header header_of(const struct history_origin *origin)
{
        struct header header = { { 0 } };

        history_header_write(origin, header.bytes);
        return header;
}

/* After a change that its writer made on purpose. */
static void seal(struct header *header)
{
        bytes_put_le(header->bytes + 40, bytes_checksum(header->bytes, 40), 4);
}

static enum history_verdict judge(const struct header *header)
{
        return history_header_judge(header->bytes, sizeof(header->bytes), 4096, &here);
}

/* As versions of twmon that are in use write it: this must not change. */
static void test_form(void **state)
{
        static const uint8_t wanted[] = {
                't', 'w', 'm', 'o', 'n', 'H', 'I', 'S', 1, 0, 0, 0, 0x4a, 5, 0, 0, 1, 2, 3, 0,
                0,   0,   0,   0,   0,   0,   0,   0,   0, 0, 0, 0, 7,    0, 0, 0, 0, 0, 0, 0,
        };
        const struct header header = header_of(&here);

        (void)state;
        assert_memory_equal(header.bytes, wanted, sizeof(wanted));
        for (size_t i = 44; i < sizeof(header.bytes); i++)
                assert_int_equal(header.bytes[i], 0);
        assert_int_equal(judge(&header), HISTORY_OURS);
}

static void test_cut_short(void **state)
{
        const struct header header = header_of(&here);

        (void)state;
        assert_int_equal(history_header_judge(header.bytes, 0, 0, &here), HISTORY_EMPTY);
        for (size_t len = 1; len < sizeof(header.bytes); len++)
                assert_int_equal(history_header_judge(header.bytes, len, len, &here),
                                 len < 8 ? HISTORY_FOREIGN : HISTORY_DAMAGED);
}

static void test_flipped_bits(void **state)
{
        (void)state;
        for (unsigned bit = 0; bit < 44 * 8; bit++) {
                struct header header = header_of(&here);

                header.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_int_equal(judge(&header), bit < 64 ? HISTORY_FOREIGN : HISTORY_DAMAGED);
        }
}

static void test_other_forms(void **state)
{
        struct header header = header_of(&here);

        (void)state;
        bytes_put_le(header.bytes + 8, HISTORY_VERSION + 1, 4);
        seal(&header);
        assert_int_equal(judge(&header), HISTORY_NEWER);
        header = header_of(&here);
        bytes_put_le(header.bytes + 12, HISTORY_ROW_BYTES - 1, 4);
        seal(&header);
        assert_int_equal(judge(&header), HISTORY_MISFIT);
}

static void test_size(void **state)
{
        const struct header header = header_of(&here);
        const size_t len = sizeof(header.bytes);

        (void)state;
        assert_int_equal(history_header_judge(header.bytes, len, HISTORY_FILE_MAX, &here),
                         HISTORY_OURS);
        assert_int_equal(history_header_judge(header.bytes, len, HISTORY_FILE_MAX + 1, &here),
                         HISTORY_MISFIT);
}

static void test_origin(void **state)
{
        static const struct {
                struct history_origin written;
                enum history_verdict verdict;
        } cases[] = {
                { { { 1, 2, 3 }, 8 }, HISTORY_ELSEWHERE },
                { { { 1, 2, 3 }, 0 }, HISTORY_OURS }, /* nobody knew */
                { { { 1, 2, 4 }, 8 }, HISTORY_OURS }, /* numbers of another boot mean nothing */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct header header = header_of(&cases[i].written);

                assert_int_equal(judge(&header), cases[i].verdict);
        }
}

static void test_origin_unknown(void **state)
{
        const struct history_origin somewhere = { { 1, 2, 3 }, 0 };
        const struct header header = header_of(&here);

        (void)state;
        assert_int_equal(history_header_judge(header.bytes, sizeof(header.bytes), 4096, &somewhere),
                         HISTORY_OURS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_form),           cmocka_unit_test(test_cut_short),
                cmocka_unit_test(test_flipped_bits),   cmocka_unit_test(test_other_forms),
                cmocka_unit_test(test_size),           cmocka_unit_test(test_origin),
                cmocka_unit_test(test_origin_unknown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests_name("historyheader", tests, NULL, NULL);
}
