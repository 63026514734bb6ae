/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nothing in it comes from the host, so that nothing has to be escaped. */

#include "page.h"

#ifndef TWMON_VERSION
#define TWMON_VERSION "0"
#endif

const char page_html[] =
        "<!DOCTYPE html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>twmon-exporter</title>\n"
        "<style>:root{color-scheme:light dark}"
        "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
        "</style>\n"
        "</head>\n"
        "<body>\n"
        "<h1>twmon-exporter</h1>\n"
        "<p>Which program leaks or wedges TCP connections on this host, for Prometheus.</p>\n"
        "<p><a href=\"/metrics\">/metrics</a></p>\n"
        "<p>What they mean: <code>man twmonctl</code>, METRICS. This program:\n"
        "<code>man twmon-exporter</code>. Version " TWMON_VERSION ".</p>\n"
        "</body>\n"
        "</html>\n";
