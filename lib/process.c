/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How many descriptors a process has, the kernel tells everybody since Linux 6.2: as the size of
 * the directory /proc/PID/fd. Before that the size is 0 there, and the entries must be counted,
 * which needs the right to read them. Which of both it is, our own directory says: nobody who asks
 * is without descriptors. No answer is ever 0: who holds a socket has one at least.
 */

#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base.h"

#define LINE_BYTES 256 /* of /proc/PID/limits */
#define LINK_BYTES 32  /* "socket:[INODE]" */

static void close_dir(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

static void close_file(FILE **file)
{
        if (*file)
                (void)fclose(*file);
}

/* PATH_MAX bytes hold it: a mount point that is longer could not have been opened. */
static const char *path_of(const struct process_source *source, int64_t pid, const char *name,
                           char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/%" PRId64 "%s", source->proc, pid, name);
        return path;
}

void process_source_init(struct process_source *source, const char *proc)
{
        char path[PATH_MAX];
        struct stat st;

        *source = (struct process_source){ .proc = proc, .fds_left = OWNER_FDS_MAX };
        snprintf(path, sizeof(path), "%s/self/fd", proc);
        source->fd_sizes = stat(path, &st) == 0 && st.st_size > 0;
        snprintf(path, sizeof(path), "%s/self/ns/net", proc);
        source->netns = stat(path, &st) == 0 ? st.st_ino : 0;
}

int64_t pid_parse(const char *text)
{
        long long pid = isdigit((unsigned char)text[0]) ? strtoll(text, NULL, 10) : 0;

        return pid > 0 && pid < INT32_MAX ? pid : 0;
}

bool pids_add(struct pids *pids, int64_t pid)
{
        if (pids->n == OWNER_PROCESSES_MAX)
                return false;
        if (pids->n == pids->size) {
                const size_t size = MAX(pids->size * 2, (size_t)64);
                int64_t *items = realloc(pids->items, size * sizeof(*items));

                if (!items)
                        return false;
                pids->items = items;
                pids->size = size;
        }
        pids->items[pids->n++] = pid;
        return true;
}

void pids_done(struct pids *pids)
{
        free(pids->items);
        *pids = (struct pids){ 0 };
}

static void read_comm(const struct process_source *source, int64_t pid,
                      char comm[static OWNER_COMM_MAX])
{
        char path[PATH_MAX], text[OWNER_COMM_MAX + 1] = "";
        CLEANUP(close_fdp) int fd = -1;
        ssize_t n;

        fd = open(path_of(source, pid, "/comm", path), O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        n = read(fd, text, OWNER_COMM_MAX);
        if (n <= 0)
                return;
        text[strcspn(text, "\n")] = '\0';
        memcpy(comm, text, OWNER_COMM_MAX - 1);
        comm[OWNER_COMM_MAX - 1] = '\0';
}

static DIR *open_descriptors(const struct process_source *source, int64_t pid)
{
        char path[PATH_MAX];

        return opendir(path_of(source, pid, "/fd", path));
}

/* The next entry that is a descriptor; NULL: there is no more, or too many were looked at. */
static const struct dirent *next_descriptor(struct process_source *source, DIR *dir)
{
        const struct dirent *entry;

        while (source->fds_left > 0 && (entry = readdir(dir)) != NULL) {
                if (!isdigit((unsigned char)entry->d_name[0]))
                        continue;
                source->fds_left--;
                return entry;
        }
        return NULL;
}

static int64_t count_entries(struct process_source *source, int64_t pid)
{
        CLEANUP(close_dir) DIR *dir = open_descriptors(source, pid);
        int64_t n = 0;

        if (!dir)
                return OWNER_UNKNOWN;
        while (next_descriptor(source, dir))
                n++;
        return n > 0 && source->fds_left > 0 ? n : OWNER_UNKNOWN;
}

static int64_t count_descriptors(struct process_source *source, int64_t pid)
{
        char path[PATH_MAX];
        struct stat st;

        if (!source->fd_sizes)
                return count_entries(source, pid);
        if (stat(path_of(source, pid, "/fd", path), &st) < 0 || st.st_size <= 0)
                return OWNER_UNKNOWN;
        return st.st_size;
}

/* "Max open files            1024                 524288               files": the first number. */
static int64_t parse_limit(const char *line)
{
        static const char name[] = "Max open files";
        char *end;
        unsigned long long limit;

        line += sizeof(name) - 1;
        line += strspn(line, " ");
        if (strncmp(line, "unlimited", strlen("unlimited")) == 0)
                return OWNER_UNLIMITED;
        if (!isdigit((unsigned char)*line))
                return OWNER_UNKNOWN;
        errno = 0;
        limit = strtoull(line, &end, 10);
        if (errno != 0 || *end != ' ' || limit >= OWNER_UNLIMITED)
                return OWNER_UNKNOWN;
        return (int64_t)limit;
}

static int64_t read_limit(const struct process_source *source, int64_t pid)
{
        char path[PATH_MAX], line[LINE_BYTES];
        CLEANUP(close_file) FILE *file = fopen(path_of(source, pid, "/limits", path), "re");

        while (file && fgets(line, sizeof(line), file))
                if (strncmp(line, "Max open files ", strlen("Max open files ")) == 0)
                        return parse_limit(line);
        return OWNER_UNKNOWN;
}

void process_describe(struct process_source *source, int64_t pid, struct owner_process *ret_process)
{
        struct owner_process process = { .pid = pid };

        read_comm(source, pid, process.comm);
        process.fds = count_descriptors(source, pid);
        process.fd_limit = read_limit(source, pid);
        *ret_process = process;
}

int64_t process_uid(const struct process_source *source, int64_t pid)
{
        char path[PATH_MAX];
        struct stat st;

        return stat(path_of(source, pid, "", path), &st) == 0 ? (int64_t)st.st_uid : OWNER_UNKNOWN;
}

bool process_is_foreign(const struct process_source *source, int64_t pid)
{
        char path[PATH_MAX];
        struct stat st;

        return source->netns != 0 && stat(path_of(source, pid, "/ns/net", path), &st) == 0 &&
               st.st_ino != source->netns;
}

/* The path in a line of /proc/PID/cgroup, "0::PATH" or "N:name=systemd:PATH"; NULL: in the root. */
static const char *path_in_line(const char *line, bool *ret_cgroup2)
{
        static const char named[] = ":name=systemd:";
        const size_t number = strspn(line, "0123456789");
        const char *path = NULL;

        *ret_cgroup2 = strncmp(line, "0::", 3) == 0;
        if (*ret_cgroup2)
                path = line + 3;
        else if (strncmp(line + number, named, sizeof(named) - 1) == 0)
                path = line + number + sizeof(named) - 1;
        return path && path[0] == '/' && path[1] != '\0' ? path : NULL;
}

int process_cgroup(const struct process_source *source, int64_t pid, char ret_path[static PATH_MAX])
{
        char path[PATH_MAX], line[PATH_MAX];
        CLEANUP(close_file) FILE *file = fopen(path_of(source, pid, "/cgroup", path), "re");
        bool found = false, cgroup2 = false;

        while (file && !cgroup2 && fgets(line, sizeof(line), file)) {
                bool is_cgroup2;
                const char *at;

                line[strcspn(line, "\n")] = '\0';
                at = path_in_line(line, &is_cgroup2);
                if (!at)
                        continue;
                strcpy(ret_path, at);
                found = true;
                cgroup2 = is_cgroup2;
        }
        return found ? 0 : -ENOENT;
}

/* The inode of a link "socket:[INODE]"; 0: it is another. */
static uint32_t parse_socket(const char *link, size_t len)
{
        static const char prefix[] = "socket:[";
        char text[LINK_BYTES], *end;
        unsigned long long inode;

        if (len >= sizeof(text) || len < sizeof(prefix) ||
            memcmp(link, prefix, sizeof(prefix) - 1) != 0)
                return 0;
        memcpy(text, link, len);
        text[len] = '\0';
        inode = strtoull(text + sizeof(prefix) - 1, &end, 10);
        return strcmp(end, "]") == 0 && inode <= UINT32_MAX ? (uint32_t)inode : 0;
}

/* The socket that a descriptor is, by its link; 0: it is none, or errno says why. */
static uint32_t read_socket(int dir, const char *name)
{
        char link[LINK_BYTES];
        ssize_t len;

        errno = 0;
        len = readlinkat(dir, name, link, sizeof(link));
        return len > 0 ? parse_socket(link, (size_t)len) : 0;
}

int process_each_socket(struct process_source *source, int64_t pid,
                        int (*fn)(const struct holder *holder, void *userdata), void *userdata)
{
        CLEANUP(close_dir) DIR *dir = open_descriptors(source, pid);
        const struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = next_descriptor(source, dir)) != NULL) {
                const struct holder holder = { read_socket(dirfd(dir), entry->d_name), (int32_t)pid,
                                               (int32_t)strtol(entry->d_name, NULL, 10) };
                int r = holder.inode == 0 && errno == EACCES ? -EACCES : 0;

                if (holder.inode > 0)
                        r = fn(&holder, userdata);
                if (r != 0)
                        return r; /* where one link is not for us, none is */
        }
        return source->fds_left > 0 ? 0 : -ENOBUFS;
}

static int is_wanted(const struct holder *holder, void *userdata)
{
        struct holder *wanted = userdata;

        if (holder->inode != wanted->inode)
                return 0;
        *wanted = *holder;
        return PROCESS_HOLDS;
}

int process_holds(struct process_source *source, int64_t pid, uint32_t inode,
                  struct holder *ret_holder)
{
        struct holder wanted = { .inode = inode };
        const int r = process_each_socket(source, pid, is_wanted, &wanted);

        if (r == PROCESS_HOLDS)
                *ret_holder = wanted;
        return r;
}

bool process_holds_still(const struct process_source *source, const struct holder *holder)
{
        char name[LINK_BYTES], path[PATH_MAX];

        snprintf(name, sizeof(name), "/fd/%" PRId32, holder->fd);
        return read_socket(AT_FDCWD, path_of(source, holder->pid, name, path)) == holder->inode;
}
