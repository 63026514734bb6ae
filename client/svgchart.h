/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Numbers over time as an SVG inside a page: areas on one scale from 0 on, a strip below them that says
 * when alerts were raised, and local times. It is as wide as its place; letters and lines stay as they
 * are. What nobody knows is a grey gap. How it looks is the style sheet's: classes svg, series, mark-w,
 * mark-C, gap, grid, scale, time.
 */

#include <stddef.h>
#include <stdint.h>

#include "chart.h"
#include "html.h"

#define SVGCHART_COLUMNS_MAX 721
#define SVGCHART_SERIES_MAX  3

struct svgchart_series {
        const char *class;      /* besides "series" */
        const uint64_t *values; /* one for each column, or CHART_UNKNOWN */
};

/* All borrowed. */
struct svgchart {
        const char *label;                                  /* for those who cannot see it */
        size_t columns;                                     /* 1 to SVGCHART_COLUMNS_MAX */
        uint64_t start_sec, step_sec;                       /* as of struct chart */
        struct svgchart_series series[SVGCHART_SERIES_MAX]; /* the later ones in front */
        size_t n_series;
        const char *marks; /* for each column 'w', 'C' or ' '; NULL: no strip */
};

/* An element svg, into the element that is open. Keeps nothing of the chart. */
void svgchart_draw(struct html *html, const struct svgchart *chart);

/* The least of 1, 2, 4, 6, 8, 10, 20, 40, ... that is no less than max: where the scale ends. */
uint64_t svgchart_scale(uint64_t max);
