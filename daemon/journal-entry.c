/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each field is one allocated string, "NAME=value"; MESSAGE is the first, for stderr to find. */

#include "journal-entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct journal_entry *journal_entry_free(struct journal_entry *entry)
{
        if (entry)
                for (int i = 0; i < entry->n_fields; i++)
                        free(entry->fields[i].iov_base);
        free(entry);
        return NULL;
}

static PRINTF_LIKE(2, 0) void add_field(struct journal_entry *entry, const char *format,
                                        va_list args)
{
        char *text;
        int len;

        if (entry->n_fields == JOURNAL_FIELDS_MAX) {
                entry->failed = true;
                return;
        }
        len = vasprintf(&text, format, args);
        if (len < 0) {
                entry->failed = true;
                return;
        }
        entry->fields[entry->n_fields++] =
                (struct iovec){ .iov_base = text, .iov_len = (size_t)len };
}

static PRINTF_LIKE(2, 3) void add_text(struct journal_entry *entry, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        add_field(entry, format, args);
        va_end(args);
}

void journal_entry_add(struct journal_entry *entry, const char *name, const char *format, ...)
{
        char *value;
        va_list args;

        if (!entry)
                return;
        va_start(args, format);
        if (vasprintf(&value, format, args) < 0)
                value = NULL;
        va_end(args);
        if (value)
                add_text(entry, "%s=%s", name, value);
        else
                entry->failed = true;
        free(value);
}

struct journal_entry *journal_entry_new(const char *message_id, int priority, const char *message)
{
        struct journal_entry *entry = calloc(1, sizeof(*entry));

        if (!entry)
                return NULL;
        add_text(entry, "MESSAGE=%s", message);
        if (entry->failed) {
                free(entry);
                return NULL;
        }
        entry->message = (char *)entry->fields[0].iov_base + strlen("MESSAGE=");
        entry->priority = priority;
        add_text(entry, "PRIORITY=%d", priority);
        add_text(entry, "SYSLOG_IDENTIFIER=twmond");
        if (message_id)
                add_text(entry, "MESSAGE_ID=%s", message_id);
        return entry;
}
