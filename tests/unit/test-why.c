/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* why, trybind: what is said of a port, and how what bind() said is put into a reply. */

#include "why.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "portlook.h"
#include "wire.h"

static json_t *load(const char *text)
{
        json_t *value = json_loads(text, 0, NULL);

        if (!value)
                fail_msg("no JSON: %s", text);
        return value;
}

/* The first lines about that reply, as it would be printed where there is no terminal. */
static char *verdict(const json_t *reply, const struct trybinds *tries, const char *address)
{
        struct term term = { 0 };
        struct why why = { .term = &term,
                           .reply = reply,
                           .port = 80,
                           .address = address,
                           .tries = tries,
                           .asked = true };
        char *text = NULL;
        size_t len;

        term.out = open_memstream(&text, &len);
        assert_non_null(term.out);
        assert_int_equal(why_print_verdict(&why), 0);
        fclose(term.out);
        return text;
}

static void assert_verdict(const char *reply, const char *expected)
{
        json_t *value = load(reply);
        char *text = verdict(value, NULL, "");

        assert_string_equal(text, expected);
        free(text);
        json_decref(value);
}

#define OWNER "\"owner\":{\"processes\":[{\"pid\":7,\"comm\":\"x\"}],\"uid\":33}"
#define TIME_WAIT(n)                                                                               \
        "{\"what\":\"time-wait\",\"address\":\"::1\",\"state\":\"TIME-WAIT\",\"count\":" #n        \
        ",\"freeInSec\":9,\"reuseHelps\":\"if-set\"}"
#define HELD(what, state, help)                                                                    \
        "{\"what\":\"" what "\",\"address\":\"1.2.3.4\",\"state\":\"" state                        \
        "\",\"count\":2,\"reuseHelps\":\"" help "\"," OWNER "}"
#define NO "{\"canBind\":false,\"blockedBy\":["

static void test_works(void **state)
{
        (void)state;
        assert_verdict("{\"canBind\":true,\"canBindReuse\":true}",
                       "80: bind() works: nothing holds the port\n");
        assert_verdict("{\"canBind\":true,\"canBindReuse\":true,\"privileged\":true}",
                       "80: bind() works: nothing holds the port; whoever binds it needs "
                       "CAP_NET_BIND_SERVICE\n");
}

#define DUAL(can, held)                                                                            \
        "\"binds\":[{\"family\":\"dual\",\"canBind\":" can ",\"blockedBy\":[" held "]}]"

/* A service on ::1 alone is in the way of :: and not of 0.0.0.0, which the first answer is about. */
static void test_works_elsewhere(void **state)
{
        (void)state;
        assert_verdict("{\"canBind\":true,\"canBindReuse\":true," DUAL("false", TIME_WAIT(1)) "}",
                       "80: bind() to 0.0.0.0 works: nothing holds it there; to :: it fails: 1 "
                       "connection in TIME_WAIT holds it\n");
        assert_verdict("{\"canBind\":true,\"canBindReuse\":true," DUAL("null", TIME_WAIT(1)) "}",
                       "80: bind() works: nothing holds the port\n");
}

static void test_causes(void **state)
{
        (void)state;
        assert_verdict(NO TIME_WAIT(1) "," TIME_WAIT(3) "],\"freeInSec\":58}",
                       "80: bind() fails: 4 connections in TIME_WAIT hold it, free in 58s\n"
                       "  with SO_REUSEADDR: works if the old listener had it set, too; else free "
                       "in 58s (twmonctl why 80 --try settles it)\n");
        assert_verdict(NO TIME_WAIT(1) "," HELD("connections", "CLOSE-WAIT", "if-set") "]}",
                       "80: bind() fails: 2 connections in CLOSE_WAIT of x (pid 7) hold it; 1 "
                       "connection in TIME_WAIT holds it\n"
                       "  with SO_REUSEADDR: works if the old listener had it set, too; else only "
                       "when what holds it is gone (twmonctl why 80 --try settles it)\n");
        assert_verdict(
                NO TIME_WAIT(1) "," HELD("listener", "LISTEN", "no") "],\"canBindReuse\":false}",
                "80: bind() fails: x (pid 7) listens on 1.2.3.4\n"
                "  with SO_REUSEADDR: fails, too\n");
        assert_verdict(NO HELD("bound", "CLOSE", "if-set") "]}",
                       "80: bind() fails: x (pid 7) has bound 1.2.3.4 and does not listen\n"
                       "  with SO_REUSEADDR: works if whoever has bound it has it set, too; else "
                       "only when what holds it is gone (twmonctl why 80 --try settles it)\n");
        assert_verdict(NO HELD("client", "ESTAB", "no") "],\"canBindReuse\":false}",
                       "80: bind() fails: 2 outgoing connections in ESTABLISHED of x (pid 7) have "
                       "it as their own port\n"
                       "  with SO_REUSEADDR: fails, too\n");
        assert_verdict(NO "{\"what\":\"address\",\"address\":\"9.9.9.9\",\"count\":0,"
                          "\"reuseHelps\":\"no\"}],\"canBindReuse\":false}",
                       "80: bind() fails: 9.9.9.9 is no address of this host\n"
                       "  with SO_REUSEADDR: fails, too\n");
        assert_verdict(NO "{\"what\":\"newer\"}],\"canBindReuse\":true}",
                       "80: bind() fails: newer holds it\n"
                       "  with SO_REUSEADDR: works\n");
}

#define OLDER "\"blockedBy\":[],\"partial\":false"

/* A kernel that does not list sockets that are only bound: works, as far as can be seen. */
static void test_unless_bound(void **state)
{
        const char *texts[] = { "", "0.0.0.0" };
        json_t *reply = load("{" OLDER "}");
        char *text;

        (void)state;
        assert_verdict("{" OLDER "}",
                       "80: bind() works, unless a socket is bound to it without listening, which "
                       "this kernel does not show (twmonctl why 80 --try settles it)\n");
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                text = verdict(reply, NULL, texts[i]);
                assert_non_null(strstr(text, "bind() works, unless"));
                free(text);
        }
        /* whether the host has the address may be unknown as well */
        text = verdict(reply, NULL, "10.0.0.9");
        assert_string_equal(text,
                            "10.0.0.9:80: unknown whether bind() works: nothing was seen that "
                            "holds the port, but this kernel does not show sockets that are bound "
                            "without listening\n"
                            "  with SO_REUSEADDR: unknown (twmonctl why 80 10.0.0.9 --try settles "
                            "it)\n");
        free(text);
        json_decref(reply);
        assert_verdict(NO TIME_WAIT(1) "]}",
                       "80: bind() fails: 1 connection in TIME_WAIT holds it, gone in 9s\n"
                       "  with SO_REUSEADDR: works if the old listener had it set, too; else only "
                       "when what holds it is gone (twmonctl why 80 --try settles it)\n");
        /* nothing is missing in this one, so something else is unknown */
        assert_verdict("{" OLDER ",\"bound\":0}",
                       "80: unknown whether bind() works: twmond did not say\n"
                       "  with SO_REUSEADDR: unknown (twmonctl why 80 --try settles it)\n");
}

static void test_address(void **state)
{
        json_t *reply = load("{\"canBind\":true,\"canBindReuse\":true}");
        char *text;

        (void)state;
        text = verdict(reply, NULL, "::1");
        assert_string_equal(text, "[::1]:80: bind() works: nothing holds the port\n");
        free(text);
        text = verdict(reply, NULL, "10.0.0.9");
        assert_string_equal(text, "10.0.0.9:80: bind() works: nothing holds the port\n");
        free(text);
        json_decref(reply);
}

/* What bind() would have said. */
static struct trybinds make_tries(int plain, int reuse)
{
        return (struct trybinds){
                .n = 1,
                .items = { { .address = "0.0.0.0",
                             .family = "ipv4",
                             .plain = { .tried = true, .error = plain },
                             .reuse = { .tried = true, .error = reuse } } },
        };
}

static void assert_merged(const char *reply, struct trybinds tries, const char *expected)
{
        json_t *value = load(reply), *wanted = load(expected);

        assert_int_equal(trybind_merge(&tries, value), 0);
        if (!json_equal(value, wanted))
                fail_msg("got %s, wanted %s", json_dumps(value, JSON_SORT_KEYS), expected);
        json_decref(value);
        json_decref(wanted);
}

#define BIND "\"address\":\"0.0.0.0\",\"family\":\"ipv4\","

static void test_merge(void **state)
{
        (void)state;
        /* settled, and the rest stays */
        assert_merged(
                "{\"port\":80,\"canBind\":null,\"freeInSec\":9,\"blockedBy\":[1],\"binds\":[{" BIND
                "\"freeInSec\":9},{\"address\":\"::\",\"family\":\"dual\"}]}",
                make_tries(-EADDRINUSE, 0),
                "{\"port\":80,\"canBind\":false,\"canBindReuse\":true,\"tried\":true,"
                "\"tryError\":\"EADDRINUSE\",\"freeInSec\":9,\"blockedBy\":[1],\"binds\":[{" BIND
                "\"canBind\":false,\"canBindReuse\":true,\"tried\":true,"
                "\"tryError\":\"EADDRINUSE\",\"freeInSec\":9},"
                "{\"address\":\"::\",\"family\":\"dual\"}]}");
        /* gone since the look; a bind that was not there is added */
        assert_merged(
                "{\"canBind\":false,\"freeInSec\":9,\"blockedBy\":[1]}", make_tries(0, 0),
                "{\"canBind\":true,\"canBindReuse\":true,\"tried\":true,\"freeInSec\":0,"
                "\"blockedBy\":[],\"binds\":[{" BIND "\"canBind\":true,\"canBindReuse\":true,"
                "\"canBindReusePort\":true,\"tried\":true,\"freeInSec\":0,\"blockedBy\":[]}]}");
        /* taken since: when it is free, nobody knows */
        assert_merged("{\"canBind\":true,\"freeInSec\":0,\"binds\":[]}",
                      make_tries(-EACCES, -EACCES),
                      "{\"canBind\":false,\"canBindReuse\":false,\"tried\":true,"
                      "\"tryError\":\"EACCES\",\"tryErrorReuse\":\"EACCES\",\"binds\":[{" BIND
                      "\"canBind\":false,\"canBindReuse\":false,\"canBindReusePort\":false,"
                      "\"tried\":true,\"tryError\":\"EACCES\",\"tryErrorReuse\":\"EACCES\"}]}");
}

/* bind() that works beside a listener is followed by a listen() that fails. */
static void test_listener_stays(void **state)
{
        struct trybinds tries = make_tries(-EADDRINUSE, 0);
        json_t *reply = load(NO HELD("listener", "LISTEN", "no") "],\"canBindReuse\":false}");
        char *text;

        (void)state;
        assert_int_equal(trybind_merge(&tries, reply), 0);
        assert_true(json_is_false(json_object_get(reply, "canBindReuse")));
        text = verdict(reply, &tries, "");
        assert_non_null(strstr(text, "80: bind() fails: x (pid 7) listens on 1.2.3.4\n"
                                     "  with SO_REUSEADDR: bind() works, but listen() would fail"));
        assert_non_null(strstr(text, "  Tried: bind() without listen(), each socket closed at "
                                     "once: EADDRINUSE (Address already in use); with "
                                     "SO_REUSEADDR works.\n"));
        free(text);
        json_decref(reply);
}

/* SO_REUSEPORT is never tried: what twmond said of it stays, unless the rest makes it certain. */
static void test_reuse_port(void **state)
{
        static const struct {
                int error;
                const char *said, *expected;
        } cases[] = {
                { -EADDRINUSE, "true", "true" },
                { -EADDRINUSE, "false", "false" },
                { -EADDRINUSE, "null", "null" },
                { 0, "null", "true" },
                { 0, "false", "true" },
                { -EACCES, "true", "false" },
                { -EADDRNOTAVAIL, "null", "false" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct trybinds tries = make_tries(cases[i].error, cases[i].error);
                char text[256], *got;
                json_t *reply;

                snprintf(text, sizeof(text), "{\"binds\":[{" BIND "\"canBindReusePort\":%s}]}",
                         cases[i].said);
                reply = load(text);
                assert_int_equal(trybind_merge(&tries, reply), 0);
                got = json_dumps(json_object_get(json_array_get(json_object_get(reply, "binds"), 0),
                                                 "canBindReusePort"),
                                 JSON_ENCODE_ANY);
                assert_string_equal(got, cases[i].expected);
                free(got);
                json_decref(reply);
        }
}

/* Where twmond sees other sockets than bind() would meet, or bind() could do harm for nothing. */
static void test_objection(void **state)
{
        static const struct {
                const char *reply, *expected; /* NULL: none */
        } cases[] = {
                { "{}", NULL },
                { "{\"netns\":7}", NULL },
                { "{\"netns\":\"8\"}", NULL },
                { "{\"netns\":8}", "another network namespace" },
                { "{\"canBind\":true,\"canBindReuse\":true,\"connections\":[{\"side\":\"local\"}]}",
                  NULL },
                { "{\"canBind\":true,\"canBindReuse\":true,\"connections\":[{\"side\":\"client\"}]}",
                  "the answer is certain" },
                { "{\"canBind\":false,\"connections\":[{\"side\":\"client\"}]}", NULL },
                { "{\"connections\":[{\"side\":\"client\"}]}", "not tried: a bind() that works" },
                { "{\"blockedBy\":[{}],\"connections\":[{\"side\":\"client\"}]}", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                json_t *reply = load(cases[i].reply);
                const char *objection = trybind_objection(reply, 7);

                if (!cases[i].expected)
                        assert_null(objection);
                else if (!objection || !strstr(objection, cases[i].expected))
                        fail_msg("%s: %s", cases[i].reply, objection ? objection : "none");
                json_decref(reply);
        }
        assert_null(trybind_objection(NULL, 7));
        assert_null(trybind_objection(NULL, 0));
}

/* The text of all that is known of a reply after tries, for the caller to free. */
static char *whole(json_t *reply, struct trybinds *tries)
{
        struct term term = { 0 };
        struct why why = {
                .term = &term, .reply = reply, .port = 80, .address = "", .asked = true
        };
        char *text = NULL;
        size_t len;

        if (tries) {
                why.saw_listener = trybind_has_listener(reply);
                assert_int_equal(trybind_merge(tries, reply), 0);
                assert_int_equal(why_advise(reply, tries), 0);
                why.tries = tries;
        }
        term.out = open_memstream(&text, &len);
        assert_non_null(term.out);
        assert_int_equal(why_print(&why), 0);
        fclose(term.out);
        return text;
}

/* words: separated by newlines; each must be there, but not those behind a "!". */
static void assert_whole(json_t *reply, struct trybinds *tries, const char *words)
{
        char *text = whole(reply, tries), *list = strdup(words), *rest = list, *word;

        assert_non_null(list);
        while ((word = strsep(&rest, "\n")) != NULL)
                if ((*word == '!') == !!strstr(text, word + (*word == '!')))
                        fail_msg("%s: %s", word, text);
        free(list);
        free(text);
        json_decref(reply);
}

static json_t *load_advised(const char *blockers, const char *rest)
{
        json_t *reply;
        char *text;

        assert_true(asprintf(&text, "{\"canBind\":false,\"blockedBy\":[%s],\"advice\":[\"%s\"]%s}",
                             blockers, portlook_set_reuseaddr, rest) > 0);
        reply = load(text);
        free(text);
        return reply;
}

/* After a try nothing is guessed that it has told. */
static void test_advice(void **state)
{
        struct trybinds works = make_tries(-EADDRINUSE, 0);
        struct trybinds fails = make_tries(-EADDRINUSE, -EADDRINUSE);
        struct trybinds denied = make_tries(-EACCES, -EACCES);
        struct trybinds gone = make_tries(0, 0);
        json_t *reply;

        (void)state;
        assert_whole(load_advised(TIME_WAIT(1), ""), NULL,
                     "SO_REUSEADDR: if set there\n- Set SO_REUSEADDR\nThe kernel does not tell\n"
                     "twmonctl why 80 --try");
        assert_whole(
                load_advised(TIME_WAIT(1), ""), &works,
                "SO_REUSEADDR passes it (tried)\n- Set SO_REUSEADDR on the server's socket before "
                "bind(), in every run: tried, it works.\n!if set there\n!does not tell");
        assert_whole(load_advised(TIME_WAIT(1), ",\"freeInSec\":62"), &fails,
                     "SO_REUSEADDR is not set there (tried)\n- The program that ran before did not "
                     "set SO_REUSEADDR (tried): wait 1min 2s,\n!if set there\n!does not tell");
        assert_whole(load_advised(HELD("connections", "CLOSE-WAIT", "if-set"), ""), &fails,
                     "what is in the way must go first\n!if set there\n!- Set SO_REUSE");
        assert_whole(load_advised(TIME_WAIT(1) "," HELD("connections", "ESTAB", "if-set"), ""),
                     &fails, "not set on all of these (tried)\n!if set there");
        assert_whole(load_advised(HELD("bound", "CLOSE", "if-set"), ""), &fails,
                     "what is in the way does not have\nThat must go first.\n!ran before");
        /* another reason, or a listener: that says nothing of the option */
        assert_whole(load_advised(TIME_WAIT(1), ""), &denied,
                     "if set there\n- Set SO_REUSEADDR on");
        assert_whole(load_advised(TIME_WAIT(1) "," HELD("listener", "LISTEN", "no"), ""), &fails,
                     "SO_REUSEADDR: if set there");
        assert_whole(load_advised(TIME_WAIT(1), ""), &gone,
                     "nothing was in the way\n!Set SO_REUSE");

        reply = json_pack("{s:[sss]}", "advice", portlook_maybe_dual, "Stay.",
                          wire_address_unknown);
        assert_int_equal(why_advise(reply, &denied), 0);
        assert_int_equal(json_array_size(json_object_get(reply, "advice")), 3);
        assert_int_equal(why_advise(reply, &gone), 0);
        assert_int_equal(json_array_size(json_object_get(reply, "advice")), 1);
        json_decref(reply);
}

#define LISTENERS                                                                                  \
        ",\"listeners\":[{\"address\":\"1.2.3.4\",\"family\":\"ipv4\",\"backlog\":0,"              \
        "\"backlogMax\":8}]"

/* "Nothing was in the way" never stands beside a listener. */
static void test_listener_beside(void **state)
{
        struct trybinds works = make_tries(0, 0);

        (void)state;
        assert_whole(load_advised(HELD("listener", "LISTEN", "no"), LISTENERS), &works,
                     "bind() works: it did, though twmond saw a listener in the way a moment ago\n"
                     "!nothing was in the way");
        assert_whole(load_advised("", LISTENERS), &works,
                     "bind() works: whoever listens is not in the way of 0.0.0.0\n"
                     "!nothing was in the way");
}

#define SIDE(owner)                                                                                      \
        ",\"connections\":[{\"side\":\"local\",\"total\":2,\"states\":{\"finWait1\":2},\"owner\":" owner \
        "}]"
#define PAST "\"uid\":0,\"byListener\":true"

/* Who is known by a listener that twmond remembers, and which is no more. */
static void test_past_listener(void **state)
{
        const char *const processes =
                SIDE("{" PAST ",\"processes\":[{\"pid\":7}]}") ",\"listeners\":[]";

        (void)state;
        assert_whole(load_advised("", SIDE("{" PAST "}") LISTENERS), NULL,
                     "uid 0, which listens\n!has ended");
        assert_whole(
                load_advised("", SIDE("{" PAST "}") ",\"listeners\":[]"), NULL,
                "the program that listened has ended, or closed its listener; it was of uid 0\n"
                "!which listens\n!hidden");
        assert_whole(
                load_advised("", SIDE("{" PAST ",\"unit\":\"a.service\"}") ",\"listeners\":[]"),
                NULL, "it was of a.service\n!which listens");
        assert_whole(load_advised("", processes), NULL,
                     "pid 7, uid 0\n, which listened\n!which listens");
}

#define HOLDER(count, more)                                                                        \
        "{\"what\":\"connections\",\"address\":\"::1\",\"state\":\"CLOSE-WAIT\",\"count\":" #count \
        ",\"reuseHelps\":\"if-set\",\"owner\":{\"processes\":[{\"pid\":7,\"comm\":\"x\"}]" more    \
        "}}"

/* An owner is found through one socket: of several that may not be all. */
static void test_others(void **state)
{
        (void)state;
        assert_whole(load_advised(HOLDER(12, ",\"holders\":true"), ""), NULL,
                     "12 connections in CLOSE_WAIT of x (pid 7) and perhaps others hold it\n"
                     "; x (pid 7) and perhaps others");
        assert_whole(load_advised(HOLDER(1, ",\"holders\":true"), ""), NULL, "x (pid 7)\n!others");
        assert_whole(load_advised(HOLDER(12, ""), ""), NULL, "x (pid 7)\n!others");
        assert_whole(load_advised(HOLDER(12, ",\"holders\":true,\"byListener\":true"), ""), NULL,
                     "x (pid 7)\n!others");
        assert_whole(load_advised("", SIDE("{\"holders\":true,\"processes\":[{\"pid\":7}]}")), NULL,
                     "unit unknown and perhaps others");
        assert_whole(
                load("{\"canBind\":false,\"blockedBy\":[{\"what\":\"bound\",\"address\":\"::1\","
                     "\"count\":2,\"owner\":{\"holders\":true,\"processes\":[{\"pid\":7,"
                     "\"comm\":\"x\"}]}}]}"),
                NULL, "x (pid 7) and perhaps others have bound ::1 and do not listen");
}

static void test_silent(void **state)
{
        (void)state;
        for (int known = 0; known < 2; known++) {
                char reply[320];

                snprintf(reply, sizeof(reply),
                         "{\"connections\":[{\"side\":\"local\",\"total\":12,%s\"halfOpen\":"
                         "{\"established\":12,\"keepalive\":0,\"silent\":10}}]}",
                         known ? "\"silentAfterSec\":7200," : "");
                assert_whole(load(reply), NULL,
                             known ? "; 10 silent for 2h or longer" : "; 10 silent\n!for long");
        }
}

static void test_not_tried(void **state)
{
        struct trybinds tries = make_tries(-EAFNOSUPPORT, -EAFNOSUPPORT);
        json_t *reply = load("{}");
        char *text;

        (void)state;
        tries.items[0].plain.tried = false;
        tries.items[0].reuse.tried = false;
        assert_int_equal(trybind_merge(&tries, reply), 0);
        assert_null(json_object_get(reply, "canBind"));
        assert_null(json_object_get(reply, "tried"));
        text = verdict(reply, &tries, "::1");
        assert_non_null(strstr(text, "[::1]:80: unknown whether bind() works: it could not be "
                                     "tried, no socket: EAFNOSUPPORT (Address family not "));
        free(text);
        json_decref(reply);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_works),          cmocka_unit_test(test_works_elsewhere),
                cmocka_unit_test(test_causes),         cmocka_unit_test(test_address),
                cmocka_unit_test(test_merge),          cmocka_unit_test(test_reuse_port),
                cmocka_unit_test(test_listener_stays), cmocka_unit_test(test_not_tried),
                cmocka_unit_test(test_objection),      cmocka_unit_test(test_advice),
                cmocka_unit_test(test_others),         cmocka_unit_test(test_listener_beside),
                cmocka_unit_test(test_past_listener),  cmocka_unit_test(test_silent),
                cmocka_unit_test(test_unless_bound),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
