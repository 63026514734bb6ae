/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text that Prometheus reads: families of samples -> OpenMetrics 1.0, or the older text format 0.0.4.
 * Knows nothing of what is measured. What is unknown is not added, and has no sample.
 */

#include <stddef.h>
#include <stdint.h>

#define OPENMETRICS_TEXT_MAX   (640 * 1024) /* bytes; as a JSON string it fits VARLINK_REPLY_MAX */
#define OPENMETRICS_LABELS_MAX 8            /* of one sample */

enum openmetrics_format {
        OPENMETRICS_1_0,
        OPENMETRICS_PROMETHEUS, /* text format 0.0.4 */
};

enum openmetrics_type { OPENMETRICS_GAUGE, OPENMETRICS_COUNTER };

struct openmetrics_family {
        const char *name; /* of a counter without "_total", which its samples end in */
        enum openmetrics_type type;
        const char *unit; /* NULL: none; otherwise the name ends in it */
        const char *help; /* a line, without quotes and backslashes */
};

/* A label without a value (NULL, or empty) is left out, which Prometheus takes for the same. */
struct openmetrics_label {
        const char *name; /* NULL: no further one */
        const char *value;
};

/* Zeroed but for the format, it is an empty text. */
struct openmetrics {
        enum openmetrics_format format;
        const struct openmetrics_family *family;
        char *text;
        size_t len;
        size_t size;
        uint64_t samples;
        int error; /* sticky; 0, -ENOMEM, -EMSGSIZE */
};

/* The samples that follow are of that family, borrowed; it is told with the first of them. */
void openmetrics_family(struct openmetrics *metrics, const struct openmetrics_family *family);

/*
 * One sample. labels end with one without a name; NULL: none. Values are text of others: what is no
 * UTF-8, and control characters, become '?'.
 */
void openmetrics_count(struct openmetrics *metrics, const struct openmetrics_label *labels,
                       uint64_t value);
/* The same of a duration or a moment, told in seconds. */
void openmetrics_seconds(struct openmetrics *metrics, const struct openmetrics_label *labels,
                         uint64_t usec);
/* The same of a number that is finite. */
void openmetrics_real(struct openmetrics *metrics, const struct openmetrics_label *labels,
                      double value);

/* Ends the text, which is the caller's. 0, or the error: then there is none, and nothing to free. */
int openmetrics_end(struct openmetrics *metrics, char **ret_text);

/* What HTTP calls the format. */
const char *openmetrics_content_type(enum openmetrics_format format);
/* "openmetrics", "prometheus". 0, or -EINVAL. */
int openmetrics_format_parse(const char *name, enum openmetrics_format *ret_format);
