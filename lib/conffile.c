/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading is bounded in bytes, files and time: a FIFO is opened without waiting for its writer and
 * then refused, like everything that is no regular file. /dev/null alone stands for an empty file,
 * because a link to it is how systemd masks one.
 *
 * Of drop-ins with the same name only the first directory's counts, whatever is in it. Names are
 * therefore settled before any file is read.
 */

#include "conffile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base.h"

/* The order is the precedence. */
static const char *const directories[] = { "/etc/twmon", "/run/twmon", "/usr/lib/twmon" };

static void closedirp(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

static void freep(char **p)
{
        free(*p);
}

void conf_paths_done(struct conf_paths *paths)
{
        for (size_t i = 0; i < paths->n; i++)
                free(paths->items[i]);
        paths->n = 0;
}

/* a and b in one string, between them what stands between. NULL: no memory. */
static char *join(const char *a, const char *between, const char *b)
{
        size_t size = strlen(a) + strlen(between) + strlen(b) + 1;
        char *path = malloc(size);

        if (path)
                (void)snprintf(path, size, "%s%s%s", a, between, b);
        return path;
}

static const char *name_of(const char *path)
{
        return strrchr(path, '/') + 1;
}

/* Takes over path. */
static int add_path(struct conf_paths *paths, char *path)
{
        if (!path)
                return -ENOMEM;
        paths->items[paths->n++] = path;
        return 0;
}

/* A dangling link exists: to pass it over would hide a mistake. */
static bool exists(const char *path)
{
        struct stat st;

        return lstat(path, &st) == 0 || errno != ENOENT;
}

/* The first main file there is. */
static int find_main(const char *root, struct conf_paths *paths)
{
        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                CLEANUP(freep) char *path = join(root, directories[i], "/twmon.conf");

                if (!path)
                        return -ENOMEM;
                if (exists(path))
                        return add_path(paths, TAKE_PTR(path));
        }
        return 0;
}

/* *.conf, hidden ones left out, as systemd reads them. */
static bool is_drop_in(const char *name)
{
        size_t len = strlen(name);

        return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static bool has_name(const struct conf_paths *paths, const char *name)
{
        for (size_t i = 0; i < paths->n; i++) {
                if (strcmp(name_of(paths->items[i]), name) == 0)
                        return true;
        }
        return false;
}

/* Adds the drop-ins of one directory whose names are not taken yet. */
static int list_directory(const char *path, struct conf_paths *drop_ins, struct conf_errors *errors)
{
        CLEANUP(closedirp) DIR *dir = opendir(path);
        const struct conf_place place = { path, 0 };
        const struct dirent *entry;

        if (!dir && errno == ENOENT)
                return 0;
        if (!dir && errno == ENOMEM)
                return -ENOMEM;
        while (dir && (errno = 0, entry = readdir(dir))) {
                int r;

                if (!is_drop_in(entry->d_name) || has_name(drop_ins, entry->d_name))
                        continue;
                if (drop_ins->n >= CONF_FILES_MAX) {
                        conf_errors_add(errors, &place, "too many drop-ins, expected at most %d",
                                        CONF_FILES_MAX);
                        return 0;
                }
                r = add_path(drop_ins, join(path, "/", entry->d_name));
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                conf_errors_add(errors, &place, "cannot be read (%m), expected a directory");
        return 0;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(name_of(*(char *const *)a), name_of(*(char *const *)b));
}

static int find_drop_ins(const char *root, struct conf_paths *drop_ins, struct conf_errors *errors)
{
        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                CLEANUP(freep) char *path = join(root, directories[i], "/twmon.conf.d");
                int r = path ? list_directory(path, drop_ins, errors) : -ENOMEM;

                if (r < 0)
                        return r;
        }
        qsort(drop_ins->items, drop_ins->n, sizeof(drop_ins->items[0]), compare_names);
        return 0;
}

int conf_paths_find(const char *root, struct conf_paths *paths, struct conf_errors *errors)
{
        CLEANUP(conf_paths_done) struct conf_paths drop_ins = { .n = 0 };
        int r;

        r = find_main(root, paths);
        if (r < 0)
                return r;
        r = find_drop_ins(root, &drop_ins, errors);
        if (r < 0)
                return r;
        memcpy(&paths->items[paths->n], drop_ins.items, drop_ins.n * sizeof(drop_ins.items[0]));
        paths->n += drop_ins.n;
        drop_ins.n = 0;
        return 0;
}

/* Returns whether fd may be read; otherwise reports what it is. */
static bool check_type(int fd, const struct conf_place *place, struct conf_errors *errors)
{
        const char *what = "a device, a FIFO or a socket";
        struct stat st;

        if (fstat(fd, &st) < 0) {
                conf_errors_add(errors, place, "cannot be read (%m), expected a regular file");
                return false;
        }
        if (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
                return true;
        if (S_ISDIR(st.st_mode))
                what = "a directory";
        conf_errors_add(errors, place, "is %s, expected a regular file", what);
        return false;
}

/* Reads up to size bytes; -errno. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
        size_t len = 0;

        while (len < size) {
                ssize_t n = read(fd, bytes + len, size - len);

                if (n == 0)
                        break;
                if (n < 0 && errno != EINTR)
                        return -errno;
                len += n > 0 ? (size_t)n : 0;
        }
        return (ssize_t)len;
}

int conf_file_read(const char *path, struct conf_errors *errors, char **ret_bytes, size_t *ret_len)
{
        const struct conf_place place = { path, 0 };
        CLEANUP(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        CLEANUP(freep) char *bytes = NULL;
        ssize_t len;

        if (fd < 0) {
                conf_errors_add(errors, &place, "cannot be read (%m), expected a regular file");
                return CONF_BAD;
        }
        if (!check_type(fd, &place, errors))
                return CONF_BAD;
        /* One byte more than allowed, to see that there is more. Pages that stay empty cost
         * nothing. */
        bytes = malloc(CONF_FILE_MAX + 1);
        if (!bytes)
                return -ENOMEM;
        len = read_all(fd, bytes, CONF_FILE_MAX + 1);
        if (len < 0) {
                errno = (int)-len;
                conf_errors_add(errors, &place, "cannot be read (%m), expected a regular file");
                return CONF_BAD;
        }
        if (len > CONF_FILE_MAX) {
                conf_errors_add(errors, &place, "is larger than %d bytes, expected at most that",
                                CONF_FILE_MAX);
                return CONF_BAD;
        }
        *ret_bytes = TAKE_PTR(bytes);
        *ret_len = (size_t)len;
        return 0;
}
