/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The clocks, in microseconds. Only daemon/ reads them; everything below is given the time. */

#include <stdint.h>

uint64_t clock_now_usec(void);        /* CLOCK_MONOTONIC */
uint64_t clock_wall_usec(void);       /* since 1970 */
uint64_t clock_thread_cpu_usec(void); /* of the calling thread */
