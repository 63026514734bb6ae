/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames: where one ends, what is no call, and that a limit is an outcome on its exact byte. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "varlink.h"

/* Appends bytes as reads would, at most step at a time; how many found room. */
static size_t feed(struct varlink_buffer *buffer, const char *bytes, size_t len, size_t step)
{
        size_t done = 0;

        while (done < len) {
                size_t space, n;
                char *data;

                assert_int_equal(varlink_buffer_space(buffer, &data, &space), 0);
                if (space == 0)
                        break;
                n = MIN(MIN(space, step), len - done);
                memcpy(data, bytes + done, n);
                varlink_buffer_commit(buffer, n);
                done += n;
        }
        return done;
}

static int next_of(const char *bytes, size_t len, json_t **ret_message)
{
        struct varlink_buffer buffer;
        int r;

        varlink_buffer_init(&buffer, VARLINK_REQUEST_MAX);
        feed(&buffer, bytes, len, SIZE_MAX);
        r = varlink_buffer_next(&buffer, ret_message);
        varlink_buffer_done(&buffer);
        return r;
}

static void frames_come_apart_at_nul(void **state)
{
        static const char bytes[] = "{\"method\":\"a.B\"}\0 {\"method\":\"a.C\"}\n\0{\"meth";

        (void)state;
        for (size_t step = 1; step < sizeof(bytes); step++) {
                struct varlink_buffer buffer;
                json_t *message = NULL;

                varlink_buffer_init(&buffer, 100);
                assert_int_equal(feed(&buffer, bytes, sizeof(bytes) - 1, step), sizeof(bytes) - 1);
                assert_int_equal(varlink_buffer_next(&buffer, &message), 0);
                assert_string_equal(json_string_value(json_object_get(message, "method")), "a.B");
                json_decref(message);
                assert_int_equal(varlink_buffer_next(&buffer, &message), 0);
                assert_string_equal(json_string_value(json_object_get(message, "method")), "a.C");
                json_decref(message);
                assert_int_equal(varlink_buffer_next(&buffer, &message), VARLINK_AGAIN);
                varlink_buffer_done(&buffer);
        }
}

static void buffer_is_searched_and_parsed_byte_by_byte(void **state)
{
        static const char bytes[] = "{\"method\":\"a.B\"}";
        struct varlink_buffer buffer;
        json_t *message = NULL;

        (void)state;
        varlink_buffer_init(&buffer, 100);
        for (size_t i = 0; i < sizeof(bytes); i++) {
                assert_int_equal(varlink_buffer_next(&buffer, &message), VARLINK_AGAIN);
                feed(&buffer, bytes + i, 1, 1);
        }
        assert_int_equal(varlink_buffer_next(&buffer, &message), 0);
        json_decref(message);
        assert_null(buffer.data); /* an empty buffer holds no memory */
        varlink_buffer_done(&buffer);
}

/* A JSON object of exactly len bytes; the caller frees it. */
static char *object_of(size_t len)
{
        char *text = malloc(len + 1);

        assert_non_null(text);
        memset(text, ' ', len);
        text[0] = '{';
        text[len - 1] = '}';
        text[len] = '\0';
        return text;
}

static void limit_is_exact(void **state)
{
        char *fits = object_of(VARLINK_REQUEST_MAX), *longer = object_of(VARLINK_REQUEST_MAX + 1);
        struct varlink_buffer buffer;
        json_t *message = NULL;

        (void)state;
        assert_int_equal(next_of(fits, VARLINK_REQUEST_MAX + 1, &message), 0);
        json_decref(message);

        varlink_buffer_init(&buffer, VARLINK_REQUEST_MAX);
        assert_int_equal(feed(&buffer, longer, VARLINK_REQUEST_MAX + 2, 4000),
                         VARLINK_REQUEST_MAX + 1);
        assert_int_equal(buffer.size, VARLINK_REQUEST_MAX + 1);
        assert_int_equal(varlink_buffer_next(&buffer, &message), VARLINK_TOO_LONG);
        assert_int_equal(varlink_buffer_next(&buffer, &message), VARLINK_TOO_LONG);
        varlink_buffer_done(&buffer);
        free(fits);
        free(longer);
}

static void nonsense_is_consumed(void **state)
{
        static const struct {
                const char *bytes;
                size_t len;
        } nonsense[] = {
#define BYTES(text) { text, sizeof(text) }
                BYTES(""),
                BYTES("\n"),
                BYTES("{"),
                BYTES("[]"),
                BYTES("null"),
                BYTES("\"{}\""),
                BYTES("{}{}"),
                BYTES("{\"a\":1,\"a\":2}"),
                BYTES("{\"a\":{\"b\":1,\"b\":1}}"),
                BYTES("{\"a\":\"\xff\"}"),
                BYTES("{\"a\":\"\\u0000\"}"),
                BYTES("{\"a\":99999999999999999999}"),
                BYTES("{\"a\":\"\n\"}"),
                BYTES("{'a':1}"),
                BYTES("{\"a\":1,}"),
                BYTES("{\"method\":\"org.varlink.service.GetIn"),
#undef BYTES
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
                struct varlink_buffer buffer;
                json_t *message = NULL;

                varlink_buffer_init(&buffer, 100);
                feed(&buffer, nonsense[i].bytes, nonsense[i].len, SIZE_MAX);
                feed(&buffer, "{}", 3, SIZE_MAX);
                assert_int_equal(varlink_buffer_next(&buffer, &message), VARLINK_BAD_JSON);
                assert_int_equal(varlink_buffer_next(&buffer, &message), 0);
                json_decref(message);
                varlink_buffer_done(&buffer);
        }
}

/* {"a":{"a":...1...}} of that depth, in text. */
static void nest(char *text, unsigned depth)
{
        *text = '\0';
        for (unsigned i = 0; i < depth; i++)
                strcat(text, "{\"a\":");
        strcat(text, "1");
        for (unsigned i = 0; i < depth; i++)
                strcat(text, "}");
}

static void depth_limit_is_exact_and_knows_strings(void **state)
{
        json_t *message = NULL;
        char text[512];

        (void)state;
        nest(text, VARLINK_DEPTH_MAX);
        assert_int_equal(next_of(text, strlen(text) + 1, &message), 0);
        json_decref(message);
        nest(text, VARLINK_DEPTH_MAX + 1);
        assert_int_equal(next_of(text, strlen(text) + 1, &message), VARLINK_BAD_JSON);

        strcpy(text, "{\"a\\\"{\":\"");
        for (unsigned i = 0; i < 2 * VARLINK_DEPTH_MAX; i++)
                strcat(text, "[");
        strcat(text, "\\\\\"}");
        assert_int_equal(next_of(text, strlen(text) + 1, &message), 0);
        json_decref(message);
}

static void deepest_frame_does_not_recurse(void **state)
{
        char *text = malloc(VARLINK_REQUEST_MAX + 1);
        json_t *message = NULL;

        (void)state;
        assert_non_null(text);
        memset(text, '[', VARLINK_REQUEST_MAX);
        text[VARLINK_REQUEST_MAX] = '\0';
        assert_int_equal(next_of(text, VARLINK_REQUEST_MAX + 1, &message), VARLINK_BAD_JSON);
        free(text);
}

static int parse(const char *text, struct varlink_call *ret_call, json_t **ret_message)
{
        *ret_message = json_loads(text, 0, NULL);
        assert_non_null(*ret_message);
        return varlink_call_parse(*ret_message, ret_call);
}

static void calls_are_read(void **state)
{
        struct varlink_call call;
        json_t *message;

        (void)state;
        assert_int_equal(parse("{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"more\":true,"
                               "\"oneway\":false,\"upgrade\":[]}",
                               &call, &message),
                         0);
        assert_string_equal(call.method, "a.B");
        assert_int_equal(json_integer_value(json_object_get(call.parameters, "x")), 1);
        assert_true(call.more);
        assert_false(call.oneway);
        json_decref(message);

        assert_int_equal(
                parse("{\"method\":\"a.B\",\"parameters\":null,\"more\":null}", &call, &message),
                0);
        assert_null(call.parameters);
        assert_false(call.more);
        json_decref(message);
}

static void wrong_calls_are_refused(void **state)
{
        static const char *const wrong[] = {
                "{}",
                "{\"method\":null}",
                "{\"method\":1}",
                "{\"method\":[\"a.B\"]}",
                "{\"method\":\"a.B\",\"parameters\":[]}",
                "{\"method\":\"a.B\",\"parameters\":\"x\"}",
                "{\"method\":\"a.B\",\"more\":1}",
                "{\"method\":\"a.B\",\"oneway\":\"true\"}",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                struct varlink_call call = { .method = "untouched" };
                json_t *message;

                assert_int_equal(parse(wrong[i], &call, &message), -EINVAL);
                assert_string_equal(call.method, "untouched");
                json_decref(message);
        }
}

static void assert_encodes(json_t *message, const char *expected)
{
        char *bytes;
        size_t len;

        assert_non_null(message);
        assert_int_equal(varlink_encode(message, VARLINK_REPLY_MAX, &bytes, &len), 0);
        assert_string_equal(bytes, expected);
        assert_int_equal(len, strlen(expected) + 1);
        free(bytes);
        json_decref(message);
}

static void messages_have_their_form(void **state)
{
        (void)state;
        assert_encodes(varlink_request("a.B", NULL, false),
                       "{\"method\":\"a.B\",\"parameters\":{}}");
        assert_encodes(varlink_request("a.B", json_pack("{s:i}", "x", 1), true),
                       "{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"more\":true}");
        assert_encodes(varlink_reply(NULL, false), "{\"parameters\":{}}");
        assert_encodes(varlink_reply(json_object(), true),
                       "{\"parameters\":{},\"continues\":true}");
        assert_encodes(varlink_error("a.E", NULL), "{\"error\":\"a.E\",\"parameters\":{}}");
        assert_encodes(varlink_error_method_not_found("a.B"),
                       "{\"error\":\"org.varlink.service.MethodNotFound\","
                       "\"parameters\":{\"method\":\"a.B\"}}");
        assert_encodes(varlink_error_interface_not_found("a"),
                       "{\"error\":\"org.varlink.service.InterfaceNotFound\","
                       "\"parameters\":{\"interface\":\"a\"}}");
        assert_encodes(varlink_error_invalid_parameter("p"),
                       "{\"error\":\"org.varlink.service.InvalidParameter\","
                       "\"parameters\":{\"parameter\":\"p\"}}");
}

static void encoding_has_an_exact_limit(void **state)
{
        json_t *message = json_pack("{s:s}", "abc", "defgh"); /* {"abc":"defgh"}: 15 bytes */
        size_t len = 99;
        char *bytes = NULL;

        (void)state;
        assert_int_equal(varlink_encode(message, 14, &bytes, &len), -EMSGSIZE);
        assert_null(bytes);
        assert_int_equal(len, 99);
        assert_int_equal(varlink_encode(message, 15, &bytes, &len), 0);
        assert_int_equal(len, 16);
        free(bytes);
        json_decref(message);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(frames_come_apart_at_nul),
                cmocka_unit_test(buffer_is_searched_and_parsed_byte_by_byte),
                cmocka_unit_test(limit_is_exact),
                cmocka_unit_test(nonsense_is_consumed),
                cmocka_unit_test(depth_limit_is_exact_and_knows_strings),
                cmocka_unit_test(deepest_frame_does_not_recurse),
                cmocka_unit_test(calls_are_read),
                cmocka_unit_test(wrong_calls_are_refused),
                cmocka_unit_test(messages_have_their_form),
                cmocka_unit_test(encoding_has_an_exact_limit),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
