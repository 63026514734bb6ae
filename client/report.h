/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * twmonctl report: what is asked of twmond, and the sections of the page that is made of it. What the
 * other views say is said here in their words: their tables are laid out as HTML, and their lines
 * become paragraphs.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "html.h"
#include "table.h"
#include "view.h"

#define REPORT_PORTS_MAX        8  /* with a curve; no more may be asked for their owners at once */
#define REPORT_ROWS_MAX         20 /* ports of the table */
#define REPORT_ALERTS_MAX       32 /* the others are counted */
#define REPORT_EVENTS_MAX       100 /* the newest; the others are counted */
#define REPORT_DESTINATIONS_MAX 10
#define REPORT_POINTS           240 /* of a curve */
#define REPORT_SINCE_SEC        86400

/* A port with a curve. */
struct report_port {
        uint16_t number;
        json_t *history; /* of GetHistory; NULL: error says why */
        char *error;
        bool drawn[2]; /* its local side, its remote one: every curve stands once */
};

/* Parameters of replies. Where one may be NULL, the text beside it says why. */
struct report_facts {
        uint64_t made_usec, since_usec; /* from when on events are told and curves begin */
        json_t *status, *alerts, *ports;
        json_t *owners; /* ListPorts of the ports with a curve; NULL: there are none */
        json_t *events; /* may be NULL */
        char *events_error;
        json_t *destinations; /* may be NULL */
        char *destinations_error;
        struct report_port curves[REPORT_PORTS_MAX];
        size_t n_curves;
};

/* ---- report_gather.c ---- */

/* Asks for all of it. An exit status, 0 for success; facts are all zero before. */
int report_gather(const struct view *view, struct report_facts *facts);
void report_facts_done(struct report_facts *facts);
/* What was asked for and why some of it is missing, as --json has it. NULL: no memory. */
json_t *report_facts_json(const struct report_facts *facts);

/* ---- report_parts.c ---- */

struct report {
        const struct view *view; /* its term is that of the page: UTF-8, without colour or width */
        struct html *html;
        struct report_facts *facts;
        unsigned stages_told; /* a bit for each close_wait_stage that an alert explains */
        bool failed;          /* no memory */
};

/* About a port and side that was asked for, the host as a whole, or nothing else was asked for. */
bool report_wants(const struct report *report, const json_t *alert);

/* "unknown" where the member is no text. */
const char *report_text(const json_t *object, const char *name);

/* Ended by html_close(). */
void report_open_section(struct report *report, const char *title);

/* Local, with its zone; "unknown" where the member is no time. */
void report_time(struct report *report, uint64_t wall_usec);
void report_time_of(struct report *report, const json_t *object, const char *name);

/* An entry of a list dl: the label and a text. */
void report_entry(struct report *report, const char *label, const char *format, ...)
        PRINTF_LIKE(3, 4);
/* The same where something else than text follows: ended by two html_close(). */
void report_open_entry(struct report *report, const char *label);

/*
 * The table, whose notes stand below their rows. Frees it; NULL is no memory. class: "wide", whose rows
 * become blocks where the page is narrow, or "narrow".
 */
void report_table(struct report *report, const char *class, struct table *table);

/* Lines that another view draws: between these its term is to be used; then each is a paragraph. */
struct report_lines {
        struct view view; /* the report's, into memory */
        char *text;
        size_t len;
};
bool report_lines_begin(struct report *report, struct report_lines *lines);
void report_lines_end(struct report *report, struct report_lines *lines);

/* ---- sections ---- */

void report_head(struct report *report);    /* report_page.c */
void report_summary(struct report *report); /* report_page.c */
void report_foot(struct report *report);    /* report_page.c */
void report_alerts(struct report *report);  /* report_alerts.c */
void report_ports(struct report *report);   /* report_ports.c */
void report_limits(struct report *report);  /* report_limits.c */
void report_daemon(struct report *report);  /* report_daemon.c */
void report_events(struct report *report);  /* report_events.c */

/* The curve of that port and side, unless it stands already or there is none. report_curve.c */
void report_curve(struct report *report, const json_t *port);
