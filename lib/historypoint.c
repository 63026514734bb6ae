/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Three counts of 20 bits and four bits besides are one 64-bit word. A fine point is one word, of
 * the newest counts; a whole one is three, of min, max and last of each metric.
 */

#include "historypoint.h"

#include "base.h"
#include "bytes.h"

#define CODE_BITS     20
#define CODE_UNKNOWN  UINT32_C(0xfffff)
#define MANTISSA_BITS 17
#define MANTISSA_MAX  UINT32_C(0x1ffff)
#define NOTE_SHIFT    60
#define NOTE_SEVERITY 3 /* bits of a word's note */
#define NOTE_GUESSED  4
#define WEIGHT_BITS   20
#define WEIGHT_MAX    ((UINT32_C(1) << WEIGHT_BITS) - 1)

static const struct history_span unknown = { HISTORY_UNKNOWN, HISTORY_UNKNOWN, HISTORY_UNKNOWN };

static uint64_t code_of(uint32_t count)
{
        uint32_t exponent = 0;

        if (count == HISTORY_UNKNOWN)
                return CODE_UNKNOWN;
        count = MIN(count, HISTORY_COUNT_MAX);
        for (; count > MANTISSA_MAX; count >>= 1)
                exponent++;
        return exponent << MANTISSA_BITS | count;
}

static uint32_t count_of(uint64_t word, unsigned i)
{
        const uint32_t code = (uint32_t)(word >> i * CODE_BITS) & CODE_UNKNOWN;

        return code == CODE_UNKNOWN ? HISTORY_UNKNOWN
                                    : (code & MANTISSA_MAX) << (code >> MANTISSA_BITS);
}

static uint64_t word_of(uint32_t a, uint32_t b, uint32_t c)
{
        return code_of(a) | code_of(b) << CODE_BITS | code_of(c) << 2 * CODE_BITS;
}

static uint64_t note_of(const struct history_point *point)
{
        const uint64_t note = point->severity | (point->estimated ? NOTE_GUESSED : 0);

        return note << NOTE_SHIFT;
}

static void take_note(uint64_t word, struct history_point *point)
{
        const unsigned note = (unsigned)(word >> NOTE_SHIFT);

        point->severity = (uint8_t)MIN(note & NOTE_SEVERITY, (unsigned)HISTORY_CRITICAL);
        point->estimated = note & NOTE_GUESSED;
}

void history_point_clear(struct history_point *point)
{
        *point = (struct history_point){ .spans = { unknown, unknown, unknown } };
}

bool history_point_is_known(const struct history_point *point, enum history_metric metric)
{
        return point->spans[metric].last != HISTORY_UNKNOWN;
}

bool history_point_is_quiet(const struct history_point *point)
{
        for (unsigned i = 0; i < HISTORY_METRICS; i++)
                if (history_point_is_known(point, i) && point->spans[i].max > 0)
                        return false;
        return point->severity == HISTORY_CALM;
}

struct history_span history_span_of(uint64_t count)
{
        const uint32_t n = (uint32_t)MIN(count, (uint64_t)HISTORY_COUNT_MAX);

        return (struct history_span){ n, n, n };
}

static void add_span(struct history_span *span, const struct history_span *later)
{
        if (later->last == HISTORY_UNKNOWN)
                return;
        if (span->last == HISTORY_UNKNOWN) {
                *span = *later;
                return;
        }
        span->min = MIN(span->min, later->min);
        span->max = MAX(span->max, later->max);
        span->last = later->last;
}

/* False: what is there already is better. */
static bool prefer_counted(struct history_point *point, const struct history_point *later)
{
        if (!history_point_is_known(later, HISTORY_TIME_WAIT))
                return false;
        if (!history_point_is_known(point, HISTORY_TIME_WAIT))
                point->estimated = later->estimated;
        if (later->estimated && !point->estimated)
                return false;
        if (point->estimated && !later->estimated)
                point->spans[HISTORY_TIME_WAIT] = unknown;
        point->estimated = later->estimated;
        return true;
}

void history_point_add(struct history_point *point, const struct history_point *later)
{
        add_span(&point->spans[HISTORY_CLOSE_WAIT], &later->spans[HISTORY_CLOSE_WAIT]);
        add_span(&point->spans[HISTORY_STUCK], &later->spans[HISTORY_STUCK]);
        if (prefer_counted(point, later))
                add_span(&point->spans[HISTORY_TIME_WAIT], &later->spans[HISTORY_TIME_WAIT]);
        point->severity = MAX(point->severity, later->severity);
        point->left_out = point->left_out || later->left_out;
}

uint64_t history_pack_last(const struct history_point *point)
{
        return word_of(point->spans[HISTORY_CLOSE_WAIT].last, point->spans[HISTORY_STUCK].last,
                       point->spans[HISTORY_TIME_WAIT].last) |
               note_of(point);
}

static struct history_span span_of_code(uint64_t word, unsigned i)
{
        const uint32_t count = count_of(word, i);

        return (struct history_span){ count, count, count };
}

void history_unpack_last(uint64_t packed, struct history_point *ret_point)
{
        for (unsigned i = 0; i < HISTORY_METRICS; i++)
                ret_point->spans[i] = span_of_code(packed, i);
        take_note(packed, ret_point);
        ret_point->left_out = false;
}

/* More than a million is as bad as that. */
static uint64_t weight_of(const struct history_point *point, enum history_metric metric)
{
        return history_point_is_known(point, metric) ? MIN(point->spans[metric].max, WEIGHT_MAX)
                                                     : 0;
}

uint64_t history_weight(const struct history_point *point)
{
        return (uint64_t)point->severity << 3 * WEIGHT_BITS |
               weight_of(point, HISTORY_STUCK) << 2 * WEIGHT_BITS |
               weight_of(point, HISTORY_CLOSE_WAIT) << WEIGHT_BITS |
               weight_of(point, HISTORY_TIME_WAIT);
}

bool history_outweighs(uint64_t weight, uint64_t other, unsigned margin)
{
        const uint64_t counts = (UINT64_C(1) << 3 * WEIGHT_BITS) - 1;

        if ((weight & ~counts) != (other & ~counts))
                return weight > other;
        weight &= counts;
        return weight - weight / (margin + 1) > (other & counts);
}

void history_pack(const struct history_point *point, uint8_t packed[static HISTORY_PACKED_BYTES])
{
        for (unsigned i = 0; i < HISTORY_METRICS; i++) {
                const struct history_span *span = &point->spans[i];

                bytes_put_le(packed + 8 * i,
                             word_of(span->min, span->max, span->last) |
                                     (i == 0 ? note_of(point) : 0),
                             8);
        }
}

void history_unpack(const uint8_t packed[static HISTORY_PACKED_BYTES],
                    struct history_point *ret_point)
{
        for (unsigned i = 0; i < HISTORY_METRICS; i++) {
                const uint64_t word = bytes_get_le(packed + 8 * i, 8);
                struct history_span span = { count_of(word, 0), count_of(word, 1),
                                             count_of(word, 2) };

                if (span.min == HISTORY_UNKNOWN || span.max == HISTORY_UNKNOWN ||
                    span.last == HISTORY_UNKNOWN)
                        span = unknown;
                ret_point->spans[i] = span;
        }
        take_note(bytes_get_le(packed, 8), ret_point);
        ret_point->left_out = false;
}
