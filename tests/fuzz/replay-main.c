/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a fuzz target over the files and directories given, without libFuzzer, and prints TAP: one
 * line per file. The plan comes last, so a crash shows as a missing plan and missing lines.
 *
 * Each input lies in an allocation of exactly its size: a read past its end is AddressSanitizer's.
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_BYTES_MAX (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned tests;

/* 0, or -errno. */
static int read_file(FILE *file, uint8_t **ret_data, size_t *ret_size)
{
        struct stat st;
        uint8_t *data;

        if (fstat(fileno(file), &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > INPUT_BYTES_MAX)
                return -EFBIG;
        data = malloc((size_t)st.st_size);
        if (!data && st.st_size > 0)
                return -ENOMEM;
        *ret_size = data ? fread(data, 1, (size_t)st.st_size, file) : 0;
        *ret_data = data;
        return 0;
}

static void replay_file(const char *path)
{
        FILE *file = fopen(path, "rbe");
        uint8_t *data = NULL;
        size_t size = 0;
        int r = file ? read_file(file, &data, &size) : -errno;

        if (file)
                (void)fclose(file);
        if (r == 0) {
                (void)LLVMFuzzerTestOneInput(data, size);
                printf("ok %u - %s\n", ++tests, path);
        } else {
                printf("not ok %u - %s: %s\n", ++tests, path, strerror(-r));
        }
        (void)fflush(stdout);
        free(data);
}

static int not_hidden(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
        struct dirent **entries;
        int n = scandir(path, &entries, not_hidden, alphasort);
        char *name;

        if (n < 0) {
                replay_file(path);
                return;
        }
        for (int i = 0; i < n; i++) {
                if (asprintf(&name, "%s/%s", path, entries[i]->d_name) < 0)
                        abort();
                replay_file(name);
                free(name);
                free(entries[i]);
        }
        free(entries);
}

int main(int argc, char **argv)
{
        for (int i = 1; i < argc; i++)
                replay(argv[i]);
        printf("1..%u\n", tests);
        return tests > 0 ? 0 : 1;
}
