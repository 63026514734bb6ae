/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For the starter and its test alone. */

#include "starter.h"

/* Does what is due by ops->now_usec(), and arms the timer for what is next. The timer calls it. */
void starter_step(struct starter *starter);
