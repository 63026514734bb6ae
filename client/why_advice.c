/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a bind() that was tried says about the sockets in the way. sock_diag does not tell whether
 * they have SO_REUSEADDR set, so twmond's advice leaves it open; after a try it need not. A text is
 * replaced only where it is known for what it is, word by word.
 */

#include "why.h"

#include <errno.h>
#include <string.h>

#include "field.h"
#include "portlook.h"
#include "wire.h"

/* How many of what is in the way SO_REUSEADDR passes only if it is set there; *ret_no: never. */
static size_t count_if_set(const json_t *reply, size_t *ret_no)
{
        json_t *blockers = field_array(reply, "blockedBy"), *blocker;
        size_t i, n = 0;

        *ret_no = 0;
        json_array_foreach(blockers, i, blocker)
        {
                n += why_is(field_text(blocker, "reuseHelps"), "if-set");
                *ret_no += why_is(field_text(blocker, "reuseHelps"), "no");
        }
        return n;
}

enum why_reuse why_reuse_found(const json_t *reply, const struct trybinds *tries)
{
        const struct trybind_result *reuse = tries ? &tries->items[0].reuse : NULL;
        size_t never, n = count_if_set(reply, &never);

        if (!reuse || !reuse->tried || n == 0)
                return WHY_REUSE_OPEN;
        if (reuse->error == 0)
                return WHY_REUSE_PASSES;
        if (reuse->error != -EADDRINUSE || never > 0)
                return WHY_REUSE_OPEN;
        return n == 1 ? WHY_REUSE_FAILS : WHY_REUSE_FAILS_SOMEWHERE;
}

/* Connections alone are in the way: whoever listened before set the option, or did not. */
static bool is_left_over(const json_t *reply)
{
        json_t *blockers = field_array(reply, "blockedBy"), *blocker;
        size_t i;

        json_array_foreach(blockers, i, blocker)
        {
                const char *what = field_text(blocker, "what");

                if (!why_is(what, "time-wait") && !why_is(what, "fin-wait2") &&
                    !why_is(what, "connections"))
                        return false;
        }
        return true;
}

static json_t *refused_text(const json_t *reply)
{
        char buf[UNITS_TEXT_MAX];
        uint64_t sec;

        if (!is_left_over(reply))
                return json_string("Tried: SO_REUSEADDR on the server's socket does not help now, "
                                   "for what is in the way does not have it set. That must go "
                                   "first.");
        if (field_count(reply, "freeInSec", &sec) && sec > 0)
                return json_sprintf("The program that ran before did not set SO_REUSEADDR (tried): "
                                    "wait %s, and set it before bind() from now on, in every run.",
                                    field_show_age(reply, "freeInSec", NULL, buf));
        return json_string(
                "The program that ran before did not set SO_REUSEADDR (tried): what is in "
                "the way must go first. Set it before bind() from now on, in every run.");
}

/* NULL: no memory. */
static json_t *known_text(const json_t *reply, const struct trybinds *tries)
{
        switch (why_reuse_found(reply, tries)) {
        case WHY_REUSE_PASSES:
                return json_string("Set SO_REUSEADDR on the server's socket before bind(), in "
                                   "every run: tried, it works.");
        case WHY_REUSE_FAILS:
        case WHY_REUSE_FAILS_SOMEWHERE:
                return refused_text(reply);
        case WHY_REUSE_OPEN:
                break;
        }
        return json_string(portlook_set_reuseaddr);
}

/* What a try of the address that was asked about has settled. */
static bool is_settled(const char *text)
{
        return why_is(text, portlook_maybe_dual) || why_is(text, wire_address_unknown);
}

static void drop_settled(json_t *advice, const struct trybinds *tries)
{
        if (!tries || tries->n == 0 || !tries->items[0].plain.tried ||
            tries->items[0].plain.error == -EACCES)
                return;
        for (size_t i = json_array_size(advice); i > 0; i--)
                if (is_settled(json_string_value(json_array_get(advice, i - 1))))
                        (void)json_array_remove(advice, i - 1);
}

int why_advise(json_t *reply, const struct trybinds *tries)
{
        json_t *advice = field_array(reply, "advice");

        drop_settled(advice, tries);
        for (size_t i = 0; i < json_array_size(advice); i++) {
                if (!why_is(json_string_value(json_array_get(advice, i)), portlook_set_reuseaddr))
                        continue;
                if (json_array_size(field_array(reply, "blockedBy")) == 0)
                        return json_array_remove(advice, i) < 0 ? -ENOMEM : 0;
                return json_array_set_new(advice, i, known_text(reply, tries)) < 0 ? -ENOMEM : 0;
        }
        return 0;
}
