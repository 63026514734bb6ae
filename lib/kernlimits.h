/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's limits and settings that the judgement needs, from /proc. */

#include <stdbool.h>
#include <stdint.h>

struct kernlimits {
        bool port_range_known;
        uint16_t port_first; /* net.ipv4.ip_local_port_range, both ends included */
        uint16_t port_last;
};

/* proc is where procfs is mounted ("/proc"). What cannot be read is left unknown. */
void kernlimits_read(const char *proc, struct kernlimits *ret_limits);

/* "32768\t60999\n" -> true and both ends; anything else: false. */
bool kernlimits_parse_range(const char *text, uint16_t *ret_first, uint16_t *ret_last);
