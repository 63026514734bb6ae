/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * struct acknowledgement: somebody has seen an alert and says so. It ends the reminders, nothing
 * else; it ends itself when the alert escalates or clears, for that is news.
 */

#include <stdbool.h>
#include <stdint.h>

#define ACKNOWLEDGEMENT_COMMENT_MAX 128 /* bytes, terminator included */

/* All zero: nobody has. */
struct acknowledgement {
        bool given;
        uint32_t uid; /* of whoever did */
        uint64_t wall_usec;
        char comment[ACKNOWLEDGEMENT_COMMENT_MAX]; /* printable UTF-8; empty: none */
};

/*
 * UTF-8, shorter than ACKNOWLEDGEMENT_COMMENT_MAX, without control characters (a tab is one): whoever
 * shows it relies on that.
 */
bool acknowledgement_comment_is_good(const char *text);

/*
 * The comment of somebody else: control characters become '?'. 0; -EINVAL: not UTF-8;
 * -ENAMETOOLONG; the comment is as it was then.
 */
int acknowledgement_set_comment(struct acknowledgement *acknowledgement, const char *text);
