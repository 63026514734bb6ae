/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What stands around the sections: head, style sheet, the answer in one line, and where, when and by
 * what the page was made. The page may load and run nothing; a policy in its head says so as well, for
 * whatever opens it.
 */

#include <string.h>
#include <sys/utsname.h>

#include "field.h"
#include "report.h"

#ifndef TWMON_VERSION
#define TWMON_VERSION "0"
#endif

/*
 * Two sets of colours by what the reader prefers; paper takes the light one. Below 46em a row of a table
 * becomes a block, each cell with its column's name before it.
 */
static const char style[] =
        "\n:root { color-scheme: light dark; --page: #fff; --text: #1c2330; --faint: #5d6675;"
        " --card: #f5f7fa; --line: #d5dbe3; --good: #1a7f37; --warning: #8f5a00; --critical: #b3261e;"
        " --close-wait: #a9c4ea; --stuck: #2b5ca8; --time-wait: #6fa287; --mark-w: #e0a021;"
        " --mark-c: #b3261e; --gap: #dde2e9; --on-badge: #fff }\n"
        "@media screen and (prefers-color-scheme: dark) { :root { --page: #14181f; --text: #e3e7ee;"
        " --faint: #9aa4b3; --card: #1d232d; --line: #363f4d; --good: #5fc27e; --warning: #e2ad4f;"
        " --critical: #ff8a80; --close-wait: #3a5f96; --stuck: #8ab8f5; --time-wait: #4f8a6c;"
        " --mark-w: #d49a2a; --mark-c: #ff6b60; --gap: #39424f; --on-badge: #14181f } }\n"
        "* { box-sizing: border-box }\n"
        "body { margin: 0 auto; padding: 1.5rem; max-width: 64rem; background: var(--page);"
        " color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }\n"
        "h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem }\n"
        "h2 { font-size: 1.25rem; margin: 2rem 0 .75rem; padding-bottom: .25rem;"
        " border-bottom: 1px solid var(--line) }\n"
        "h3 { font-size: 1.05rem; margin: 1.25rem 0 .5rem }\n"
        "p { margin: .5rem 0 }\n"
        ".verdict { padding: .75rem 1rem; border-left: .4rem solid var(--faint);"
        " background: var(--card); font-size: 1.1rem }\n"
        ".verdict.ok { border-color: var(--good) }\n"
        ".verdict.warning { border-color: var(--mark-w) }\n"
        ".verdict.critical { border-color: var(--mark-c) }\n"
        ".faint { color: var(--faint); font-size: .875rem }\n"
        ".good { color: var(--good) } .warning { color: var(--warning) }"
        " .critical { color: var(--critical) }\n"
        ".verdict.warning, .verdict.critical { color: inherit }\n"
        ".badge { display: inline-block; padding: 0 .5em; border-radius: .25em; font-size: .8125rem;"
        " font-weight: 600; line-height: 1.5; color: var(--on-badge); background: var(--faint) }\n"
        ".badge.good { background: var(--good) } .badge.warning { background: var(--warning) }"
        " .badge.critical { background: var(--critical) }\n"
        ".badge.good, .badge.warning, .badge.critical { color: var(--on-badge) }\n"
        ".alert { margin: 1rem 0; padding: .25rem 1rem 1rem; border: 1px solid var(--line);"
        " border-radius: .5rem; background: var(--card) }\n"
        ".alert h3 { margin-top: .75rem } .alert figure { margin-bottom: .25rem }\n"
        "dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));"
        " gap: .5rem 1.5rem; margin: .75rem 0 }\n"
        "dt { color: var(--faint); font-size: .8125rem } dd { margin: 0 }\n"
        "ul { margin: .5rem 0; padding-left: 1.25rem }\n"
        "ul.legend, ul.events { padding: 0; list-style: none }\n"
        "ul.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .875rem;"
        " margin: .25rem 0 0 3.25rem }\n"
        "ul.events li { padding: .4rem 0; border-bottom: 1px solid var(--line) }\n"
        ".event time { color: var(--faint); font-size: .875rem; white-space: nowrap }\n"
        "table { border-collapse: collapse; margin: .75rem 0; font-variant-numeric: tabular-nums }\n"
        "table.wide { width: 100% }\n"
        "th, td { padding: .3rem 1rem .3rem 0; text-align: left; vertical-align: top }\n"
        "th { color: var(--faint); font-size: .8125rem; border-bottom: 1px solid var(--line) }\n"
        "th, .whole { overflow-wrap: normal; white-space: nowrap } th.number, td.number { text-align: right } th:last-child, td:last-child"
        " { padding-right: 0 }\n"
        "tbody tr:not(.notes) td { border-top: 1px solid var(--line) }\n"
        ".notes p { margin: 0 0 .15rem 1rem; color: var(--faint); font-size: .875rem }\n"
        "figure { margin: 1rem 0 1.5rem } figcaption { font-size: .875rem; color: var(--faint) }\n"
        "figcaption strong { color: var(--text); font-size: 1rem }\n"
        ".chart { padding: .75rem 1.5rem 1.75rem 3.25rem }\n"
        ".plot { display: block; overflow: visible }\n"
        ".plot text { fill: var(--faint); font-size: 12px }\n"
        ".plot .scale { text-anchor: end } .plot .time { text-anchor: middle }\n"
        ".plot line { stroke: var(--line); stroke-width: 1 }\n"
        ".plot .tick { stroke-dasharray: 2 3 }\n"
        ".plot rect, .plot path { shape-rendering: crispEdges }\n"
        ".close-wait { fill: var(--close-wait); background: var(--close-wait) }\n"
        ".stuck { fill: var(--stuck); background: var(--stuck) }\n"
        ".time-wait { fill: var(--time-wait); background: var(--time-wait) }\n"
        ".mark-w { fill: var(--mark-w); background: var(--mark-w) }\n"
        ".mark-C { fill: var(--mark-c); background: var(--mark-c) }\n"
        ".gap { fill: var(--gap); background: var(--gap) }\n"
        ".swatch { display: inline-block; width: .8em; height: .8em; margin-right: .4em;"
        " border-radius: .15em }\n"
        "footer { margin-top: 2rem; padding-top: .75rem; border-top: 1px solid var(--line);"
        " color: var(--faint); font-size: .875rem }\n"
        "@media screen and (max-width: 46em) {\n"
        "body { padding: 1rem } .alert { padding: .25rem .75rem .75rem }\n"
        "dl { grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .5rem 1rem }\n"
        ".narrow th, .narrow td { padding-right: .5rem; font-size: .8125rem }\n"
        ".wide thead { display: none } .wide, .wide tbody, .wide tr, .wide td { display: block }\n"
        ".wide tr:not(.notes) td { display: flex; justify-content: space-between; gap: 1rem;"
        " padding: .1rem 0; border: 0; text-align: right }\n"
        ".wide tr:not(.notes) td:first-child { font-weight: 600; margin-top: .5rem;"
        " padding-top: .5rem; border-top: 1px solid var(--line) }\n"
        ".wide td[data-label]::before { content: attr(data-label); color: var(--faint); text-align: left;"
        " flex: none; font-weight: 400; font-size: .8125rem }\n"
        ".notes p { margin-left: 0 } .chart { padding-right: 1rem; padding-left: 2.75rem }\n"
        "ul.legend { margin-left: 0 } }\n"
        "@media screen and (max-width: 22em) { .narrow th { white-space: normal;"
        " overflow-wrap: anywhere } }\n"
        "@media print {\n"
        "body { padding: 0; max-width: none; font-size: 10pt }\n"
        "figure, tr, p, li, .entry { break-inside: avoid } h2, h3, .faint { break-after: avoid }\n"
        "dl { grid-template-columns: repeat(3, 1fr) } .plot { height: 110px }\n"
        ".alert { box-decoration-break: clone; -webkit-box-decoration-break: clone }\n"
        ".badge, .plot, .swatch, .verdict { print-color-adjust: exact;"
        " -webkit-print-color-adjust: exact } }\n";

static const char *host_name(const struct utsname *name)
{
        return name->nodename[0] ? name->nodename : "an unknown host";
}

static void write_meta(struct html *html, const char *kind, const char *name, const char *content)
{
        html_open(html, "meta");
        html_attribute(html, kind, "%s", name);
        html_attribute(html, "content", "%s", content);
        html_close(html);
}

void report_head(struct report *report)
{
        struct html *html = report->html;
        struct utsname name = { 0 };

        (void)uname(&name);
        html_open(html, "head");
        html_open(html, "meta");
        html_attribute(html, "charset", "utf-8");
        html_close(html);
        write_meta(html, "http-equiv", "Content-Security-Policy",
                   "default-src 'none'; style-src 'unsafe-inline'");
        write_meta(html, "name", "viewport", "width=device-width, initial-scale=1");
        write_meta(html, "name", "color-scheme", "light dark");
        html_element(html, "title", NULL, "twmon report: %s", host_name(&name));
        html_style(html, style);
        html_close(html);
}

/* Of the whole host also where ports were asked for, and then it says so. */
static void write_verdict(struct report *report)
{
        static const char *const known[] = { "ok", "warning", "critical" };
        const char *verdict = field_text(report->facts->status, "verdict");
        const char *summary = field_text(report->facts->status, "summary"), *class = "unknown";

        for (size_t i = 0; verdict && i < ARRAY_SIZE(known); i++)
                if (strcmp(verdict, known[i]) == 0)
                        class = known[i];
        html_open(report->html, "p");
        html_attribute(report->html, "class", "verdict %s", class);
        html_text(report->html, "%s%s",
                  report->view->options->n_ports > 0 ? "The host as a whole: " : "",
                  summary ? summary : "twmond did not say how it is.");
        html_close(report->html);
}

static void write_made(struct report *report)
{
        report_open_entry(report, "Made");
        report_time(report, report->facts->made_usec);
        html_close(report->html);
        html_close(report->html);
        report_open_entry(report, "Curves and events since");
        report_time(report, report->facts->since_usec);
        html_close(report->html);
        html_close(report->html);
}

void report_summary(struct report *report)
{
        struct utsname name = { 0 };

        (void)uname(&name);
        html_open(report->html, "header");
        html_element(report->html, "h1", NULL, "TCP connections of %s", host_name(&name));
        write_verdict(report);
        html_open(report->html, "dl");
        write_made(report);
        report_entry(report, "Kernel", "%s %s %s", name.sysname, name.release, name.machine);
        report_entry(report, "twmond", "%s", report_text(report->facts->status, "version"));
        report_entry(report, "twmonctl", "%s", TWMON_VERSION);
        html_close(report->html);
        html_close(report->html);
}

void report_foot(struct report *report)
{
        html_element(
                report->html, "footer", NULL,
                "Made by twmonctl report; ages are as of then. \"-\" is unknown, which is never zero; "
                "\">=\" is a lower bound, \"~\" an estimate. What each number and each kind of "
                "alert means stands in twmonctl(1) and twmond(8).");
}
