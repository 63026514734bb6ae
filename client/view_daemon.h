/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What twmonctl status says about twmond itself. */

#include <jansson.h>

#include "view.h"

/*
 * Its version and process, when and at what cost it scanned last and when it does next, and which limits
 * were hit; what CPUBudget stretches; how its starting of units, its state and its configuration are,
 * where there is anything to say. status: GetStatus. 0 or -ENOMEM.
 */
int view_daemon_draw(const struct view *view, const json_t *status);
