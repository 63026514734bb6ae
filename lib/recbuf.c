/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A buffer grows by doubling, up to its limit. Reading checks each number against the
 * greatest that its place allows, so that a wrong one is found where it stands.
 */

#include "recbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define SIZE_MIN  1024
#define SIZE_KEPT (256 * 1024) /* recbuf_empty() gives back what is larger */

void recbuf_done(struct recbuf *buf)
{
        free(buf->data);
        *buf = (struct recbuf){ 0 };
}

void recbuf_empty(struct recbuf *buf)
{
        if (buf->size > SIZE_KEPT)
                recbuf_done(buf);
        buf->len = 0;
        buf->error = 0;
}

/* Room for len bytes more. */
static bool reserve(struct recbuf *buf, size_t len)
{
        size_t size = MAX(buf->size, (size_t)SIZE_MIN);
        uint8_t *data;

        if (buf->error < 0)
                return false;
        if (len > RECBUF_MAX - buf->len) {
                buf->error = -E2BIG;
                return false;
        }
        if (len <= buf->size - buf->len)
                return true;
        while (size - buf->len < len)
                size *= 2;
        data = realloc(buf->data, size);
        if (!data) {
                buf->error = -ENOMEM;
                return false;
        }
        buf->data = data;
        buf->size = size;
        return true;
}

void recbuf_put(struct recbuf *buf, uint64_t value)
{
        if (!reserve(buf, RECBUF_NUMBER_MAX))
                return;
        while (value > 0x7f) {
                buf->data[buf->len++] = (uint8_t)(value | 0x80);
                value >>= 7;
        }
        buf->data[buf->len++] = (uint8_t)value;
}

void recbuf_put_signed(struct recbuf *buf, int64_t value)
{
        recbuf_put(buf, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void recbuf_put_bytes(struct recbuf *buf, const void *data, size_t len)
{
        if (len == 0 || !reserve(buf, len))
                return;
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
}

void recbuf_put_text(struct recbuf *buf, const char *text)
{
        const size_t len = strlen(text);

        recbuf_put(buf, len);
        recbuf_put_bytes(buf, text, len);
}

void recbuf_put_buf(struct recbuf *buf, const struct recbuf *other)
{
        recbuf_put_bytes(buf, other->data, other->len);
        if (buf->error == 0)
                buf->error = other->error;
}

struct recview recview_of(const struct recbuf *buf)
{
        return (struct recview){ .at = buf->data, .end = buf->data ? buf->data + buf->len : NULL };
}

size_t recview_left(const struct recview *view)
{
        return (size_t)(view->end - view->at);
}

void recview_set_wrong(struct recview *view, const char *what)
{
        if (!view->wrong)
                view->wrong = what;
        view->at = view->end;
}

uint64_t recview_get(struct recview *view, uint64_t max, const char *what)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64 && view->at < view->end; shift += 7) {
                const uint64_t bits = *view->at & 0x7f;

                if (bits << shift >> shift != bits)
                        break;
                value |= bits << shift;
                if (*view->at++ & 0x80)
                        continue;
                if (value > max)
                        break;
                return value;
        }
        recview_set_wrong(view, what);
        return 0;
}

int64_t recview_get_signed(struct recview *view, const char *what)
{
        const uint64_t folded = recview_get(view, UINT64_MAX, what);

        return (int64_t)(folded >> 1 ^ (folded & 1 ? UINT64_MAX : 0));
}

size_t recview_get_count(struct recview *view, size_t max, const char *what)
{
        const size_t count = recview_get(view, max, what);

        if (count <= recview_left(view))
                return count;
        recview_set_wrong(view, what);
        return 0;
}

const void *recview_get_bytes(struct recview *view, size_t len, const char *what)
{
        const uint8_t *bytes = view->at;

        if (view->wrong || len > recview_left(view)) {
                recview_set_wrong(view, what);
                return NULL;
        }
        view->at += len;
        return bytes;
}

void recview_get_text(struct recview *view, char *buf, size_t size, const char *what)
{
        const size_t len = recview_get_count(view, size - 1, what);
        const char *bytes = recview_get_bytes(view, len, what);

        buf[0] = '\0';
        if (!bytes)
                return;
        if (memchr(bytes, '\0', len)) {
                recview_set_wrong(view, what);
                return;
        }
        memcpy(buf, bytes, len);
        buf[len] = '\0';
}
