/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners from a made-up /proc and /sys/fs/cgroup in a temporary directory. */

#include <errno.h>

#include "faketree.h"
#include "ownertest.h"

#define LEAKY "system.slice/leaky.service"
#define OTHER "system.slice/other.service"

/* leaky.service with 10 and 11, other.service with 20; each holds one socket, 500, 501 and 502. */
static int setup(void **state)
{
        struct tree *tree;

        tree_setup(state);
        tree = *state;
        make_dir(tree->cgroup, LEAKY);
        make_dir(tree->cgroup, OTHER);
        make_file(tree->cgroup, LEAKY "/cgroup.procs", "10\n11\n");
        make_file(tree->cgroup, OTHER "/cgroup.procs", "20\n");
        make_process(tree, 10, "master\n");
        make_process(tree, 11, "worker\n");
        make_process(tree, 20, "other\n");
        make_socket(tree, 10, 3, 500);
        make_socket(tree, 11, 3, 501);
        make_socket(tree, 20, 3, 502);
        return 0;
}

/* An empty tree, of which nothing but sizes can be read, as without privilege on Linux 6.2. */
static int setup_unprivileged(void **state)
{
        struct tree *tree;

        tree_setup(state);
        tree = *state;
        make_fd_size(tree, "self", 4);
        make_dir(tree->cgroup, LEAKY);
        return 0;
}

static void make_sized(const struct tree *tree, int pid, unsigned fds, const char *limit)
{
        char name[16];

        make_process(tree, pid, "worker\n");
        snprintf(name, sizeof(name), "%d", pid);
        make_fd_size(tree, name, fds);
        if (limit)
                make_limit(tree, pid, limit);
}

static struct port_witness witness_of(const struct tree *tree, const char *cgroup, uint32_t inode)
{
        return (struct port_witness){ .known = true,
                                      .uid = 33,
                                      .inode = inode,
                                      .cgroup_id = cgroup ? inode_of(tree->cgroup, cgroup) : 0 };
}

static struct owner find_by(const struct tree *tree, const struct port_witness *witness)
{
        struct owner owner;

        owner_find(tree->proc, tree->cgroup, witness, &owner);
        return owner;
}

static struct owner find(const struct tree *tree, const char *cgroup, uint32_t inode)
{
        const struct port_witness witness = witness_of(tree, cgroup, inode);

        return find_by(tree, &witness);
}

static void assert_one(const struct owner *owner, int64_t pid, const char *comm)
{
        assert_int_equal(owner->total, 1);
        assert_int_equal(owner->n_processes, 1);
        assert_int_equal(owner->processes[0].pid, pid);
        assert_string_equal(owner->processes[0].comm, comm);
}

static void test_unit_and_process(void **state)
{
        struct owner owner = find(*state, LEAKY, 501);

        assert_string_equal(owner.unit, "leaky.service");
        assert_false(owner.unit_is_user);
        assert_one(&owner, 11, "worker");
        assert_true(owner.holders);
        assert_false(owner.by_listener);
        assert_int_equal(owner.uid, 33);
}

/* A fork inherits the descriptors of its parent: both hold the socket, a third does not. */
static void test_all_holders(void **state)
{
        struct tree *tree = *state;
        struct owner owner;

        make_file(tree->cgroup, LEAKY "/cgroup.procs", "10\n11\n12\n");
        make_process(tree, 12, "worker\n");
        make_socket(tree, 12, 3, 501);
        owner = find(tree, LEAKY, 501);
        assert_true(owner.holders);
        assert_pids(&owner, PIDS(11, 12));
        owner = find(tree, NULL, 501);
        assert_true(owner.holders);
        assert_pids(&owner, PIDS(11, 12));
}

/* Not accepted, or descriptors that cannot be read: one of the unit's processes it is. */
static void test_processes_of_the_unit(void **state)
{
        struct owner owner = find(*state, OTHER, 0);

        assert_string_equal(owner.unit, "other.service");
        assert_one(&owner, 20, "other");
        assert_false(owner.holders);
        owner = find(*state, LEAKY, 0);
        assert_string_equal(owner.unit, "leaky.service");
        assert_false(owner.holders);
        assert_pids(&owner, PIDS(10, 11));
}

/* The listener's cgroup is another than that of the process which accepted. */
static void test_process_outside_of_the_cgroup(void **state)
{
        struct owner owner = find(*state, LEAKY, 502);

        assert_string_equal(owner.unit, "leaky.service");
        assert_one(&owner, 20, "other");
        assert_true(owner.holders);
}

static void test_without_cgroup(void **state)
{
        struct tree *tree = *state;
        struct owner owner = find(tree, NULL, 500);

        assert_string_equal(owner.unit, "");
        assert_one(&owner, 10, "master");
        assert_true(owner.holders);
        owner = find(tree, NULL, 0);
        assert_int_equal(owner.total, 0);
        assert_int_equal(owner.uid, 33);

        /* the holder itself tells its unit, by systemd's own hierarchy where there is no other */
        make_file(tree->proc, "10/cgroup",
                  "4:memory:/x\n1:name=systemd:/system.slice/v1.service\n");
        owner = find(tree, NULL, 500);
        assert_string_equal(owner.unit, "v1.service");
}

/* The id of a group that was removed: nothing but inode and uid is left. */
static void test_cgroup_is_gone(void **state)
{
        struct tree *tree = *state;
        struct port_witness witness = witness_of(tree, NULL, 501);
        struct owner owner;

        witness.cgroup_id = UINT64_MAX - 1;
        owner = find_by(tree, &witness);
        assert_string_equal(owner.unit, "");
        assert_one(&owner, 11, "worker");
}

static void test_root_cgroup_is_no_unit(void **state)
{
        struct tree *tree = *state;
        struct owner owner;

        make_file(tree->cgroup, "cgroup.procs", "10\n11\n20\n");
        owner = find(tree, ".", 0);
        assert_string_equal(owner.unit, "");
        assert_int_equal(owner.total, 0); /* everybody is in it */
        assert_int_equal(owner.uid, 33);
        owner = find(tree, ".", 502);
        assert_one(&owner, 20, "other");
}

static void test_hybrid_hierarchy(void **state)
{
        struct tree *tree = *state;

        make_dir(tree->cgroup, "unified/system.slice/u.service");
        assert_string_equal(find(tree, "unified/system.slice/u.service", 0).unit, "u.service");
}

static void test_sub_groups(void **state)
{
        struct tree *tree = *state;
        struct owner owner;

        make_dir(tree->cgroup, LEAKY "/payload");
        make_file(tree->cgroup, LEAKY "/cgroup.procs", "");
        make_file(tree->cgroup, LEAKY "/payload/cgroup.procs", "11\n");
        owner = find(tree, LEAKY, 0);
        assert_string_equal(owner.unit, "leaky.service");
        assert_one(&owner, 11, "worker");
}

/* Accepted from a listener of the service manager's: the service is named, not the socket unit. */
static void test_socket_unit_gives_way_to_the_service(void **state)
{
        struct tree *tree = *state;
        struct owner owner;

        make_dir(tree->cgroup, "system.slice/web.socket");
        assert_string_equal(find(tree, "system.slice/web.socket", 999).unit, "web.socket");
        make_file(tree->proc, "20/cgroup",
                  "1:name=systemd:/x.scope\n0::/system.slice/http.service\n");
        owner = find(tree, "system.slice/web.socket", 502);
        assert_string_equal(owner.unit, "http.service");
        assert_one(&owner, 20, "other");

        /* the holder tells more than the name does */
        make_dir(tree->cgroup, "system.slice/web.service");
        make_file(tree->cgroup, "system.slice/web.service/cgroup.procs", "10\n");
        owner = find(tree, "system.slice/web.socket", 502);
        assert_string_equal(owner.unit, "http.service");
        assert_one(&owner, 20, "other");
}

/* Where no holder can be seen, it is the service of the same name that the socket triggers. */
static void test_service_of_the_same_name(void **state)
{
        struct tree *tree = *state;
        struct owner owner;

        make_dir(tree->cgroup, "system.slice/web.socket");
        make_dir(tree->cgroup, "system.slice/web.service");
        make_file(tree->cgroup, "system.slice/web.service/cgroup.procs", "");
        assert_string_equal(find(tree, "system.slice/web.socket", 0).unit, "web.socket");
        make_file(tree->cgroup, "system.slice/web.service/cgroup.procs", "10\n");
        owner = find(tree, "system.slice/web.socket", 0);
        assert_string_equal(owner.unit, "web.service");
        assert_one(&owner, 10, "master");
        assert_false(owner.holders);
}

/* Without privilege: not who holds the socket, but who may, nearest to its limit first. */
static void test_nearest_to_the_limit_first(void **state)
{
        struct tree *tree = *state;
        struct owner owner;

        make_file(tree->cgroup, LEAKY "/cgroup.procs", "10\n11\n12\n13\n14\n15\n16\n");
        make_sized(tree, 10, 100, NULL);          /* unknown: last, more descriptors before fewer */
        make_sized(tree, 11, 900, "1024");        /* 124 */
        make_sized(tree, 12, 3000, "4096");       /* 1096 */
        make_sized(tree, 13, 200, NULL);          /* unknown */
        make_sized(tree, 14, 90000, "unlimited"); /* nothing is nearer to unknown */
        make_sized(tree, 15, 700, "600");         /* above it: none is left */
        make_sized(tree, 16, 900, "1024");        /* 124 as well: the lower pid first */
        owner = find(tree, LEAKY, 501);
        assert_string_equal(owner.unit, "leaky.service");
        assert_false(owner.holders);
        assert_pids(&owner, PIDS(15, 11, 16, 12, 14, 13, 10));
        assert_int_equal(owner.processes[0].fds, 700);
        assert_int_equal(owner.processes[0].fd_limit, 600);
        assert_int_equal(owner_headroom(&owner), 0);
        assert_true(owner.processes[4].fd_limit == OWNER_UNLIMITED);
        assert_true(owner.processes[6].fd_limit == OWNER_UNKNOWN);
}

static void test_list_is_bounded(void **state)
{
        struct tree *tree = *state;
        char text[200] = "";
        struct owner owner;

        for (int pid = 1; pid <= OWNER_PROCESSES_LISTED + 3; pid++) {
                char line[16];

                make_sized(tree, pid, (unsigned)pid, "100");
                snprintf(line, sizeof(line), "%d\n", pid);
                strcat(text, line);
        }
        make_file(tree->cgroup, LEAKY "/cgroup.procs", text);
        owner = find(tree, LEAKY, 0);
        assert_int_equal(owner.total, OWNER_PROCESSES_LISTED + 3);
        assert_int_equal(owner.n_processes, OWNER_PROCESSES_LISTED);
        for (int i = 0; i < OWNER_PROCESSES_LISTED; i++)
                assert_int_equal(owner.processes[i].pid, OWNER_PROCESSES_LISTED + 3 - i);
}

/* A unit with a master of another uid: the socket was accepted by those of its own. */
static void test_uid_parts_a_group(void **state)
{
        struct tree *tree = *state;
        struct port_witness witness;
        struct owner owner;
        char path[256];

        if (geteuid() != 0)
                skip(); /* chown needs root */
        make_file(tree->cgroup, LEAKY "/cgroup.procs", "10\n11\n12\n");
        make_sized(tree, 10, 50, "1024");
        make_sized(tree, 11, 10, "1024");
        make_sized(tree, 12, 12, "1024");
        witness = witness_of(tree, LEAKY, 501);
        owner = find_by(tree, &witness);
        assert_pids(&owner, PIDS(10, 12, 11)); /* 33 is nobody's */
        for (int pid = 11; pid <= 12; pid++) {
                snprintf(path, sizeof(path), "%s/%d", tree->proc, pid);
                assert_int_equal(chown(path, 33, (gid_t)-1), 0);
        }
        owner = find_by(tree, &witness);
        assert_pids(&owner, PIDS(12, 11));
        witness.by_listener = true; /* made by root, served by the others */
        owner = find_by(tree, &witness);
        assert_pids(&owner, PIDS(10, 12, 11));
}

/* A uid is no reason to leave out a holder. */
static void test_uid_hides_no_holder(void **state)
{
        struct tree *tree = *state;
        struct owner owner;
        char path[256];

        if (geteuid() != 0)
                skip(); /* chown needs root */
        snprintf(path, sizeof(path), "%s/11", tree->proc);
        assert_int_equal(chown(path, 33, (gid_t)-1), 0);
        make_socket(tree, 10, 4, 501);
        owner = find(tree, LEAKY, 501);
        assert_pids(&owner, PIDS(10, 11));
}

/* Passed to a service with a network of its own: found, but only where nobody else has it. */
static void test_other_namespaces_come_last(void **state)
{
        struct tree *tree = *state;
        struct owner owner;

        make_netns(tree, "self", "host");
        make_netns(tree, "10", "host");
        make_netns(tree, "20", "box");
        owner = find(tree, NULL, 502);
        assert_one(&owner, 20, "other");
        assert_true(owner.holders);
        make_socket(tree, 10, 4, 502);
        owner = find(tree, NULL, 502);
        assert_one(&owner, 10, "master");
}

/* One look at all processes serves searches that follow each other, until it is forgotten. */
static void test_searches_share_a_look(void **state)
{
        struct tree *tree = *state;
        struct owner_finder finder = { .proc = tree->proc, .cgroup = tree->cgroup };
        const struct port_witness master = witness_of(tree, NULL, 500);
        const struct port_witness other = witness_of(tree, NULL, 502);
        const struct port_witness late = witness_of(tree, NULL, 503);
        struct owner owner;

        owner_finder_find(&finder, &master, 0, &owner);
        assert_one(&owner, 10, "master");
        make_socket(tree, 11, 4, 503);
        make_socket(tree, 11, 5, 503);
        owner_finder_find(&finder, &other, 0, &owner);
        assert_one(&owner, 20, "other");
        owner_finder_find(&finder, &late, 0, &owner);
        assert_int_equal(owner.total, 0);
        owner_finder_forget(&finder);
        owner_finder_find(&finder, &late, 0, &owner);
        assert_one(&owner, 11, "worker"); /* once, by either descriptor */
        owner_finder_forget(&finder);
}

static void test_by_listener_is_said(void **state)
{
        struct tree *tree = *state;
        struct port_witness witness = witness_of(tree, LEAKY, 501);

        witness.by_listener = true;
        assert_true(find_by(tree, &witness).by_listener);
        witness.known = false;
        assert_false(find_by(tree, &witness).by_listener);
}

static void test_unknown_witness(void **state)
{
        const struct port_witness witness = { .known = false };
        struct owner owner = find_by(*state, &witness);

        assert_int_equal(owner.uid, OWNER_UNKNOWN);
        assert_int_equal(owner.total, 0);
        assert_false(owner_is_known(&owner));
}

static void test_missing_mounts(void **state)
{
        const struct port_witness witness = { .known = true, .inode = 5, .cgroup_id = 6 };
        struct owner owner;

        (void)state;
        owner_find("/nonexistent", "/nonexistent", &witness, &owner);
        assert_int_equal(owner.total, 0);
        assert_string_equal(owner.unit, "");
        assert_true(owner_is_known(&owner)); /* the kernel told the uid */
}

static void test_known(void **state)
{
        struct owner owner;

        (void)state;
        owner_clear(&owner);
        assert_false(owner_is_known(&owner));
        owner.uid = 0;
        assert_true(owner_is_known(&owner));
        owner_clear(&owner);
        strcpy(owner.unit, "a.service");
        assert_true(owner_is_known(&owner));
        owner_clear(&owner);
        owner.total = owner.n_processes = 1;
        assert_true(owner_is_known(&owner));
}

static void test_headroom(void **state)
{
#define U        OWNER_UNKNOWN
#define NO_LIMIT OWNER_UNLIMITED
        static const struct {
                int64_t fds[2], limit[2];
                uint32_t n;
                int64_t wanted;
        } cases[] = {
                { { U, U }, { U, U }, 0, U },
                { { 25, U }, { 1024, U }, 1, 999 },
                { { 25, 1000 }, { 1024, 1024 }, 2, 24 },
                { { 2000, 5 }, { 1024, 1024 }, 2, 0 },
                { { U, 5 }, { 1024, 1024 }, 2, 1019 },
                { { U, U }, { 1024, 1024 }, 2, U },
                { { 5, 5 }, { U, U }, 2, U },
                { { 5, 5 }, { NO_LIMIT, NO_LIMIT }, 2, NO_LIMIT },
                { { U, U }, { NO_LIMIT, NO_LIMIT }, 2, NO_LIMIT },
                { { 5, 5 }, { NO_LIMIT, 10 }, 2, 5 },
                { { 5, 5 }, { NO_LIMIT, U }, 2, U }, /* the other one may have a limit */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct owner owner;

                owner_clear(&owner);
                owner.total = owner.n_processes = cases[i].n;
                for (int p = 0; p < 2; p++) {
                        owner.processes[p].fds = cases[i].fds[p];
                        owner.processes[p].fd_limit = cases[i].limit[p];
                }
                assert_true(owner_headroom(&owner) == cases[i].wanted);
        }
#undef U
#undef NO_LIMIT
}

static void test_unit_names(void **state)
{
        static const struct {
                const char *path, *unit;
                bool user;
        } cases[] = {
                { "/system.slice/leaky.service", "leaky.service", false },
                { "/system.slice/leaky.service/payload/worker.service", "leaky.service", false },
                { "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service",
                  false },
                { "/system.slice/leaky.socket", "leaky.socket", false },
                { "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", false },
                { "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service",
                  "web.service", true },
                { "/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope", true },
                { "/user.slice/user-1000.slice/user@1000.service", "user@1000.service", false },
                { "/machine.slice/machine-box.scope/system.slice/a.service", "machine-box.scope",
                  false },
                { "/system.slice", NULL, false },
                { "/.service", NULL, false },
                { "/", NULL, false },
                { "", NULL, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char unit[OWNER_UNIT_MAX] = "";
                bool user = false;
                int r = owner_unit_of_path(cases[i].path, unit, &user);

                assert_int_equal(r, cases[i].unit ? 0 : -ENOENT);
                if (!cases[i].unit)
                        continue;
                assert_string_equal(unit, cases[i].unit);
                assert_int_equal(user, cases[i].user);
        }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, tree_teardown)
#define U(name) cmocka_unit_test_setup_teardown(name, setup_unprivileged, tree_teardown)
        const struct CMUnitTest tests[] = {
                T(test_unit_and_process),
                T(test_all_holders),
                T(test_processes_of_the_unit),
                T(test_process_outside_of_the_cgroup),
                T(test_without_cgroup),
                T(test_cgroup_is_gone),
                T(test_root_cgroup_is_no_unit),
                T(test_hybrid_hierarchy),
                T(test_sub_groups),
                T(test_socket_unit_gives_way_to_the_service),
                T(test_service_of_the_same_name),
                U(test_nearest_to_the_limit_first),
                U(test_list_is_bounded),
                U(test_uid_parts_a_group),
                T(test_uid_hides_no_holder),
                T(test_other_namespaces_come_last),
                T(test_searches_share_a_look),
                T(test_by_listener_is_said),
                T(test_unknown_witness),
                T(test_missing_mounts),
                cmocka_unit_test(test_known),
                cmocka_unit_test(test_headroom),
                cmocka_unit_test(test_unit_names),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
