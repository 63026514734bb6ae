/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Journal message ids, one per (kind, transition); systemd/twmon.catalog explains each. Made with
 * systemd-id128 new; never changed, never reused.
 */

#include "detect.h"

/* 32 lower-case hexadecimal digits. */
const char *msgid_alert(enum alert_kind kind, enum transition transition);

#define MSGID_ACKNOWLEDGED    "b4cbefa60c424db5a04f138bcfb5ce33"
#define MSGID_CONFIG_REJECTED "2a2d5ba5eb1b4ddfa97b6b8e5c3393cb"
#define MSGID_CONFIG_RELOADED "f74e403582b04b78a97d848dc31c6cc0"
#define MSGID_JOURNAL_LOST    "201a0be1d985418baf22b92e36301b7c"
#define MSGID_STARTED         "aa6e480e6fc242a193a1f3511f3e18e9"
#define MSGID_STOPPED         "4bdedaf368fa48878df47bf5c81d4fc5"
