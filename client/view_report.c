/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl report: one page to attach to a ticket. It is whole in memory before the first byte of it is
 * written, so that what fails leaves an empty file and an exit status, not half a page; that a disk is
 * full is found when the output is written out, by main().
 */

#include <locale.h>
#include <string.h>

#include "report.h"

#define PAGE_LOCALE "C.UTF-8"

static int refuse_terminal(void)
{
        text_complain("the report is a page for a browser: twmonctl report > report.html");
        text_complain_lines("With --force it is written to the terminal.");
        return STATUS_USAGE;
}

static int check(const struct view *view)
{
        const struct cmdline *options = view->options;

        if (options->n_ports > REPORT_PORTS_MAX) {
                text_complain("report takes at most %d PORTs", REPORT_PORTS_MAX);
                return STATUS_USAGE;
        }
        return view->term.terminal && !options->json && !options->force ? refuse_terminal() : 0;
}

static void write_page(struct report *report)
{
        html_open(report->html, "html");
        html_attribute(report->html, "lang", "en");
        report_head(report);
        html_open(report->html, "body");
        report_summary(report);
        html_open(report->html, "main");
        report_alerts(report);
        report_ports(report);
        report_limits(report);
        report_daemon(report);
        report_events(report);
        html_close(report->html);
        report_foot(report);
        html_close(report->html);
        html_close(report->html);
}

/* The page is UTF-8 whatever the locale is, and what it says is not broken for a terminal. */
static int print_page(const struct view *view, struct report_facts *facts)
{
        CLEANUP(html_freep) struct html *html = html_new();
        struct view page = *view;
        struct report report = { .view = &page, .html = html, .facts = facts };
        char *text = NULL;
        size_t len = 0;

        if (!html)
                return view_no_memory();
        page.term = (struct term){ .utf8 = view->term.utf8 || setlocale(LC_CTYPE, PAGE_LOCALE) };
        write_page(&report);
        if (html_finish(html, &text, &len) < 0 || report.failed) {
                free(text);
                return view_no_memory();
        }
        fwrite(text, 1, len, view->term.out);
        free(text);
        return view_flush(view);
}

int view_report(struct view *view)
{
        CLEANUP(report_facts_done) struct report_facts facts = { 0 };
        json_t *replies;
        int r = check(view);

        if (r == 0)
                r = report_gather(view, &facts);
        if (r != 0)
                return r;
        if (!view->options->json)
                return print_page(view, &facts);
        replies = report_facts_json(&facts);
        r = replies ? view_print_json(view, replies) : view_no_memory();
        json_decref(replies);
        return r;
}
