/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A comment is a line of its own wherever it is shown, so a tab counts as a control character. */

#include "acknowledgement.h"

#include <errno.h>
#include <string.h>

#include "utf8.h"

/* Bytes of the character at text; *ret_good: it may stand in a comment. 0: not UTF-8. */
static size_t look_at(const char *text, size_t left, bool *ret_good)
{
        const size_t n = utf8_len(text, left);

        *ret_good = n > 0 && *text != '\t' && !utf8_is_control(text);
        return n;
}

bool acknowledgement_comment_is_good(const char *text)
{
        const size_t len = strlen(text);
        bool good = len < ACKNOWLEDGEMENT_COMMENT_MAX;

        for (size_t i = 0; good && i < len;)
                i += look_at(text + i, len - i, &good);
        return good;
}

int acknowledgement_set_comment(struct acknowledgement *acknowledgement, const char *text)
{
        const size_t len = strlen(text);
        char comment[ACKNOWLEDGEMENT_COMMENT_MAX], *to = comment;
        bool good;

        if (len >= sizeof(comment))
                return -ENAMETOOLONG;
        for (size_t i = 0, n; i < len; i += n) {
                n = look_at(text + i, len - i, &good);
                if (n == 0)
                        return -EINVAL;
                if (good)
                        to = mempcpy(to, text + i, n);
                else
                        *to++ = '?';
        }
        *to = '\0';
        strcpy(acknowledgement->comment, comment);
        return 0;
}
