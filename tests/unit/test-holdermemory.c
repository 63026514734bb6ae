/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is remembered of earlier searches, by what an owner_finder tells of a made-up /proc. A
 * process that comes to hold the socket later shows which it was: a whole search would have found
 * it, and a look at those who are remembered does not.
 */

#include "faketree.h"
#include "ownertest.h"

#include "base.h"
#include "holdermemory.h"
#include "process.h"

#define LEAKY "system.slice/leaky.service"
#define START UINT64_C(7000000)

struct world {
        struct tree *tree;
        struct holder_memory memory;
        struct owner_finder finder;
};

/* leaky.service with 10 and 11; 20 and 30 are in no group. 11 holds socket 501, 20 holds 502. */
static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        tree_setup((void **)&world->tree);
        make_dir(world->tree->cgroup, LEAKY);
        make_file(world->tree->cgroup, LEAKY "/cgroup.procs", "10\n11\n");
        make_process(world->tree, 10, "master\n");
        make_process(world->tree, 11, "worker\n");
        make_process(world->tree, 20, "other\n");
        make_process(world->tree, 30, "third\n");
        make_socket(world->tree, 10, 3, 500);
        make_socket(world->tree, 11, 3, 501);
        make_socket(world->tree, 20, 3, 502);
        make_socket(world->tree, 30, 3, 503);
        world->finder = (struct owner_finder){ .proc = world->tree->proc,
                                               .cgroup = world->tree->cgroup,
                                               .memory = &world->memory };
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        owner_finder_forget(&world->finder);
        tree_teardown((void **)&world->tree);
        free(world);
        return 0;
}

/* Within a row of questions: what was seen of other processes is shared with the last one. */
static struct owner ask_on(struct world *world, const char *cgroup, uint32_t inode,
                           uint64_t now_usec)
{
        const struct port_witness witness = {
                .known = true,
                .uid = 33,
                .inode = inode,
                .cgroup_id = cgroup ? inode_of(world->tree->cgroup, cgroup) : 0
        };
        struct owner owner;

        owner_finder_find(&world->finder, &witness, now_usec, &owner);
        return owner;
}

/* The first of another row. */
static struct owner ask(struct world *world, const char *cgroup, uint32_t inode, uint64_t now_usec)
{
        owner_finder_forget(&world->finder);
        return ask_on(world, cgroup, inode, now_usec);
}

static void close_socket(const struct world *world, int pid, int fd)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/%d/fd/%d", world->tree->proc, pid, fd);
        assert_int_equal(unlink(path), 0);
}

static void end_process(const struct world *world, int pid)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/%d", world->tree->proc, pid);
        (void)remove_tree(path);
}

static void assert_holders(const struct owner *owner, const int64_t *pids, uint32_t n)
{
        assert_true(owner->holders);
        assert_pids(owner, pids, n);
}

/* Whether found in the socket's group or among all others: nobody else is looked at again. */
static void test_no_second_search(void **state)
{
        struct world *world = *state;
        struct owner owner;

        owner = ask(world, LEAKY, 501, START);
        assert_holders(&owner, PIDS(11));
        owner = ask(world, NULL, 502, START);
        assert_holders(&owner, PIDS(20));
        make_socket(world->tree, 10, 4, 501);
        make_socket(world->tree, 10, 5, 502);
        owner = ask(world, LEAKY, 501, START + 1);
        assert_holders(&owner, PIDS(11));
        owner = ask(world, NULL, 502, START + 1);
        assert_holders(&owner, PIDS(20));
        assert_false(world->finder.holders.looked);
}

static void test_nothing_without_memory(void **state)
{
        struct world *world = *state;
        struct owner owner;

        world->finder.memory = NULL;
        owner = ask(world, LEAKY, 501, START);
        assert_holders(&owner, PIDS(11));
        make_socket(world->tree, 10, 4, 501);
        owner = ask(world, LEAKY, 501, START);
        assert_holders(&owner, PIDS(10, 11));
}

/* Only who it is is remembered: what they are like and where they run is not. */
static void test_the_rest_is_read_anew(void **state)
{
        struct world *world = *state;
        struct tree *tree = world->tree;
        struct owner owner;

        make_limit(tree, 20, "100");
        make_file(tree->proc, "20/cgroup", "0::/system.slice/old.service\n");
        owner = ask(world, NULL, 502, START);
        assert_string_equal(owner.unit, "old.service");
        assert_int_equal(owner.processes[0].fds, 1);
        make_limit(tree, 20, "200");
        make_socket(tree, 20, 4, 600);
        make_file(tree->proc, "20/comm", "renamed\n");
        make_file(tree->proc, "20/cgroup", "0::/system.slice/new.service\n");
        make_socket(tree, 10, 4, 502); /* it is not found */
        owner = ask(world, NULL, 502, START);
        assert_holders(&owner, PIDS(20));
        assert_string_equal(owner.unit, "new.service");
        assert_string_equal(owner.processes[0].comm, "renamed");
        assert_int_equal(owner.processes[0].fds, 2);
        assert_int_equal(owner.processes[0].fd_limit, 200);
        owner = ask(world, LEAKY, 502, START);
        assert_holders(&owner, PIDS(20));
        assert_string_equal(owner.unit, "leaky.service");
}

static void test_closed(void **state)
{
        struct world *world = *state;
        struct owner owner;

        owner = ask(world, LEAKY, 501, START);
        assert_holders(&owner, PIDS(11));
        make_socket(world->tree, 30, 4, 501); /* passed on */
        close_socket(world, 11, 3);
        owner = ask(world, LEAKY, 501, START + 1);
        assert_holders(&owner, PIDS(30));
        make_socket(world->tree, 20, 4, 501);
        owner = ask(world, LEAKY, 501, START + 2);
        assert_holders(&owner, PIDS(30)); /* remembered anew */
}

/* Each of them is asked: if only one has closed it, somebody else may have it. */
static void test_one_of_several_has_closed(void **state)
{
        struct world *world = *state;
        struct owner owner;

        make_socket(world->tree, 20, 4, 503);
        owner = ask(world, NULL, 503, START);
        assert_holders(&owner, PIDS(20, 30));
        make_socket(world->tree, 10, 4, 503);
        owner = ask(world, NULL, 503, START);
        assert_holders(&owner, PIDS(20, 30));
        close_socket(world, 30, 3);
        owner = ask(world, NULL, 503, START);
        assert_holders(&owner, PIDS(10, 20));
        make_socket(world->tree, 11, 4, 503);
        close_socket(world, 10, 4);
        owner = ask(world, NULL, 503, START);
        assert_holders(&owner, PIDS(11, 20));
}

/* The number of the descriptor is another socket's by now; the process has it by another number. */
static void test_number_is_anothers(void **state)
{
        struct world *world = *state;
        struct owner owner;

        owner = ask(world, LEAKY, 501, START);
        assert_holders(&owner, PIDS(11));
        close_socket(world, 11, 3);
        make_socket(world->tree, 11, 3, 5011);
        make_socket(world->tree, 11, 9, 501);
        make_socket(world->tree, 10, 4, 501);
        owner = ask(world, LEAKY, 501, START);
        assert_holders(&owner, PIDS(10, 11));
}

static void test_process_is_gone(void **state)
{
        struct world *world = *state;
        struct owner owner;

        owner = ask(world, LEAKY, 501, START);
        assert_holders(&owner, PIDS(11));
        end_process(world, 11);
        owner = ask(world, NULL, 501, START);
        assert_int_equal(owner.total, 0);
        assert_false(owner.holders);
        assert_int_equal(world->memory.n, 0);
        make_process(world->tree, 11, "reborn\n"); /* the same pid, and another socket */
        make_socket(world->tree, 11, 3, 700);
        make_socket(world->tree, 30, 4, 501);
        owner = ask(world, NULL, 501, START);
        assert_holders(&owner, PIDS(30));
}

/* From the search, however often it was asked for since. */
static void test_too_old(void **state)
{
        const uint64_t later = START + HOLDER_MEMORY_USEC;
        struct world *world = *state;
        struct owner owner;

        owner = ask(world, LEAKY, 501, START);
        assert_holders(&owner, PIDS(11));
        make_socket(world->tree, 10, 4, 501);
        owner = ask(world, LEAKY, 501, START + HOLDER_MEMORY_USEC / 2);
        assert_holders(&owner, PIDS(11));
        owner = ask(world, LEAKY, 501, later - 1);
        assert_holders(&owner, PIDS(11));
        owner = ask(world, LEAKY, 501, later);
        assert_holders(&owner, PIDS(10, 11));
        make_file(world->tree->cgroup, LEAKY "/cgroup.procs", "10\n11\n20\n");
        make_socket(world->tree, 20, 4, 501);
        owner = ask(world, LEAKY, 501, later + HOLDER_MEMORY_USEC - 1);
        assert_holders(&owner, PIDS(10, 11));
        owner = ask(world, LEAKY, 501, later + HOLDER_MEMORY_USEC);
        assert_holders(&owner, PIDS(10, 20, 11));
}

/* What was found by a look that an earlier search took is as old as that look. */
static void test_age_of_a_shared_look(void **state)
{
        const uint64_t minute = UINT64_C(60000000);
        struct world *world = *state;
        struct owner owner;

        owner = ask(world, NULL, 502, START);
        assert_holders(&owner, PIDS(20));
        owner = ask_on(world, NULL, 503, START + minute);
        assert_holders(&owner, PIDS(30));
        make_socket(world->tree, 10, 4, 503);
        owner = ask(world, NULL, 503, START + HOLDER_MEMORY_USEC - 1);
        assert_holders(&owner, PIDS(30));
        owner = ask(world, NULL, 503, START + HOLDER_MEMORY_USEC);
        assert_holders(&owner, PIDS(10, 30));
}

/* The one asked for longest ago makes room. */
static void test_full(void **state)
{
        const uint32_t first = 1000, last = first + HOLDER_MEMORY_SOCKETS;
        struct world *world = *state;
        struct owner owner;

        for (uint32_t inode = first; inode <= last; inode++)
                make_socket(world->tree, 20, (int)(inode - first) + 4, inode);
        for (uint32_t inode = first; inode < last; inode++) {
                owner = ask_on(world, NULL, inode, START);
                assert_holders(&owner, PIDS(20));
        }
        for (uint32_t inode = first; inode <= last; inode++)
                make_socket(world->tree, 30, (int)(inode - first) + 4, inode);
        assert_int_equal(world->memory.n, HOLDER_MEMORY_SOCKETS);
        owner = ask(world, NULL, first, START + 1);
        assert_holders(&owner, PIDS(20));
        owner = ask(world, NULL, last, START + 1); /* in place of the second */
        assert_holders(&owner, PIDS(20, 30));
        assert_int_equal(world->memory.n, HOLDER_MEMORY_SOCKETS);
        owner = ask(world, NULL, first, START + 1);
        assert_holders(&owner, PIDS(20));
        for (uint32_t inode = first + 2; inode < last; inode++) {
                owner = ask(world, NULL, inode, START + 1);
                assert_holders(&owner, PIDS(20));
        }
        owner = ask(world, NULL, first + 1, START + 1);
        assert_holders(&owner, PIDS(20, 30));
}

/* Where there is no room for all of them, those that there is room for are not all of them. */
static void test_too_many_holders(void **state)
{
        struct world *world = *state;
        struct owner owner;

        for (int pid = 100; pid < 100 + OWNER_PROCESSES_LISTED; pid++) {
                make_process(world->tree, pid, "fork\n");
                make_socket(world->tree, pid, 3, 900);
        }
        owner = ask(world, NULL, 900, START);
        assert_int_equal(owner.total, OWNER_PROCESSES_LISTED);
        assert_int_equal(world->memory.n, 1);
        make_socket(world->tree, 30, 4, 900);
        owner = ask(world, NULL, 900, START);
        assert_int_equal(owner.total, OWNER_PROCESSES_LISTED);
        owner = ask(world, NULL, 900, START + HOLDER_MEMORY_USEC);
        assert_int_equal(owner.total, OWNER_PROCESSES_LISTED + 1);
        assert_int_equal(world->memory.n, 0);
        make_socket(world->tree, 20, 4, 900);
        owner = ask(world, NULL, 900, START + HOLDER_MEMORY_USEC);
        assert_int_equal(owner.total, OWNER_PROCESSES_LISTED + 2);
}

/* Nobody may be found because nobody may be seen: the next search may be luckier. */
static void test_nobody_is_not_remembered(void **state)
{
        struct world *world = *state;
        struct owner owner;

        owner = ask(world, LEAKY, 999, START);
        assert_false(owner.holders);
        assert_int_equal(owner.total, 2); /* the unit's */
        assert_int_equal(world->memory.n, 0);
        owner = ask(world, LEAKY, 0, START); /* not accepted */
        assert_false(owner.holders);
        make_socket(world->tree, 11, 4, 999);
        owner = ask(world, LEAKY, 999, START);
        assert_holders(&owner, PIDS(11));
}

/* Two searches for one socket: what was found last counts. */
static void test_kept_twice(void **state)
{
        const struct holder a = { 501, 10, 3 }, b = { 501, 11, 3 }, c = { 502, 20, 3 };
        struct world *world = *state;
        struct process_source source;
        struct sighting seen = { .seen_usec = START };
        const struct sighting *found;

        process_source_init(&source, world->tree->proc);
        sighting_add(&seen, &a);
        holder_memory_keep(&world->memory, &seen);
        seen = (struct sighting){ .seen_usec = START };
        sighting_add(&seen, &c);
        holder_memory_keep(&world->memory, &seen);
        seen = (struct sighting){ .seen_usec = START };
        sighting_add(&seen, &b);
        holder_memory_keep(&world->memory, &seen);
        assert_int_equal(world->memory.n, 2);
        found = holder_memory_recall(&world->memory, &source, 501, START);
        assert_non_null(found);
        assert_int_equal(found->n, 1);
        assert_int_equal(found->holders[0].pid, 11);
        assert_null(holder_memory_recall(&world->memory, &source, 503, START));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_no_second_search),
                T(test_nothing_without_memory),
                T(test_the_rest_is_read_anew),
                T(test_closed),
                T(test_one_of_several_has_closed),
                T(test_number_is_anothers),
                T(test_process_is_gone),
                T(test_too_old),
                T(test_age_of_a_shared_look),
                T(test_full),
                T(test_too_many_holders),
                T(test_nobody_is_not_remembered),
                T(test_kept_twice),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
