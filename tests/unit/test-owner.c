/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners from a made-up /proc and /sys/fs/cgroup in a temporary directory. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fixture.h"

#include "owner.h"

struct world {
        char base[64];
        char proc[128];
        char cgroup[128];
};

static void make_dir(const char *base, const char *name)
{
        char path[512];

        snprintf(path, sizeof(path), "%s/%s", base, name);
        for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                (void)mkdir(path, 0755);
                *slash = '/';
        }
        (void)mkdir(path, 0755);
}

static void make_file(const char *base, const char *name, const char *text)
{
        char path[512];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", base, name);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static uint64_t inode_of(const char *base, const char *name)
{
        char path[512];
        struct stat st;

        snprintf(path, sizeof(path), "%s/%s", base, name);
        assert_int_equal(stat(path, &st), 0);
        return st.st_ino;
}

static void make_process(const struct world *world, int pid, const char *comm, uint32_t inode)
{
        char name[64], path[512], link[64];

        snprintf(name, sizeof(name), "%d/fd", pid);
        make_dir(world->proc, name);
        snprintf(name, sizeof(name), "%d/comm", pid);
        make_file(world->proc, name, comm);
        snprintf(path, sizeof(path), "%s/%d/fd/3", world->proc, pid);
        snprintf(link, sizeof(link), "socket:[%u]", inode);
        assert_int_equal(symlink(link, path), 0);
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        strcpy(world->base, "/tmp/twmon-owner-XXXXXX");
        assert_non_null(mkdtemp(world->base));
        snprintf(world->proc, sizeof(world->proc), "%s/proc", world->base);
        snprintf(world->cgroup, sizeof(world->cgroup), "%s/cgroup", world->base);
        make_dir(world->proc, "sys");
        make_dir(world->cgroup, "system.slice/leaky.service");
        make_dir(world->cgroup, "system.slice/other.service");
        make_file(world->cgroup, "system.slice/leaky.service/cgroup.procs", "10\n11\n");
        make_file(world->cgroup, "system.slice/other.service/cgroup.procs", "20\n");
        make_process(world, 10, "master\n", 500);
        make_process(world, 11, "worker\n", 501);
        make_process(world, 20, "other\n", 502);
        *state = world;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static int teardown(void **state)
{
        struct world *world = *state;

        assert_int_equal(nftw(world->base, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
        free(world);
        return 0;
}

static struct owner find(const struct world *world, const char *cgroup, uint32_t inode)
{
        const struct port_witness witness = { .known = true,
                                              .uid = 33,
                                              .inode = inode,
                                              .cgroup_id = cgroup ? inode_of(world->cgroup, cgroup)
                                                                  : 0 };
        struct owner owner;

        owner_find(world->proc, world->cgroup, &witness, &owner);
        return owner;
}

static void test_unit_and_process(void **state)
{
        struct owner owner = find(*state, "system.slice/leaky.service", 501);

        assert_string_equal(owner.unit, "leaky.service");
        assert_false(owner.unit_is_user);
        assert_int_equal(owner.pid, 11);
        assert_string_equal(owner.comm, "worker");
        assert_int_equal(owner.uid, 33);
}

/* Not accepted, or descriptors that cannot be read: one process in the unit is the one. */
static void test_single_process_of_the_unit(void **state)
{
        struct owner owner = find(*state, "system.slice/other.service", 0);

        assert_string_equal(owner.unit, "other.service");
        assert_int_equal(owner.pid, 20);
        assert_string_equal(owner.comm, "other");
}

static void test_several_processes_are_not_guessed_at(void **state)
{
        struct owner owner = find(*state, "system.slice/leaky.service", 0);

        assert_string_equal(owner.unit, "leaky.service");
        assert_int_equal(owner.pid, -1);
        assert_string_equal(owner.comm, "");
}

/* The listener's cgroup is another than that of the process which accepted. */
static void test_process_outside_of_the_cgroup(void **state)
{
        struct owner owner = find(*state, "system.slice/leaky.service", 502);

        assert_string_equal(owner.unit, "leaky.service");
        assert_int_equal(owner.pid, 20);
}

static void test_without_cgroup(void **state)
{
        struct owner owner = find(*state, NULL, 500);

        assert_string_equal(owner.unit, "");
        assert_int_equal(owner.pid, 10);
        assert_string_equal(owner.comm, "master");
}

static void test_root_cgroup_is_no_unit(void **state)
{
        struct owner owner = find(*state, ".", 0);

        assert_string_equal(owner.unit, "");
        assert_int_equal(owner.pid, -1);
        assert_int_equal(owner.uid, 33);
}

static void test_hybrid_hierarchy(void **state)
{
        struct world *world = *state;

        make_dir(world->cgroup, "unified/system.slice/u.service");
        assert_string_equal(find(world, "unified/system.slice/u.service", 0).unit, "u.service");
}

/* Accepted from a listener of the service manager's: the service is named, not the socket unit. */
static void test_socket_unit_gives_way_to_the_service(void **state)
{
        struct world *world = *state;

        make_dir(world->cgroup, "system.slice/web.socket");
        assert_string_equal(find(world, "system.slice/web.socket", 999).unit, "web.socket");
        make_file(world->proc, "20/cgroup",
                  "1:name=systemd:/x.scope\n0::/system.slice/web.service\n");
        assert_string_equal(find(world, "system.slice/web.socket", 502).unit, "web.service");
        assert_int_equal(find(world, "system.slice/web.socket", 502).pid, 20);
}

static void test_unknown_witness(void **state)
{
        struct world *world = *state;
        const struct port_witness witness = { .known = false };
        struct owner owner;

        owner_find(world->proc, world->cgroup, &witness, &owner);
        assert_int_equal(owner.uid, -1);
        assert_int_equal(owner.pid, -1);
}

static void test_missing_mounts(void **state)
{
        const struct port_witness witness = { .known = true, .inode = 5, .cgroup_id = 6 };
        struct owner owner;

        (void)state;
        owner_find("/nonexistent", "/nonexistent", &witness, &owner);
        assert_int_equal(owner.pid, -1);
        assert_string_equal(owner.unit, "");
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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_unit_and_process),
                T(test_single_process_of_the_unit),
                T(test_several_processes_are_not_guessed_at),
                T(test_process_outside_of_the_cgroup),
                T(test_without_cgroup),
                T(test_root_cgroup_is_no_unit),
                T(test_hybrid_hierarchy),
                T(test_socket_unit_gives_way_to_the_service),
                T(test_unknown_witness),
                T(test_missing_mounts),
                cmocka_unit_test(test_unit_names),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
