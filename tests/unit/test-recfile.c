/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bytes of a recording: numbers, header, frames, the stream of them. */

#include <errno.h>

#include "recording.h"

static void test_numbers(void **state)
{
        static const uint64_t numbers[] = { 0,         1,     127,        128,
                                            16383,     16384, UINT32_MAX, UINT64_MAX - 1,
                                            UINT64_MAX };
        static const int64_t signed_numbers[] = { 0, -1, 1, -64, 64, INT64_MIN, INT64_MAX };
        struct recbuf buf = { 0 };
        struct recview view;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                recbuf_put(&buf, numbers[i]);
        for (size_t i = 0; i < ARRAY_SIZE(signed_numbers); i++)
                recbuf_put_signed(&buf, signed_numbers[i]);
        recbuf_put_text(&buf, "text");
        assert_int_equal(buf.error, 0);
        view = recview_of(&buf);
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                assert_true(recview_get(&view, UINT64_MAX, "n") == numbers[i]);
        for (size_t i = 0; i < ARRAY_SIZE(signed_numbers); i++)
                assert_true(recview_get_signed(&view, "n") == signed_numbers[i]);
        {
                char text[5];

                recview_get_text(&view, text, sizeof(text), "t");
                assert_string_equal(text, "text");
        }
        assert_null(view.wrong);
        assert_int_equal(recview_left(&view), 0);
        recbuf_done(&buf);
}

static void assert_wrong_number(const char *bytes, size_t len, uint64_t max)
{
        struct recview view = { .at = (const uint8_t *)bytes, .end = (const uint8_t *)bytes + len };

        assert_int_equal(recview_get(&view, max, "it"), 0);
        assert_string_equal(view.wrong, "it");
        assert_int_equal(recview_left(&view), 0);
        assert_int_equal(recview_get(&view, max, "later"), 0);
        assert_string_equal(view.wrong, "it"); /* the first error stays */
}

static void test_wrong_numbers(void **state)
{
        (void)state;
        assert_wrong_number("", 0, UINT64_MAX);
        assert_wrong_number("\x80", 1, UINT64_MAX);
        assert_wrong_number("\x05", 1, 4);
        assert_wrong_number("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, UINT64_MAX);
        assert_wrong_number("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, UINT64_MAX);
}

static void test_texts_and_counts(void **state)
{
        struct recview view;
        char text[4] = "old";

        (void)state;
        view = (struct recview){ .at = (const uint8_t *)"\4abcd" };
        view.end = view.at + 5;
        recview_get_text(&view, text, sizeof(text), "too long");
        assert_string_equal(view.wrong, "too long");
        assert_string_equal(text, "");
        view = (struct recview){ .at = (const uint8_t *)"\3a\0b" };
        view.end = view.at + 4;
        recview_get_text(&view, text, sizeof(text), "a NUL inside");
        assert_string_equal(view.wrong, "a NUL inside");
        view = (struct recview){ .at = (const uint8_t *)"\5abcd" };
        view.end = view.at + 5;
        assert_int_equal(recview_get_count(&view, 100, "more than there are bytes"), 0);
        assert_non_null(view.wrong);
}

/* A buffer never grows past what a frame may have. */
static void test_too_large(void **state)
{
        const size_t chunk = 16 * 1024 * 1024;
        uint8_t *zeros = calloc(1, chunk);
        struct recbuf buf = { 0 };

        (void)state;
        assert_non_null(zeros);
        recfile_begin_frame(&buf, RECFILE_SCAN);
        for (size_t n = 0; n <= RECFILE_FRAME_MAX; n += chunk)
                recbuf_put_bytes(&buf, zeros, chunk);
        assert_int_equal(buf.error, -E2BIG);
        assert_int_equal(recfile_end_frame(&buf), -E2BIG);
        recbuf_empty(&buf);
        assert_int_equal(buf.error, 0);
        assert_int_equal(buf.size, 0); /* given back */
        recbuf_done(&buf);
        free(zeros);
}

static void test_header(void **state)
{
        const struct recfile_header header = { .version = RECFILE_VERSION,
                                               .created_wall_usec = UINT64_C(0x0102030405060708),
                                               .boot_id = { 1, 2, 3, [15] = 16 } };
        struct recfile_header newer = header, got;
        uint8_t bytes[RECFILE_HEADER_BYTES];

        (void)state;
        recfile_write_header(&header, bytes);
        assert_memory_equal(bytes, "twmonrec\1\0\0\0\x8\7\6\5\4\3\2\1", 20);
        assert_int_equal(recfile_read_header(bytes, &got), 0);
        assert_int_equal(got.version, header.version);
        assert_int_equal(got.created_wall_usec, header.created_wall_usec);
        assert_memory_equal(got.boot_id, header.boot_id, sizeof(got.boot_id));
        bytes[30] ^= 1;
        assert_int_equal(recfile_read_header(bytes, &got), RECFILE_DAMAGED);
        bytes[0] = 'T';
        assert_int_equal(recfile_read_header(bytes, &got), RECFILE_FOREIGN);
        newer.version++;
        recfile_write_header(&newer, bytes);
        assert_int_equal(recfile_read_header(bytes, &got), RECFILE_NEWER);
        assert_int_equal(got.version, RECFILE_VERSION + 1);
}

static void assert_open_fails(struct tape *tape, enum recerror_kind kind)
{
        struct recstream *stream;
        struct recerror error;

        tape->at = 0;
        assert_int_equal(recstream_new(tape_read, tape, &stream, &error), -EBADMSG);
        assert_int_equal(error.kind, kind);
        assert_int_equal(error.offset, 0);
}

static void test_not_a_recording(void **state)
{
        struct recfile_header newer = { .version = RECFILE_VERSION + 7 };
        struct tape tape = { 0 };
        uint8_t bytes[RECFILE_HEADER_BYTES];

        (void)state;
        assert_open_fails(&tape, RECERROR_FOREIGN);
        tape_begin(&tape);
        tape.len--;
        assert_open_fails(&tape, RECERROR_FOREIGN);
        tape.len++;
        tape.data[9] ^= 0x10;
        assert_open_fails(&tape, RECERROR_DAMAGED);
        tape.len = 0;
        recfile_write_header(&newer, bytes);
        assert_int_equal(tape_write(&tape, bytes, sizeof(bytes)), 0);
        assert_open_fails(&tape, RECERROR_NEWER);
        free(tape.data);
}

static void test_stream(void **state)
{
        struct tape tape = { .chunk = 3 };
        struct recbuf payload = { 0 };
        struct recstream *stream;
        struct recerror error;
        struct recframe frame;

        (void)state;
        tape_begin(&tape);
        tape_frame(&tape, 200, &payload);
        for (unsigned i = 0; i < 100000; i++)
                recbuf_put(&payload, 1);
        tape_frame(&tape, 201, &payload);
        assert_int_equal(recstream_new(tape_read, &tape, &stream, &error), 0);
        assert_int_equal(recstream_next(stream, &frame, &error), RECSTREAM_FRAME);
        assert_int_equal(frame.type, 200);
        assert_int_equal(frame.len, 0);
        assert_int_equal(frame.offset, RECFILE_HEADER_BYTES);
        assert_int_equal(recstream_next(stream, &frame, &error), RECSTREAM_FRAME);
        assert_int_equal(frame.type, 201);
        assert_int_equal(frame.len, 100000);
        assert_memory_equal(frame.payload, payload.data, payload.len);
        assert_int_equal(recstream_next(stream, &frame, &error), RECSTREAM_END);
        assert_int_equal(recstream_offset(stream), tape.len);
        recstream_free(stream);
        recbuf_done(&payload);
        free(tape.data);
}

/* kind: how the second of two frames is wrong after change() on its bytes. */
static void assert_frame_fails(void (*change)(struct tape *tape, size_t at),
                               enum recerror_kind kind)
{
        struct tape tape = { 0 };
        struct recbuf payload = { 0 };
        struct recstream *stream;
        struct recerror error;
        struct recframe frame;
        size_t second;

        recbuf_put(&payload, 77);
        tape_begin(&tape);
        tape_frame(&tape, 200, &payload);
        second = tape.len;
        tape_frame(&tape, 200, &payload);
        change(&tape, second);
        assert_int_equal(recstream_new(tape_read, &tape, &stream, &error), 0);
        assert_int_equal(recstream_next(stream, &frame, &error), RECSTREAM_FRAME);
        assert_int_equal(recstream_next(stream, &frame, &error), -EBADMSG);
        assert_int_equal(error.kind, kind);
        assert_int_equal(error.offset, second);
        recstream_free(stream);
        recbuf_done(&payload);
        free(tape.data);
}

static void cut(struct tape *tape, size_t at)
{
        tape->len = at + 3;
}

static void cut_checksum(struct tape *tape, size_t at)
{
        (void)at;
        tape->len--;
}

static void spoil(struct tape *tape, size_t at)
{
        tape->data[at + 5] ^= 1;
}

static void spoil_before_more(struct tape *tape, size_t at)
{
        spoil(tape, at);
        assert_int_equal(tape_write(tape, "x", 1), 0);
}

static void claim_too_much(struct tape *tape, size_t at)
{
        memset(tape->data + at, 0xff, 4);
}

static void claim_the_greatest(struct tape *tape, size_t at)
{
        memcpy(tape->data + at, "\0\0\0\4", 4); /* RECFILE_FRAME_MAX */
}

static void test_wrong_frames(void **state)
{
        (void)state;
        assert_frame_fails(cut, RECERROR_TORN);
        assert_frame_fails(cut_checksum, RECERROR_TORN);
        assert_frame_fails(spoil, RECERROR_TORN);
        assert_frame_fails(spoil_before_more, RECERROR_DAMAGED);
        assert_frame_fails(claim_too_much, RECERROR_DAMAGED);
        assert_frame_fails(claim_the_greatest, RECERROR_TORN);
}

static int64_t read_error(void *userdata, void *buf, size_t size)
{
        (void)userdata;
        (void)buf;
        (void)size;
        return -EIO;
}

static void test_read_error(void **state)
{
        struct recstream *stream;
        struct recerror error;

        (void)state;
        assert_int_equal(recstream_new(read_error, NULL, &stream, &error), -EIO);
        assert_string_equal(error.text, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),          cmocka_unit_test(test_wrong_numbers),
                cmocka_unit_test(test_texts_and_counts), cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_header),           cmocka_unit_test(test_not_a_recording),
                cmocka_unit_test(test_stream),           cmocka_unit_test(test_wrong_frames),
                cmocka_unit_test(test_read_error),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
