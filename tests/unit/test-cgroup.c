/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Paths and processes of groups in a made-up /sys/fs/cgroup. */

#include <errno.h>

#include "faketree.h"

#include "cgroup.h"

#define LEAKY "system.slice/leaky.service"

/* The path of a group that is made here. */
static int find(const struct tree *tree, const char *name, char path[static PATH_MAX])
{
        const int root = cgroup_open(tree->cgroup);
        int r;

        assert_true(root >= 0);
        r = cgroup_find(root, inode_of(tree->cgroup, name), path);
        close(root);
        return r;
}

static struct pids processes(const struct tree *tree, const char *path)
{
        const int root = cgroup_open(tree->cgroup);
        struct pids pids = { 0 };

        assert_true(root >= 0);
        cgroup_processes(root, path, &pids);
        close(root);
        return pids;
}

static void test_path_of_an_id(void **state)
{
        struct tree *tree = *state;
        char path[PATH_MAX];

        make_dir(tree->cgroup, "user.slice/user-1000.slice");
        make_dir(tree->cgroup, LEAKY "/payload");
        assert_int_equal(find(tree, LEAKY, path), 0);
        assert_string_equal(path, "/" LEAKY);
        assert_int_equal(find(tree, LEAKY "/payload", path), 0);
        assert_string_equal(path, "/" LEAKY "/payload");
        assert_int_equal(find(tree, ".", path), -ENOENT);
        make_file(tree->cgroup, LEAKY "/cgroup.procs", "");
        assert_int_equal(find(tree, LEAKY "/cgroup.procs", path), -ENOENT); /* not a group */
}

static void test_hybrid_hierarchy(void **state)
{
        struct tree *tree = *state;
        char path[PATH_MAX];

        make_dir(tree->cgroup, "unified/system.slice/u.service");
        assert_int_equal(find(tree, "unified/system.slice/u.service", path), 0);
        assert_string_equal(path, "/system.slice/u.service");
        assert_int_equal(find(tree, "system.slice", path), -ENOENT);
}

static void test_too_deep(void **state)
{
        struct tree *tree = *state;
        char name[4 * OWNER_DEPTH_MAX] = "d", path[PATH_MAX];

        for (int depth = 1; depth < OWNER_DEPTH_MAX + 1; depth++)
                strcat(name, "/d");
        make_dir(tree->cgroup, name);
        assert_int_equal(find(tree, name, path), 0);
        strcat(name, "/d");
        make_dir(tree->cgroup, name);
        assert_int_equal(find(tree, name, path), -ENOENT);
}

static void test_no_mount(void **state)
{
        struct tree *tree = *state;

        assert_int_equal(cgroup_open("/nonexistent"), -ENOENT);
        make_file(tree->base, "file", "");
        strcat(tree->base, "/file");
        assert_int_equal(cgroup_open(tree->base), -ENOTDIR);
        *strrchr(tree->base, '/') = '\0';
}

static void test_processes(void **state)
{
        struct tree *tree = *state;
        struct pids pids;

        make_dir(tree->cgroup, LEAKY "/payload");
        make_file(tree->cgroup, LEAKY "/cgroup.procs", "12\n0\n7\n");
        make_file(tree->cgroup, LEAKY "/payload/cgroup.procs", "99\n");
        pids = processes(tree, "/" LEAKY);
        assert_int_equal(pids.n, 2); /* 0 is a process that this namespace does not see */
        assert_int_equal(pids.items[0], 12);
        assert_int_equal(pids.items[1], 7);
        pids_done(&pids);
        assert_int_equal(processes(tree, "/nonexistent").n, 0);
}

/* A unit that has given its processes to sub-groups, as delegation asks for. */
static void test_sub_groups(void **state)
{
        struct tree *tree = *state;
        struct pids pids;
        int64_t sum = 0;

        make_dir(tree->cgroup, LEAKY "/init");
        make_dir(tree->cgroup, LEAKY "/payload/deeper/deepest");
        make_file(tree->cgroup, LEAKY "/cgroup.procs", "");
        make_file(tree->cgroup, LEAKY "/init/cgroup.procs", "1\n");
        make_file(tree->cgroup, LEAKY "/payload/deeper/cgroup.procs", "20\n300\n");
        make_file(tree->cgroup, LEAKY "/payload/deeper/deepest/cgroup.procs", "4000\n");
        pids = processes(tree, "/" LEAKY);
        for (size_t i = 0; i < pids.n; i++)
                sum += pids.items[i];
        assert_int_equal(sum, 321);
        pids_done(&pids);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tree_setup, tree_teardown)
        const struct CMUnitTest tests[] = {
                T(test_path_of_an_id), T(test_hybrid_hierarchy), T(test_too_deep),
                T(test_no_mount),      T(test_processes),        T(test_sub_groups),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
