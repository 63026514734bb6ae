/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A comment is a line of its own wherever it is shown, so a tab counts as a control character. */

#include "acknowledgement.h"

#include <errno.h>
#include <string.h>

#include "utf8.h"

int acknowledgement_set_comment(struct acknowledgement *acknowledgement, const char *text)
{
        const size_t len = strlen(text);
        char comment[ACKNOWLEDGEMENT_COMMENT_MAX], *to = comment;

        if (len >= sizeof(comment))
                return -ENAMETOOLONG;
        for (size_t i = 0, n; i < len; i += n) {
                n = utf8_len(text + i, len - i);
                if (n == 0)
                        return -EINVAL;
                if (text[i] == '\t' || utf8_is_control(text + i))
                        *to++ = '?';
                else
                        to = mempcpy(to, text + i, n);
        }
        *to = '\0';
        strcpy(acknowledgement->comment, comment);
        return 0;
}
