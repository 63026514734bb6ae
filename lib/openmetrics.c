/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The two formats differ in three things. OpenMetrics calls a counter's family by its name without
 * "_total", which only the samples have; it knows units; and it ends with "# EOF", so that a text which
 * was cut off is not taken for a whole one. A reader of the older format takes the last two for comments,
 * but would find no help for a counter under the name that its samples have.
 *
 * Numbers are written without the C library's idea of a decimal point: a duration in microseconds is an
 * integer with six digits behind it, and what is no integer otherwise is rounded to millionths.
 */

#include "openmetrics.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "units.h"
#include "utf8.h"

#define FIRST_SIZE 8192
#define MILLION    1000000

static const struct {
        const char *name;
        const char *content_type;
} formats[] = {
        [OPENMETRICS_1_0] = { "openmetrics",
                              "application/openmetrics-text; version=1.0.0; charset=utf-8" },
        [OPENMETRICS_PROMETHEUS] = { "prometheus", "text/plain; version=0.0.4; charset=utf-8" },
};

static int reserve(struct openmetrics *metrics, size_t more)
{
        size_t size = MAX(metrics->size, (size_t)FIRST_SIZE);
        char *text;

        if (metrics->len + more > OPENMETRICS_TEXT_MAX)
                return -EMSGSIZE;
        while (size < metrics->len + more + 1)
                size *= 2;
        if (size == metrics->size)
                return 0;
        text = realloc(metrics->text, size);
        if (!text)
                return -ENOMEM;
        metrics->text = text;
        metrics->size = size;
        return 0;
}

static void put_bytes(struct openmetrics *metrics, const char *bytes, size_t len)
{
        if (metrics->error == 0)
                metrics->error = reserve(metrics, len);
        if (metrics->error < 0)
                return;
        memcpy(metrics->text + metrics->len, bytes, len);
        metrics->len += len;
}

static void put_text(struct openmetrics *metrics, const char *text)
{
        put_bytes(metrics, text, strlen(text));
}

static void put_value(struct openmetrics *metrics, const char *value)
{
        size_t left = strlen(value);

        while (left > 0) {
                size_t len = utf8_len(value, left);

                if (len == 0 || utf8_is_control(value) || *value == '\t')
                        put_text(metrics, "?");
                else if (*value == '"' || *value == '\\')
                        put_bytes(metrics, (const char[]){ '\\', *value }, 2);
                else
                        put_bytes(metrics, value, len);
                len = MAX(len, (size_t)1);
                value += len;
                left -= len;
        }
}

static void put_labels(struct openmetrics *metrics, const struct openmetrics_label *labels)
{
        const char *before = "{";

        for (; labels && labels->name; labels++) {
                if (!labels->value || !labels->value[0])
                        continue;
                put_text(metrics, before);
                put_text(metrics, labels->name);
                put_text(metrics, "=\"");
                put_value(metrics, labels->value);
                put_text(metrics, "\"");
                before = ",";
        }
        if (before[0] == ',')
                put_text(metrics, "}");
}

static const char *sample_suffix(const struct openmetrics_family *family)
{
        return family->type == OPENMETRICS_COUNTER ? "_total" : "";
}

static void put_about(struct openmetrics *metrics, const char *what, const char *text)
{
        const bool whole = metrics->format == OPENMETRICS_PROMETHEUS;

        put_text(metrics, "# ");
        put_text(metrics, what);
        put_text(metrics, " ");
        put_text(metrics, metrics->family->name);
        put_text(metrics, whole ? sample_suffix(metrics->family) : "");
        put_text(metrics, " ");
        put_text(metrics, text);
        put_text(metrics, "\n");
}

void openmetrics_family(struct openmetrics *metrics, const struct openmetrics_family *family)
{
        metrics->family = family;
        metrics->samples = 0;
}

static void put_sample(struct openmetrics *metrics, const struct openmetrics_label *labels,
                       const char *number)
{
        const struct openmetrics_family *family = metrics->family;

        if (metrics->samples++ == 0) {
                put_about(metrics, "HELP", family->help);
                put_about(metrics, "TYPE",
                          family->type == OPENMETRICS_COUNTER ? "counter" : "gauge");
                if (family->unit && metrics->format == OPENMETRICS_1_0)
                        put_about(metrics, "UNIT", family->unit);
        }
        put_text(metrics, family->name);
        put_text(metrics, sample_suffix(family));
        put_labels(metrics, labels);
        put_text(metrics, " ");
        put_text(metrics, number);
        put_text(metrics, "\n");
}

void openmetrics_count(struct openmetrics *metrics, const struct openmetrics_label *labels,
                       uint64_t value)
{
        char number[UNITS_TEXT_MAX];

        snprintf(number, sizeof(number), "%" PRIu64, value);
        put_sample(metrics, labels, number);
}

void openmetrics_seconds(struct openmetrics *metrics, const struct openmetrics_label *labels,
                         uint64_t usec)
{
        char number[UNITS_TEXT_MAX];

        snprintf(number, sizeof(number), "%" PRIu64 ".%06" PRIu64, usec / USEC_PER_SEC,
                 usec % USEC_PER_SEC);
        put_sample(metrics, labels, number);
}

void openmetrics_real(struct openmetrics *metrics, const struct openmetrics_label *labels,
                      double value)
{
        const double millionths = round(fabs(value) * MILLION);
        const uint64_t whole = millionths < 0x1p63 ? (uint64_t)millionths : UINT64_C(1) << 63;
        char number[UNITS_TEXT_MAX];

        snprintf(number, sizeof(number), "%s%" PRIu64 ".%06" PRIu64,
                 value < 0 && whole > 0 ? "-" : "", whole / MILLION, whole % MILLION);
        put_sample(metrics, labels, number);
}

int openmetrics_end(struct openmetrics *metrics, char **ret_text)
{
        if (metrics->format == OPENMETRICS_1_0)
                put_text(metrics, "# EOF\n");
        put_bytes(metrics, "", 1);
        if (metrics->error < 0) {
                free(metrics->text);
                metrics->text = NULL;
                return metrics->error;
        }
        *ret_text = metrics->text;
        return 0;
}

const char *openmetrics_content_type(enum openmetrics_format format)
{
        return formats[format].content_type;
}

int openmetrics_format_parse(const char *name, enum openmetrics_format *ret_format)
{
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                if (strcmp(formats[i].name, name) != 0)
                        continue;
                *ret_format = (enum openmetrics_format)i;
                return 0;
        }
        return -EINVAL;
}
