/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The detection benchmark: every scenario of the catalogue, watched by twmon's detector and by a
 * fixed threshold, and what each found, missed and cried wolf about.
 *
 *   bench-detect                   all of them; exit status 1: not good enough, 2: did not run
 *   bench-detect --list            the kinds
 *   bench-detect --only KIND       one kind
 *   bench-detect --trace KIND RUN  what is said in one run, and when
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define NOT_GOOD_ENOUGH 1
#define DID_NOT_RUN     2

static int usage(void)
{
        fprintf(stderr, "usage: bench-detect [--list | --only KIND | --trace KIND RUN]\n");
        return DID_NOT_RUN;
}

static int unknown(const char *name)
{
        fprintf(stderr, "bench-detect: no kind '%s' (see --list)\n", name);
        return DID_NOT_RUN;
}

static int failed(const struct kind *kind, unsigned run, int error)
{
        fprintf(stderr, "bench-detect: %s, run %u: %s\n", kind->name, run, strerror(-error));
        return DID_NOT_RUN;
}

static int list(void)
{
        for (size_t i = 0; i < n_kinds; i++)
                printf("%-28s %3u runs  %s\n", kinds[i].name, kinds[i].runs, kinds[i].what);
        return 0;
}

static int run_kind(const struct kind *kind, struct report *report)
{
        for (unsigned run = 0; run < kind->runs; run++) {
                struct result result;
                const int r = judge_run(kind, run, NULL, &result);

                if (r < 0)
                        return failed(kind, run, r);
                report_add(report, kind, &result);
        }
        return 0;
}

/* A catalogue that is too small proves nothing. */
static int check_size(void)
{
        const unsigned runs = kinds_runs(false);

        if (runs >= REPORT_SCENARIOS_MIN)
                return 0;
        fprintf(stderr, "bench-detect: %u scenarios, at least %d are wanted\n", runs,
                REPORT_SCENARIOS_MIN);
        return DID_NOT_RUN;
}

static int run_all(const struct kind *only)
{
        struct report *report = report_new();
        int r = check_size();

        for (size_t i = 0; i < n_kinds && r == 0; i++)
                if (!only || only == &kinds[i])
                        r = run_kind(&kinds[i], report);
        if (r == 0)
                report_print_kinds(report, stdout);
        if (r == 0 && !only && !report_print_verdict(report, stdout))
                r = NOT_GOOD_ENOUGH;
        report_free(report);
        return r;
}

static int trace(const struct kind *kind, unsigned run)
{
        struct result result;
        const int r = judge_run(kind, run, stdout, &result);

        if (r < 0)
                return failed(kind, run, r);
        printf("%" PRIu64 " scans, %" PRIu64 " sockets seen, %" PRIu64 " at most on one port\n",
               result.scans, result.records, result.most);
        return 0;
}

int main(int argc, char *argv[])
{
        const struct kind *kind = argc > 2 ? kind_find(argv[2]) : NULL;

        if (argc == 1)
                return run_all(NULL);
        if (argc == 2 && strcmp(argv[1], "--list") == 0)
                return list();
        if (argc > 2 && !kind)
                return unknown(argv[2]);
        if (argc == 3 && strcmp(argv[1], "--only") == 0)
                return run_all(kind);
        if (argc == 4 && strcmp(argv[1], "--trace") == 0)
                return trace(kind, (unsigned)strtoul(argv[3], NULL, 10));
        return usage();
}
