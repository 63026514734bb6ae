/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each setting is one short read of one small file that stays open, so that a scan may ask for it
 * afresh: sysctls change while we run. An unreadable file is an unknown, never a zero.
 *
 * The kernel gives a list of ports in one read() or cuts it. It is short or empty almost
 * everywhere, so it gets a small buffer first, and one for the worst case only where it needs it.
 */

#include "kernlimits.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "units.h"

#define FILE_MAX_BYTES  256
#define PORTS_MAX_BYTES ((size_t)PORT_NUMBERS / 2 * sizeof("65535,")) /* every other port */

/* Where a setting stands, and where it goes. */
struct setting {
        const char *name;
        size_t offset;
};

/* Beside the ports, what every scan goes by: also whether a census is due (destinationguard.c). */
static const struct setting of_scan[] = {
        { "sys/net/ipv4/tcp_max_tw_buckets", offsetof(struct kernlimits, max_tw_buckets) },
        { "sys/net/ipv4/tcp_tw_reuse", offsetof(struct kernlimits, tw_reuse) },
        { "sys/net/ipv4/tcp_timestamps", offsetof(struct kernlimits, timestamps) },
};

static const struct setting others[] = {
        { "sys/net/ipv4/tcp_keepalive_time", offsetof(struct kernlimits, keepalive_time_sec) },
        { "sys/net/ipv4/tcp_keepalive_intvl", offsetof(struct kernlimits, keepalive_intvl_sec) },
        { "sys/net/ipv4/tcp_keepalive_probes", offsetof(struct kernlimits, keepalive_probes) },
        { "sys/net/ipv4/ip_unprivileged_port_start",
          offsetof(struct kernlimits, unprivileged_port_start) },
        { "sys/net/ipv4/ip_nonlocal_bind", offsetof(struct kernlimits, nonlocal_bind) },
        { "sys/net/ipv6/ip_nonlocal_bind", offsetof(struct kernlimits, nonlocal_bind6) },
};

void kernlimits_clear(struct kernlimits *limits)
{
        *limits = (struct kernlimits){ .reserved_in_range = KERNLIMITS_UNKNOWN,
                                       .tw_reuse = KERNLIMITS_UNKNOWN,
                                       .tw_reuse_delay_msec = KERNLIMITS_UNKNOWN,
                                       .timestamps = KERNLIMITS_UNKNOWN,
                                       .max_tw_buckets = KERNLIMITS_UNKNOWN,
                                       .keepalive_time_sec = KERNLIMITS_UNKNOWN,
                                       .keepalive_intvl_sec = KERNLIMITS_UNKNOWN,
                                       .keepalive_probes = KERNLIMITS_UNKNOWN,
                                       .unprivileged_port_start = KERNLIMITS_UNKNOWN,
                                       .nonlocal_bind = KERNLIMITS_UNKNOWN,
                                       .nonlocal_bind6 = KERNLIMITS_UNKNOWN };
}

/* A number from 0 on; the few sysctls that take a negative one mean nothing that we know by it. */
static bool parse_number(const char *text, int64_t *ret_number)
{
        char *end;
        long long number;

        if (!isdigit((unsigned char)text[0]))
                return false;
        errno = 0;
        number = strtoll(text, &end, 10);
        if (errno != 0 || (*end != '\0' && strcmp(end, "\n") != 0))
                return false;
        *ret_number = number;
        return true;
}

static int read_number(struct proc_reader *reader, const char *name, int64_t *ret_number)
{
        char text[FILE_MAX_BYTES];
        int r = proc_reader_read(reader, name, text, sizeof(text));

        if (r == 0 && !parse_number(text, ret_number))
                r = -EBADMSG;
        return r;
}

/* "9148" up to what follows it; NULL: no port. */
static const char *parse_port(const char *text, unsigned *ret_port)
{
        unsigned port = 0;

        if (!isdigit((unsigned char)*text))
                return NULL;
        for (; isdigit((unsigned char)*text); text++) {
                port = port * 10 + (unsigned)(*text - '0');
                if (port >= PORT_NUMBERS)
                        return NULL;
        }
        *ret_port = port;
        return text;
}

static const char *skip_space(const char *text)
{
        return text + strspn(text, " \t\n");
}

bool kernlimits_parse_range(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
        unsigned first, last;

        text = parse_port(skip_space(text), &first);
        text = text ? parse_port(skip_space(text), &last) : NULL;
        if (!text || *skip_space(text) != '\0' || first > last)
                return false;
        *ret_first = (uint16_t)first;
        *ret_last = (uint16_t)last;
        return true;
}

bool kernlimits_parse_ports(const char *text, struct port_set *ret_ports)
{
        struct port_set ports = { 0 };

        while (*text != '\0' && *text != '\n') {
                unsigned first, last;

                text = parse_port(text, &first);
                last = first;
                if (text && *text == '-')
                        text = parse_port(text + 1, &last);
                if (!text || first > last)
                        return false;
                while (first <= last)
                        port_set_add(&ports, (uint16_t)first++);
                if (*text == ',' && text[1] != '\0' && text[1] != '\n')
                        text++;
                else if (*text != '\0' && *text != '\n')
                        return false;
        }
        if (*text == '\n' && text[1] != '\0')
                return false;
        *ret_ports = ports;
        return true;
}

bool kernlimits_read_reserved(struct proc_reader *reader, struct port_set *ret_reserved)
{
        static const char name[] = "sys/net/ipv4/ip_local_reserved_ports";
        CLEANUP(free_text) char *all = NULL;
        char text[FILE_MAX_BYTES];
        int r = proc_reader_read(reader, name, text, sizeof(text));

        if (r == 0)
                return kernlimits_parse_ports(text, ret_reserved);
        if (r != -E2BIG)
                return false;
        all = malloc(PORTS_MAX_BYTES);
        return all && proc_reader_read(reader, name, all, PORTS_MAX_BYTES) == 0 &&
               kernlimits_parse_ports(all, ret_reserved);
}

static int64_t count_reserved(struct proc_reader *reader, const struct kernlimits *limits)
{
        struct port_set reserved;
        int64_t n = 0;

        if (!limits->port_range_known || !kernlimits_read_reserved(reader, &reserved))
                return KERNLIMITS_UNKNOWN;
        for (unsigned w = limits->port_first / 64; w <= limits->port_last / 64U; w++) {
                uint64_t bits = reserved.words[w];

                if (w == limits->port_first / 64)
                        bits &= UINT64_MAX << (limits->port_first % 64);
                if (w == limits->port_last / 64)
                        bits &= UINT64_MAX >> (63 - limits->port_last % 64);
                n += bits ? __builtin_popcountll(bits) : 0;
        }
        return n;
}

static void read_settings(struct proc_reader *reader, const struct setting *settings, size_t n,
                          struct kernlimits *limits)
{
        for (size_t i = 0; i < n; i++)
                (void)read_number(reader, settings[i].name,
                                  (int64_t *)((char *)limits + settings[i].offset));
}

/* Kernels that do not let it be set wait for a second. */
static void read_reuse_delay(struct proc_reader *reader, struct kernlimits *limits)
{
        int r = read_number(reader, "sys/net/ipv4/tcp_tw_reuse_delay",
                            &limits->tw_reuse_delay_msec);

        if (r == -ENOENT && limits->tw_reuse != KERNLIMITS_UNKNOWN)
                limits->tw_reuse_delay_msec = KERNLIMITS_TW_REUSE_DELAY_MSEC;
}

void kernlimits_read_scan(struct proc_reader *reader, struct kernlimits *ret_limits)
{
        struct kernlimits limits;
        char text[FILE_MAX_BYTES];

        kernlimits_clear(&limits);
        if (proc_reader_read(reader, "sys/net/ipv4/ip_local_port_range", text, sizeof(text)) == 0)
                limits.port_range_known =
                        kernlimits_parse_range(text, &limits.port_first, &limits.port_last);
        limits.reserved_in_range = count_reserved(reader, &limits);
        read_settings(reader, of_scan, ARRAY_SIZE(of_scan), &limits);
        read_reuse_delay(reader, &limits);
        *ret_limits = limits;
}

bool kernlimits_is_ephemeral(const struct kernlimits *limits, uint16_t port)
{
        return limits->port_range_known && port >= limits->port_first && port <= limits->port_last;
}

/* Asked for once a minute or so, which is not worth a descriptor each. */
void kernlimits_read_rest(const struct proc_reader *reader, struct kernlimits *limits)
{
        struct proc_reader once;

        proc_reader_init(&once, reader->proc);
        read_settings(&once, others, ARRAY_SIZE(others), limits);
        proc_reader_done(&once);
}

void kernlimits_read(struct proc_reader *reader, struct kernlimits *ret_limits)
{
        kernlimits_read_scan(reader, ret_limits);
        kernlimits_read_rest(reader, ret_limits);
}

uint64_t kernlimits_keepalive_usec(const struct kernlimits *limits)
{
        if (limits->keepalive_time_sec < 0 || limits->keepalive_intvl_sec < 0 ||
            limits->keepalive_probes < 0)
                return 0;
        return ((uint64_t)limits->keepalive_time_sec +
                (uint64_t)limits->keepalive_intvl_sec * (uint64_t)limits->keepalive_probes) *
               USEC_PER_SEC;
}
