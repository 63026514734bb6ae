/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What waits for the scanner's thread: in order, once, and so many at most. */

#include "fixture.h"

#include <errno.h>

#include "questions.h"

static int ask(struct questions *questions, uint16_t number, bool for_alert)
{
        const struct port_key port = local_port(number);
        const struct port_witness witness = { .known = true, .inode = number };

        return questions_ask_owner(questions, &port, &witness, for_alert);
}

static void found(struct questions *questions, const char *unit)
{
        struct owner owner;

        owner_clear(&owner);
        strcpy(owner.unit, unit);
        questions_owner_found(questions, &owner, 0);
}

static void test_owners_come_in_order(void **state)
{
        struct questions questions = { 0 };
        struct owner_answer answer;

        (void)state;
        assert_null(questions_next_owner(&questions));
        assert_false(questions_take_owner(&questions, &answer));
        assert_int_equal(ask(&questions, 80, false), 0);
        assert_int_equal(ask(&questions, 81, true), 0);
        assert_int_equal(questions_next_owner(&questions)->answer.port.port, 80);
        assert_false(questions_take_owner(&questions, &answer)); /* not found yet */
        found(&questions, "a.service");
        assert_int_equal(questions_next_owner(&questions)->answer.port.port, 81);
        found(&questions, "b.service");
        assert_null(questions_next_owner(&questions));
        assert_true(questions_take_owner(&questions, &answer));
        assert_int_equal(answer.port.port, 80);
        assert_int_equal(answer.witness.inode, 80);
        assert_string_equal(answer.owner.unit, "a.service");
        assert_true(questions_take_owner(&questions, &answer));
        assert_string_equal(answer.owner.unit, "b.service");
        assert_false(questions_take_owner(&questions, &answer));
}

static void test_who_is_asked_for_twice_is_looked_for_once(void **state)
{
        const struct port_key port = local_port(80);
        const struct port_witness listener = { .known = true, .by_listener = true };
        struct questions questions = { 0 };

        (void)state;
        assert_int_equal(ask(&questions, 80, false), 0);
        assert_int_equal(ask(&questions, 80, true), 0);
        assert_int_equal(questions.n_owners, 1);
        assert_true(questions_next_owner(&questions)->for_alert);
        assert_int_equal(questions_ask_owner(&questions, &port, &listener, false), 0);
        assert_int_equal(questions.n_owners, 2); /* who listens is another question */
}

/* Two destinations behind one port, held by two programs. */
static void test_each_witness_is_a_question(void **state)
{
        const struct port_key port = { .side = SIDE_REMOTE, .port = 443 };
        const struct port_witness witnesses[] = {
                { .known = true, .inode = 100, .cgroup_id = 7 },
                { .known = true, .inode = 101, .cgroup_id = 7 },
                { .known = true, .inode = 100, .cgroup_id = 8 },
                { .known = true, .inode = 100, .cgroup_id = 7, .uid = 33 },
                { .known = true, .inode = 100, .cgroup_id = 7, .by_listener = true },
        };
        struct questions questions = { 0 };
        struct owner_answer answer;

        (void)state;
        for (size_t i = 0; i < 2 * ARRAY_SIZE(witnesses); i++)
                assert_int_equal(questions_ask_owner(&questions, &port,
                                                     &witnesses[i % ARRAY_SIZE(witnesses)], true),
                                 0);
        assert_int_equal(questions.n_owners, ARRAY_SIZE(witnesses));
        for (size_t i = 0; i < ARRAY_SIZE(witnesses); i++) {
                found(&questions, "x.service");
                assert_true(questions_take_owner(&questions, &answer));
                assert_true(port_witness_equal(&answer.witness, &witnesses[i]));
        }
}

static void test_strangers_leave_room(void **state)
{
        struct questions questions = { 0 };
        uint16_t port = 1;

        (void)state;
        while (port <= QUESTIONS_STRANGERS_MAX)
                assert_int_equal(ask(&questions, port++, false), 0);
        assert_int_equal(ask(&questions, port, false), -ENOBUFS);
        while (port <= QUESTIONS_OWNERS_MAX)
                assert_int_equal(ask(&questions, port++, true), 0);
        assert_int_equal(ask(&questions, port, true), -ENOBUFS);
        assert_int_equal(ask(&questions, 1, false), 0); /* waits already */
}

static struct look_answer *look_at(uint16_t port)
{
        const struct look_question question = { LOOK_PORT, port };
        struct look_answer *answer = look_answer_new(&question);

        assert_non_null(answer);
        return answer;
}

static void test_looks_come_in_order(void **state)
{
        struct questions questions = { 0 };

        (void)state;
        assert_null(questions_next_look(&questions));
        assert_null(questions_take_look(&questions));
        for (uint16_t port = 1; port <= 2; port++)
                assert_int_equal(questions_ask_look(&questions, look_at(port)), 0);
        assert_null(questions_take_look(&questions));
        for (uint16_t port = 1; port <= 2; port++) {
                struct look_answer *answer = questions_next_look(&questions);

                assert_int_equal(answer->question.port, port);
                questions_look_done(&questions);
                assert_ptr_equal(questions_take_look(&questions), answer);
                look_answer_unref(answer);
        }
        assert_null(questions_next_look(&questions));
}

/* The leak checker sees to it that questions_done() forgets all of them. */
static void test_so_many_looks(void **state)
{
        struct questions questions = { 0 };
        struct look_answer *last = look_at(99);

        (void)state;
        for (uint16_t port = 0; port < QUESTIONS_LOOKS_MAX; port++)
                assert_int_equal(questions_ask_look(&questions, look_at(port)), 0);
        questions_look_done(&questions); /* one that is not taken yet takes its room as well */
        assert_int_equal(questions_ask_look(&questions, last), -ENOBUFS);
        look_answer_unref(last);
        questions_done(&questions);
        assert_null(questions_next_look(&questions));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_owners_come_in_order),
                cmocka_unit_test(test_who_is_asked_for_twice_is_looked_for_once),
                cmocka_unit_test(test_each_witness_is_a_question),
                cmocka_unit_test(test_strangers_leave_room),
                cmocka_unit_test(test_looks_come_in_order),
                cmocka_unit_test(test_so_many_looks),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
