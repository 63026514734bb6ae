/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct history_point: what was known of one port in one stretch of time, and its packed forms.
 *
 * A number is packed into 20 bits: 17 of mantissa, 3 of exponent. It is exact to 131,071, rounded
 * down by less than one in 65,000 above, and at most HISTORY_COUNT_MAX. All bits set is unknown,
 * which is not zero.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portkey.h"

#define HISTORY_UNKNOWN   UINT32_MAX
#define HISTORY_COUNT_MAX (UINT32_C(0x1fffe) << 7) /* 16,776,960; more is that many */

#define HISTORY_PACKED_BYTES 24 /* a whole point; the last counts alone take 8 */

enum history_metric {
        HISTORY_CLOSE_WAIT,
        HISTORY_STUCK,
        HISTORY_TIME_WAIT,
        HISTORY_METRICS,
};

/* The worst alert about the port. */
enum history_severity { HISTORY_CALM, HISTORY_WARNING, HISTORY_CRITICAL };

/* Known together, or all of them HISTORY_UNKNOWN. */
struct history_span {
        uint32_t min, max, last;
};

struct history_point {
        struct history_span spans[HISTORY_METRICS];
        uint8_t severity; /* enum history_severity */
        bool estimated;   /* TIME_WAIT: nobody counted it, it was worked out */
        bool left_out;    /* somebody looked, and had no place for the port; not packed */
};

/* Nothing is known. */
void history_point_clear(struct history_point *point);
bool history_point_is_known(const struct history_point *point, enum history_metric metric);
/* Every count that is known is 0, and nothing was raised. */
bool history_point_is_quiet(const struct history_point *point);

/* A count, seen once; HISTORY_UNKNOWN is nothing seen. */
struct history_span history_span_of(uint64_t count);

/*
 * Takes in what was known later in the same stretch: the least, the greatest, the newest. What was
 * counted beats what was estimated, whichever came first. The worst severity stays.
 */
void history_point_add(struct history_point *point, const struct history_point *later);

/* The newest counts, severity and estimated: 8 bytes. Never 0 where nothing is known. */
uint64_t history_pack_last(const struct history_point *point);
/* The other way round: min and max are the last. */
void history_unpack_last(uint64_t packed, struct history_point *ret_point);
/* How bad it is: compares as severity, then stuck, CLOSE_WAIT, TIME_WAIT. 0: nothing to tell. */
uint64_t history_weight(const struct history_point *point);
/* Clearly worse: by severity, or by more than one in so many of the rest. */
bool history_outweighs(uint64_t weight, uint64_t other, unsigned margin);

void history_pack(const struct history_point *point, uint8_t packed[static HISTORY_PACKED_BYTES]);
/* Anything at all gives a point: packed bytes are trusted for their checksum, not for their sense. */
void history_unpack(const uint8_t packed[static HISTORY_PACKED_BYTES],
                    struct history_point *ret_point);
