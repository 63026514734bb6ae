/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The error text grows in a memory stream, opened with the first error. A load that goes well never
 * allocates here.
 */

#include "conferror.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "utf8.h"

void conf_errors_done(struct conf_errors *errors)
{
        if (errors->stream)
                (void)fclose(errors->stream);
        free(errors->text);
        *errors = (struct conf_errors){ 0 };
}

/* Copies a name of any bytes as UTF-8 without controls. Returns the length, below size. */
static size_t copy_shown(char *buf, size_t size, const char *name)
{
        size_t left = strlen(name), n = 0;

        while (left > 0) {
                size_t len = utf8_len(name, left);
                bool good = len > 0 && !utf8_is_control(name);

                if (len == 0)
                        len = 1;
                if (n + len >= size)
                        break;
                if (good)
                        memcpy(buf + n, name, len);
                else
                        memset(buf + n, '?', len);
                n += len;
                name += len;
                left -= len;
        }
        buf[n] = '\0';
        return n;
}

const char *conf_place_text(const struct conf_place *place, char *buf, size_t size)
{
        const char *name = place->file ? place->file : "built-in";
        char line[16] = "";
        size_t room, n = 0;

        if (place->line > 0)
                (void)snprintf(line, sizeof(line), ":%u", place->line);
        room = size - strlen(line);
        if (strlen(name) >= room) {
                n = copy_shown(buf, room, "...");
                name += strlen(name) - (room - 1 - n);
                while ((*name & 0xc0) == 0x80) /* the rest of a sequence that was cut */
                        name++;
        }
        n += copy_shown(buf + n, room - n, name);
        memcpy(buf + n, line, strlen(line) + 1);
        return buf;
}

void conf_errors_add(struct conf_errors *errors, const struct conf_place *place, const char *format,
                     ...)
{
        const int error = errno; /* for a %m in format */
        char where[PATH_MAX + 32];
        va_list args;

        if (errors->failure < 0 || errors->n++ >= CONF_ERRORS_MAX)
                return;
        if (!errors->stream)
                errors->stream = open_memstream(&errors->text, &errors->len);
        if (!errors->stream) {
                errors->failure = -ENOMEM;
                return;
        }
        if (errors->n > 1)
                fputc('\n', errors->stream);
        fprintf(errors->stream, "%s: ", conf_place_text(place, where, sizeof(where)));
        errno = error;
        va_start(args, format);
        vfprintf(errors->stream, format, args);
        va_end(args);
}

int conf_errors_finish(struct conf_errors *errors, char **ret_text)
{
        int failed;

        if (errors->failure < 0)
                return errors->failure;
        if (errors->n == 0)
                return 0;
        if (errors->n > CONF_ERRORS_MAX)
                fprintf(errors->stream, "\nand %u more", errors->n - CONF_ERRORS_MAX);
        failed = ferror(errors->stream);
        if (fclose(TAKE_PTR(errors->stream)) != 0 || failed)
                return -ENOMEM;
        *ret_text = TAKE_PTR(errors->text);
        return CONF_BAD;
}
