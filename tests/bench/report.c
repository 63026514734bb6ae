/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Four sums beside those of the kinds: all faults, those of one socket a minute, all healthy hosts,
 * and everything; two more for what is beyond the list, which counts in none of the four. A fault
 * that was not found counts as one found after any other, so that a median cannot look good by what
 * it leaves out.
 */

#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

enum total {
        TOTAL_FAULTS,
        TOTAL_MINUTE,
        TOTAL_HEALTHY,
        TOTAL_ALL,
        TOTAL_BEYOND_FAULTS,
        TOTAL_BEYOND_HEALTHY,
        TOTAL_COUNT,
};

struct report {
        struct sum *kinds; /* as in kinds[] */
        struct sum totals[TOTAL_COUNT];
};

static const char *const titles[WATCHER_COUNT] = {
        [WATCHER_TWMON] = "twmon: whatever it raises",
        [WATCHER_LEAK] = "close-wait-leak alone",
        [WATCHER_STUCK] = "close-wait-stuck alone",
        [WATCHER_THRESHOLD] = "a fixed threshold: 100 in CLOSE_WAIT on a port for 2 minutes",
};

struct report *report_new(void)
{
        struct report *report = bench_alloc(sizeof(*report));

        report->kinds = bench_alloc(n_kinds * sizeof(*report->kinds));
        return report;
}

static void sum_done(struct sum *sum)
{
        for (size_t w = 0; w < WATCHER_COUNT; w++)
                free(sum->watchers[w].delays_usec);
}

struct report *report_free(struct report *report)
{
        if (!report)
                return NULL;
        for (size_t i = 0; i < n_kinds; i++)
                sum_done(&report->kinds[i]);
        for (size_t i = 0; i < TOTAL_COUNT; i++)
                sum_done(&report->totals[i]);
        free(report->kinds);
        free(report);
        return NULL;
}

static void add_delay(struct sum_of *sum, const struct verdict *verdict)
{
        uint64_t *delays = realloc(sum->delays_usec, (sum->n_delays + 1) * sizeof(*delays));

        if (!delays) {
                fprintf(stderr, "no memory for the benchmark\n");
                exit(2);
        }
        sum->delays_usec = delays;
        delays[sum->n_delays++] = verdict->found ? verdict->delay_usec : REPORT_MISSED;
        sum->found += verdict->found;
}

static void add(struct sum *sum, const struct kind *kind, const struct result *result)
{
        sum->runs++;
        sum->watched_usec += result->watched_usec;
        for (size_t w = 0; w < WATCHER_COUNT; w++) {
                const struct verdict *verdict = &result->verdicts[w];
                struct sum_of *of = &sum->watchers[w];

                of->false_warnings += verdict->false_warnings;
                of->false_criticals += verdict->false_criticals;
                of->crying += verdict->false_warnings + verdict->false_criticals > 0;
                of->standing += verdict->standing;
                of->cleared += verdict->cleared;
                of->lapsed += verdict->lapsed;
                if (kind->leaks)
                        add_delay(of, verdict);
        }
}

void report_add(struct report *report, const struct kind *kind, const struct result *result)
{
        add(&report->kinds[kind - kinds], kind, result);
        if (kind->beyond) {
                add(&report->totals[kind->leaks ? TOTAL_BEYOND_FAULTS : TOTAL_BEYOND_HEALTHY], kind,
                    result);
                return;
        }
        add(&report->totals[kind->leaks ? TOTAL_FAULTS : TOTAL_HEALTHY], kind, result);
        if (kind->per_minute)
                add(&report->totals[TOTAL_MINUTE], kind, result);
        add(&report->totals[TOTAL_ALL], kind, result);
}

static int compare_delays(const void *a, const void *b)
{
        const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

uint64_t report_median(uint64_t *delays_usec, size_t n)
{
        qsort(delays_usec, n, sizeof(*delays_usec), compare_delays);
        return delays_usec[n / 2];
}

static uint64_t hours(uint64_t usec)
{
        return usec / USEC_PER_HOUR;
}

static const char *delay_text(uint64_t usec, char text[static UNITS_TEXT_MAX])
{
        return usec == REPORT_MISSED ? "missed" : units_format_age(usec, text);
}

static void print_found(const struct sum_of *sum, FILE *out)
{
        char median[UNITS_TEXT_MAX], worst[UNITS_TEXT_MAX];
        uint64_t middle_usec;

        if (sum->n_delays == 0) {
                fprintf(out, " %6s %6s %10s %10s", "-", "-", "-", "-");
                return;
        }
        middle_usec = report_median(sum->delays_usec, sum->n_delays);
        fprintf(out, " %6u %6u %10s %10s", sum->found, (unsigned)sum->n_delays - sum->found,
                delay_text(middle_usec, median),
                delay_text(sum->delays_usec[sum->n_delays - 1], worst));
}

static void print_row(const char *name, const struct sum *sum, enum watcher watcher, FILE *out)
{
        const struct sum_of *of = &sum->watchers[watcher];

        fprintf(out, "%-28s %5u %6" PRIu64, name, sum->runs, hours(sum->watched_usec));
        print_found(of, out);
        fprintf(out, " %6u %6u", of->false_warnings, of->false_criticals);
        if (of->n_delays > 0)
                fprintf(out, " %7u", of->lapsed);
        else
                fprintf(out, " %7s", "-");
        if (of->standing > 0)
                fprintf(out, " %4u/%u", of->cleared, of->standing);
        fputc('\n', out);
}

static void print_head(const char *title, FILE *out)
{
        fprintf(out,
                "\n%s\n\n%-28s %5s %6s %6s %6s %10s %10s %6s %6s %7s %s\n%-28s %5s %6s %6s %6s %10s "
                "%10s %6s %6s %7s %s\n",
                title, "", "", "", "", "", "time to", "detection", "false", "false", "cleared",
                " cleared", "kind", "runs", "hours", "found", "missed", "median", "worst", "warn",
                "crit", "early", "at end");
}

static void print_group(const struct report *report, enum watcher watcher, bool beyond, FILE *out)
{
        bool any = false;

        for (size_t i = 0; i < n_kinds; i++) {
                if (report->kinds[i].runs == 0 || kinds[i].beyond != beyond)
                        continue;
                if (beyond && !any)
                        fprintf(out, "beyond the list:\n");
                print_row(kinds[i].name, &report->kinds[i], watcher, out);
                any = true;
        }
}

static void print_table(const struct report *report, enum watcher watcher, FILE *out)
{
        print_head(titles[watcher], out);
        print_group(report, watcher, false, out);
        print_group(report, watcher, true, out);
}

static void print_totals(const struct report *report, FILE *out)
{
        static const char *const names[] = { [TOTAL_FAULTS] = "all faults",
                                             [TOTAL_MINUTE] = "leaks of one a minute",
                                             [TOTAL_HEALTHY] = "all healthy hosts",
                                             [TOTAL_ALL] = "everything",
                                             [TOTAL_BEYOND_FAULTS] = "beyond: faults",
                                             [TOTAL_BEYOND_HEALTHY] = "beyond: healthy hosts" };

        for (enum watcher watcher = 0; watcher < WATCHER_COUNT; watcher++) {
                print_head(titles[watcher], out);
                for (enum total total = 0; total < TOTAL_COUNT; total++)
                        if (report->totals[total].runs > 0)
                                print_row(names[total], &report->totals[total], watcher, out);
        }
}

static bool print_claim(bool holds, FILE *out)
{
        fprintf(out, "%s  ", holds ? "PASS" : "FAIL");
        return holds;
}

static bool judge_missed(const struct report *report, FILE *out)
{
        const struct sum *sum = &report->totals[TOTAL_FAULTS];
        const struct sum_of *ours = &sum->watchers[WATCHER_TWMON],
                            *theirs = &sum->watchers[WATCHER_THRESHOLD];
        const bool holds = print_claim(sum->runs > 0 && ours->found == sum->runs, out);

        fprintf(out, "missed faults: %u of %u (wanted: 0; fixed threshold: %u)\n",
                sum->runs - ours->found, sum->runs, sum->runs - theirs->found);
        return holds;
}

static bool judge_median(const struct report *report, FILE *out)
{
        const struct sum *sum = &report->totals[TOTAL_MINUTE];
        const struct sum_of *ours = &sum->watchers[WATCHER_TWMON],
                            *theirs = &sum->watchers[WATCHER_THRESHOLD];
        char wanted[UNITS_TEXT_MAX], text[UNITS_TEXT_MAX], other[UNITS_TEXT_MAX];
        uint64_t median_usec;
        bool holds;

        if (sum->runs == 0) {
                print_claim(false, out);
                fprintf(out, "leaks of one a minute: none was run\n");
                return false;
        }
        median_usec = report_median(ours->delays_usec, ours->n_delays);
        holds = print_claim(median_usec <= REPORT_MINUTE_MEDIAN_USEC, out);
        fprintf(out,
                "one socket a minute, median time to detection: %s (wanted: <= %s; fixed "
                "threshold: %s)\n",
                delay_text(median_usec, text), units_format_age(REPORT_MINUTE_MEDIAN_USEC, wanted),
                delay_text(report_median(theirs->delays_usec, theirs->n_delays), other));
        return holds;
}

static double per_1000_hours(unsigned count, const struct sum *sum)
{
        return sum->watched_usec == 0 ? 0 : 1000.0 * count / (double)hours(sum->watched_usec);
}

static bool judge_criticals(const struct report *report, FILE *out)
{
        const struct sum *sum = &report->totals[TOTAL_HEALTHY];
        const struct sum_of *ours = &sum->watchers[WATCHER_TWMON];
        const bool holds = print_claim(sum->runs > 0 && ours->false_criticals == 0, out);

        fprintf(out,
                "false criticals: %u, %.2f per 1,000 healthy host-hours (wanted: 0; the fixed "
                "threshold has no levels)\n",
                ours->false_criticals, per_1000_hours(ours->false_criticals, sum));
        return holds;
}

static bool judge_warnings(const struct report *report, FILE *out)
{
        const struct sum *sum = &report->totals[TOTAL_HEALTHY];
        const struct sum_of *ours = &sum->watchers[WATCHER_TWMON],
                            *theirs = &sum->watchers[WATCHER_THRESHOLD];
        const bool holds = print_claim(sum->runs > 0 && (uint64_t)ours->false_warnings * 1000 <=
                                                                REPORT_WARNINGS_PER_1000H *
                                                                        hours(sum->watched_usec),
                                       out);

        fprintf(out,
                "false warnings: %u, %.2f per 1,000 healthy host-hours (wanted: <= %d; fixed "
                "threshold: %u, %.2f)\n",
                ours->false_warnings, per_1000_hours(ours->false_warnings, sum),
                REPORT_WARNINGS_PER_1000H, theirs->false_warnings,
                per_1000_hours(theirs->false_warnings, sum));
        return holds;
}

/* Told in the same words, but nothing is wanted. */
static void print_beyond(const struct report *report, FILE *out)
{
        const struct sum *faults = &report->totals[TOTAL_BEYOND_FAULTS],
                         *healthy = &report->totals[TOTAL_BEYOND_HEALTHY];
        const struct sum_of *ours = &healthy->watchers[WATCHER_TWMON],
                            *theirs = &healthy->watchers[WATCHER_THRESHOLD];
        char text[UNITS_TEXT_MAX], other[UNITS_TEXT_MAX];

        if (faults->runs == 0 || healthy->runs == 0)
                return;
        fprintf(out,
                "\nBeyond the list: %u scenarios, %" PRIu64 " host-hours, %" PRIu64 " of them "
                "healthy. They count in nothing above.\n\n",
                faults->runs + healthy->runs, hours(faults->watched_usec + healthy->watched_usec),
                hours(healthy->watched_usec));
        fprintf(out, "missed faults: %u of %u (fixed threshold: %u)\n",
                faults->runs - faults->watchers[WATCHER_TWMON].found, faults->runs,
                faults->runs - faults->watchers[WATCHER_THRESHOLD].found);
        fprintf(out, "median time to detection: %s (fixed threshold: %s)\n",
                delay_text(report_median(faults->watchers[WATCHER_TWMON].delays_usec, faults->runs),
                           text),
                delay_text(report_median(faults->watchers[WATCHER_THRESHOLD].delays_usec,
                                         faults->runs),
                           other));
        fprintf(out,
                "false criticals: %u, %.2f per 1,000 healthy host-hours (the fixed threshold has "
                "no levels)\n",
                ours->false_criticals, per_1000_hours(ours->false_criticals, healthy));
        fprintf(out,
                "false warnings: %u, %.2f per 1,000 healthy host-hours (fixed threshold: %u, "
                "%.2f)\n",
                ours->false_warnings, per_1000_hours(ours->false_warnings, healthy),
                theirs->false_warnings, per_1000_hours(theirs->false_warnings, healthy));
        fprintf(out, "healthy hosts with any of these: %u of %u (fixed threshold: %u)\n",
                ours->crying, healthy->runs, theirs->crying);
}

void report_print_kinds(const struct report *report, FILE *out)
{
        for (enum watcher watcher = 0; watcher < WATCHER_COUNT; watcher++)
                print_table(report, watcher, out);
}

bool report_print_verdict(const struct report *report, FILE *out)
{
        const struct sum *all = &report->totals[TOTAL_ALL],
                         *healthy = &report->totals[TOTAL_HEALTHY];
        bool holds;

        fprintf(out, "\n---- totals ----\n");
        print_totals(report, out);
        fprintf(out,
                "\n%u scenarios, %" PRIu64 " host-hours, %" PRIu64 " of them healthy. A false "
                "alarm on a host with a fault is one on\nanother port, before the fault or more "
                "than 5 minutes after it; it does not count below.\n\n",
                all->runs, hours(all->watched_usec), hours(healthy->watched_usec));
        holds = judge_missed(report, out);
        holds &= judge_median(report, out);
        holds &= judge_criticals(report, out);
        holds &= judge_warnings(report, out);
        print_beyond(report, out);
        return holds;
}
