/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "stateitem.h"

#include <math.h>
#include <string.h>

#include "base.h"
#include "bytes.h"

/* Room for the length of most: one byte. */
size_t stateitem_begin(struct recbuf *buf)
{
        recbuf_put(buf, 0);
        return buf->len;
}

void stateitem_end(struct recbuf *buf, size_t begin)
{
        uint8_t length[RECBUF_NUMBER_MAX];
        const size_t len = buf->len - begin;
        size_t n;

        recbuf_put(buf, len); /* behind the fields, and from there before them */
        if (buf->error < 0)
                return;
        n = buf->len - begin - len;
        memcpy(length, buf->data + begin + len, n);
        if (n > 1)
                memmove(buf->data + begin - 1 + n, buf->data + begin, len);
        memcpy(buf->data + begin - 1, length, n);
        buf->len--;
}

void stateitem_put(struct recbuf *buf, struct recbuf *item)
{
        recbuf_put(buf, item->len);
        recbuf_put_buf(buf, item);
        recbuf_done(item);
}

struct recview stateitem_get(struct recview *view, const char *what)
{
        size_t len = 0;
        const uint8_t *bytes;

        if (recview_left(view) > 0)
                len = recview_get_count(view, SIZE_MAX, what);
        bytes = len > 0 ? recview_get_bytes(view, len, what) : NULL;
        return (struct recview){ .at = bytes, .end = bytes ? bytes + len : NULL };
}

void stateitem_done(struct recview *view, const struct recview *item)
{
        if (item->wrong)
                recview_set_wrong(view, item->wrong);
}

void stateitem_put_number(struct recbuf *item, uint64_t value)
{
        recbuf_put(item, MIN(value, STATEITEM_NUMBER_MAX));
}

void stateitem_put_double(struct recbuf *item, double value)
{
        const double finite = isfinite(value) ? value : 0;
        uint8_t bytes[sizeof(uint64_t)];
        uint64_t bits;

        memcpy(&bits, &finite, sizeof(bits));
        bytes_put_le(bytes, bits, sizeof(bytes));
        recbuf_put_bytes(item, bytes, sizeof(bytes));
}

uint64_t stateitem_get_number(struct recview *item, uint64_t max, const char *what)
{
        return recview_left(item) > 0 ? recview_get(item, max, what) : 0;
}

int64_t stateitem_get_signed(struct recview *item, const char *what)
{
        return recview_left(item) > 0 ? recview_get_signed(item, what) : 0;
}

size_t stateitem_get_count(struct recview *view, const char *what)
{
        return recview_left(view) > 0 ? recview_get_count(view, SIZE_MAX, what) : 0;
}

bool stateitem_get_bool(struct recview *item, const char *what)
{
        return stateitem_get_number(item, 1, what) != 0;
}

double stateitem_get_double(struct recview *item, const char *what)
{
        const uint8_t *bytes = NULL;
        uint64_t bits;
        double value;

        if (recview_left(item) > 0)
                bytes = recview_get_bytes(item, sizeof(bits), what);
        if (!bytes)
                return 0;
        bits = bytes_get_le(bytes, sizeof(bits));
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value))
                return value;
        recview_set_wrong(item, what);
        return 0;
}

void stateitem_get_text(struct recview *item, char *buf, size_t size, const char *what)
{
        buf[0] = '\0';
        if (recview_left(item) > 0)
                recview_get_text(item, buf, size, what);
}
