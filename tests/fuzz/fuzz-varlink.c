/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Varlink frames. The first byte is the size of the reads, the rest is what the peer sends. The
 * limit is small, so that it is met. Whatever is taken for a message must come back the same when
 * it is sent.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "varlink.h"

#define FRAME_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
        if (!condition)
                abort();
}

/* Sends a message and reads it again. */
static void round_trip(const json_t *message)
{
        struct varlink_buffer buffer;
        json_t *again = NULL;
        char *bytes, *room;
        size_t len, space;

        expect(varlink_encode(message, VARLINK_REPLY_MAX, &bytes, &len) == 0);
        expect(len > 0 && bytes[len - 1] == '\0' && strlen(bytes) == len - 1);
        varlink_buffer_init(&buffer, len - 1);
        for (size_t done = 0; done < len; done += space) {
                expect(varlink_buffer_space(&buffer, &room, &space) == 0 && space > 0);
                space = MIN(space, len - done);
                memcpy(room, bytes + done, space);
                varlink_buffer_commit(&buffer, space);
        }
        expect(varlink_buffer_next(&buffer, &again) == 0);
        expect(json_equal(message, again));
        json_decref(again);
        varlink_buffer_done(&buffer);
        free(bytes);
}

static void look_at(json_t *message)
{
        struct varlink_call call;

        expect(json_is_object(message));
        if (varlink_call_parse(message, &call) == 0) {
                expect(call.method != NULL);
                expect(!call.parameters || json_is_object(call.parameters));
        }
        round_trip(message);
        json_decref(message);
}

/* Takes every message that is there; false: the connection cannot go on. */
static bool drain(struct varlink_buffer *buffer)
{
        for (;;) {
                json_t *message = NULL;
                int r = varlink_buffer_next(buffer, &message);

                switch (r) {
                case 0:
                        look_at(message);
                        break;
                case VARLINK_BAD_JSON:
                        expect(message == NULL);
                        break;
                case VARLINK_AGAIN:
                        expect(buffer->len <= FRAME_MAX);
                        return true;
                case VARLINK_TOO_LONG:
                        expect(buffer->len == FRAME_MAX + 1);
                        return false;
                default:
                        abort();
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct varlink_buffer buffer;
        size_t step = size > 0 ? data[0] + 1U : 1;

        varlink_buffer_init(&buffer, FRAME_MAX);
        for (size_t done = MIN(size, (size_t)1); done < size;) {
                size_t space, n;
                char *room;

                expect(varlink_buffer_space(&buffer, &room, &space) == 0 && space > 0);
                n = MIN(MIN(space, step), size - done);
                memcpy(room, data + done, n);
                varlink_buffer_commit(&buffer, n);
                done += n;
                if (!drain(&buffer))
                        break;
        }
        varlink_buffer_done(&buffer);
        return 0;
}
