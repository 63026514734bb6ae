/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The established connections of a port, alike in alerts and in GetPort. */

#include "units.h"
#include "wireput.h"

json_t *wire_half_open(const struct half_open *half_open)
{
        json_t *object = json_object();
        int r = 0;

        r |= put_int(object, "established", half_open->established);
        r |= put_int(object, "keepalive", half_open->keepalive);
        r |= put_int(object, "busy", half_open->busy);
        r |= put_int(object, "silent", half_open->silent);
        r |= put_int(object, "unanswered", half_open->unanswered);
        r |= put_int_if(object, half_open->silent + half_open->unanswered > 0, "oldestSilentSec",
                        half_open->oldest_usec / USEC_PER_SEC);
        r |= put_int_if(object, half_open->default_usec > 0, "keepaliveNoticesSec",
                        half_open->default_usec / USEC_PER_SEC);
        return finish(object, r);
}
