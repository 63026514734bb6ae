/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A state file -> alerts and events -> the same again. Each input is opened as it is, and once more
 * with its header and checksum made right, so that the fuzzer gets past them. What is read is then
 * used as the daemon uses it: told, shown, judged on, ended by a restart of the host.
 */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base.h"
#include "conf.h"
#include "phrase.h"
#include "saved.h"
#include "statefile.h"
#include "wire.h"

#define INPUT_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read once is written and read without loss from then on. */
static void check_again(const struct saved *saved)
{
        struct recbuf first = saved_write(saved), second;
        struct recview view = recview_of(&first);
        struct saved again = saved_new();
        const char *wrong;

        saved_require(alertstate_read(&view, again.table, again.log, &wrong) == 0);
        saved_require(recview_left(&view) == 0);
        saved_require(alert_table_left_out(again.table) + eventlog_left_out(again.log) == 0);
        second = saved_write(&again);
        saved_require(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
        recbuf_done(&first);
        recbuf_done(&second);
        saved_free(&again);
}

static void show(const struct saved *saved, uint64_t now_usec)
{
        char text[PHRASE_MAX];

        for (size_t i = 0; i < eventlog_count(saved->log); i++) {
                const struct event *event = eventlog_get(saved->log, i);

                saved_require(strlen(phrase_event(event, text)) < PHRASE_MAX);
                json_decref(wire_event(event));
        }
        for (size_t i = 0; i < alert_table_count(saved->table); i++) {
                json_t *object = wire_alert(alert_table_get(saved->table, i), now_usec);

                saved_require(object != NULL);
                json_decref(object);
        }
}

/* Each event is newer than all that were told before. */
static void check_events(const struct saved *saved, const struct events *events)
{
        for (size_t i = 0; i < events->n; i++)
                saved_require(eventlog_add(saved->log, &events->items[i]) == 0);
}

/* Judged by scans that see nothing, at a time that may lie before what was saved. */
static void judge_on(const struct saved *saved, uint64_t now_usec)
{
        struct snapshot snapshot = { .complete = UINT32_MAX };
        struct events events = { 0 };
        struct conf *conf;

        saved_require(conf_new_default(&conf) == 0);
        for (int i = 0; i < 4; i++) {
                snapshot.generation++;
                snapshot.start_usec = now_usec + (uint64_t)i * 10000000;
                snapshot.result = i == 1 ? SCAN_FAILED : SCAN_COMPLETE;
                saved_require(detect_step(saved->table, conf->rules, &snapshot, snapshot.start_usec,
                                          UINT64_C(1700000000000000), &events) == 0);
                check_events(saved, &events);
        }
        check_again(saved);
        saved_require(detect_reboot(saved->table, now_usec, UINT64_C(1700000000000000), &events) ==
                      0);
        saved_require(alert_table_count(saved->table) == 0);
        check_events(saved, &events);
        show(saved, now_usec);
        events_done(&events);
        conf_unref(conf);
}

static void read_body(const struct recview *body)
{
        struct recview view = *body;
        struct saved saved = saved_new();
        const char *wrong = NULL;
        int r = alertstate_read(&view, saved.table, saved.log, &wrong);

        saved_require(r == 0 || (r == -EBADMSG && wrong && wrong[0]));
        if (r == 0) {
                check_again(&saved);
                show(&saved, 20000000);
                judge_on(&saved, 20000000);
        } else {
                saved_require(alert_table_count(saved.table) == 0 &&
                              eventlog_count(saved.log) == 0);
        }
        saved_free(&saved);
}

static void open_file(const uint8_t *data, size_t size)
{
        struct statefile_header header;
        struct recview body;

        if (statefile_open(data, size, STATEFILE_ALERTS, &header, &body) == 0)
                read_body(&body);
}

static void open_mended(const uint8_t *data, size_t size)
{
        const struct statefile_header header = { .version = STATEFILE_VERSION,
                                                 .kind = STATEFILE_ALERTS };
        struct recbuf body = { 0 }, file = { 0 };

        if (size < STATEFILE_EXTRA_BYTES)
                return;
        recbuf_put_bytes(&body, data + STATEFILE_HEADER_BYTES, size - STATEFILE_EXTRA_BYTES);
        saved_require(statefile_wrap(&header, &body, &file) == 0);
        open_file(file.data, file.len);
        recbuf_done(&body);
        recbuf_done(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > INPUT_MAX)
                return 0;
        open_file(data, size);
        open_mended(data, size);
        return 0;
}
