/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sockets in TIME_WAIT take a shorter way: in blocks, by ports and time alone. What is counted in
 * the end is what the long way counts.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "fixture.h"

#include "diagmsg.h"
#include "observe.h"

#define SEQ          77
#define PORTID       4242
#define TIME_WAIT    6 /* the kernel's numbers */
#define CLOSE_WAIT   8
#define DATAGRAM_MAX 65536

struct datagram {
        char *bytes;
        size_t len;
};

static struct nlmsghdr *put_message(struct datagram *d, uint16_t type, size_t payload)
{
        struct nlmsghdr *nlh = (struct nlmsghdr *)(d->bytes + d->len);

        assert_true(d->len + NLMSG_SPACE(payload) <= DATAGRAM_MAX);
        memset(nlh, 0, NLMSG_SPACE(payload));
        *nlh = (struct nlmsghdr){ .nlmsg_len = (uint32_t)NLMSG_LENGTH(payload),
                                  .nlmsg_type = type,
                                  .nlmsg_flags = NLM_F_MULTI,
                                  .nlmsg_seq = SEQ,
                                  .nlmsg_pid = PORTID };
        d->len += NLMSG_SPACE(payload);
        return nlh;
}

static struct inet_diag_msg *put_socket(struct datagram *d, uint8_t state, uint16_t port)
{
        struct inet_diag_msg *msg = NLMSG_DATA(put_message(d, TCPDIAG_GETSOCK, sizeof(*msg)));
        static uint32_t cookie;

        msg->idiag_family = AF_INET;
        msg->idiag_state = state;
        msg->id.idiag_sport = htons(port);
        msg->id.idiag_dport = htons(40001);
        msg->id.idiag_cookie[0] = ++cookie;
        msg->idiag_timer = state == TIME_WAIT ? 3 : 0;
        msg->idiag_expires = 1000U + port;
        return msg;
}

struct seen {
        size_t records;
        size_t waits;
        size_t blocks;
        uint64_t ports; /* the sum of those of waits */
        struct sock_wait last;
        int stop; /* what waits are answered with */
};

static int on_socket(const struct sockrec *record, void *userdata)
{
        struct seen *seen = userdata;

        (void)record;
        seen->records++;
        return 0;
}

static int on_waits(const struct sock_wait *waits, size_t n, void *userdata)
{
        struct seen *seen = userdata;

        for (size_t i = 0; i < n; i++)
                seen->ports += waits[i].local_port;
        seen->last = waits[n - 1];
        seen->waits += n;
        seen->blocks++;
        return seen->stop;
}

/* Everything that the tests have. */
struct world {
        struct datagram datagram;
        struct seen seen;
        struct diagmsg_reader reader;
};

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        world->datagram.bytes = malloc(DATAGRAM_MAX);
        assert_non_null(world->datagram.bytes);
        world->reader = (struct diagmsg_reader){
                .seq = SEQ,
                .portid = PORTID,
                .sink = { .fn = on_socket, .waits_fn = on_waits, .userdata = &world->seen },
        };
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        free(world->datagram.bytes);
        free(world);
        return 0;
}

/* From an exactly sized copy, so that the sanitizer sees any step beyond it. */
static int read_copy(struct diagmsg_reader *reader, const struct datagram *d)
{
        char *copy = malloc(d->len ? d->len : 1);
        int r;

        assert_non_null(copy);
        memcpy(copy, d->bytes, d->len);
        r = diagmsg_read(reader, copy, d->len);
        free(copy);
        return r;
}

static int read_all(struct world *world)
{
        return read_copy(&world->reader, &world->datagram);
}

/* A row of messages that begin alike, cut at every byte: nothing is read beyond, and it is noticed. */
static void test_a_row_that_is_cut(void **state)
{
        struct world *world = *state;
        const size_t step = NLMSG_SPACE(sizeof(struct inet_diag_msg));

        for (uint16_t port = 1; port <= 4; port++)
                put_socket(&world->datagram, TIME_WAIT, port);
        for (size_t len = 0; len <= 4 * step; len++) {
                const struct datagram d = { world->datagram.bytes, len };
                struct diagmsg_reader reader = world->reader;

                world->seen = (struct seen){ 0 };
                assert_int_equal(read_copy(&reader, &d), 0);
                assert_int_equal(world->seen.waits, len / step);
                assert_int_equal(reader.messages, len / step);
                assert_int_equal(reader.interrupted, len % step != 0);
        }
}

/* What is different in its midst is seen to be. */
static void test_a_row_that_is_broken(void **state)
{
        struct world *world = *state;
        struct port_set ports = { 0 };

        for (unsigned what = 0; what < 8; what++) {
                struct diagmsg_reader reader = world->reader;
                struct inet_diag_msg *msg;
                struct nlmsghdr *nlh;

                world->seen = (struct seen){ 0 };
                world->datagram.len = 0;
                for (uint16_t port = 1; port <= 3; port++)
                        put_socket(&world->datagram, TIME_WAIT, port);
                nlh = (struct nlmsghdr *)(world->datagram.bytes + NLMSG_SPACE(sizeof(*msg)));
                msg = NLMSG_DATA(nlh);
                switch (what) {
                case 0:
                        nlh->nlmsg_seq++;
                        break;
                case 1:
                        nlh->nlmsg_pid++;
                        break;
                case 2:
                        nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
                        break;
                case 3:
                        nlh->nlmsg_type = NLMSG_OVERRUN;
                        break;
                case 4:
                        nlh->nlmsg_len -= 4; /* and the next is looked for there */
                        break;
                case 5:
                        msg->idiag_family = 77;
                        break;
                case 6:
                        msg->idiag_state = CLOSE_WAIT;
                        break;
                default:
                        port_set_add(&ports, 2);
                        reader.sink.whole = &ports;
                }
                assert_int_equal(read_copy(&reader, &world->datagram), 0);
                assert_int_equal(reader.foreign, what < 2);
                assert_int_equal(reader.interrupted, what >= 2 && what <= 5);
                assert_int_equal(reader.malformed, what == 4 ? 2 : what == 5);
                assert_int_equal(world->seen.records, what >= 6);
                assert_int_equal(world->seen.waits, what == 2 ? 3 : what == 4 ? 1 : 2);
        }
}

static void test_ports_and_time(void **state)
{
        struct world *world = *state;

        put_socket(&world->datagram, TIME_WAIT, 80)->idiag_family = AF_INET6;
        put_socket(&world->datagram, CLOSE_WAIT, 80);
        put_socket(&world->datagram, TIME_WAIT, 7865);
        assert_int_equal(read_all(world), 0);
        assert_int_equal(world->seen.waits, 2);
        assert_int_equal(world->seen.records, 1);
        assert_int_equal(world->reader.messages, 3);
        assert_int_equal(world->seen.ports, 80 + 7865);
        assert_int_equal(world->seen.last.local_port, 7865);
        assert_int_equal(world->seen.last.remote_port, 40001);
        assert_int_equal(world->seen.last.expires_msec, 8865);
}

/* A datagram of 32 KiB holds some 370, more than a block does. */
static void test_every_number(void **state)
{
        struct world *world = *state;

        for (size_t n = 0; n < 400; n++) {
                uint64_t ports = 0;

                world->datagram.len = 0;
                world->seen = (struct seen){ 0 };
                world->reader.messages = 0;
                for (size_t i = 0; i < n; i++) {
                        put_socket(&world->datagram, TIME_WAIT, (uint16_t)(i + 1));
                        ports += i + 1;
                }
                assert_int_equal(read_all(world), 0);
                assert_int_equal(world->seen.waits, n);
                assert_int_equal(world->seen.ports, ports);
                assert_int_equal(world->reader.messages, n);
                assert_true(world->seen.blocks <= n / 100 + 1);
        }
}

/* ... is read as what it says it is, or refused. */
static void test_what_is_not_plain(void **state)
{
        struct world *world = *state;
        struct datagram *d = &world->datagram;
        struct nlmsghdr *nlh = (struct nlmsghdr *)d->bytes;
        struct inet_diag_msg *msg = put_socket(d, TIME_WAIT, 80);

        msg->idiag_family = AF_UNIX;
        assert_int_equal(read_all(world), 0);
        assert_int_equal(world->reader.malformed, 1);
        msg->idiag_family = AF_INET;
        nlh->nlmsg_len -= 4;
        assert_int_equal(read_all(world), 0);
        assert_int_equal(world->seen.waits + world->seen.records, 0);
        assert_true(world->reader.malformed > 1);
        nlh->nlmsg_len += 4;
        nlh->nlmsg_seq++;
        assert_int_equal(read_all(world), 0);
        assert_int_equal(world->seen.waits, 0);
        assert_int_equal(world->reader.foreign, 1);
        nlh->nlmsg_seq--;
        nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
        world->reader.interrupted = false;
        assert_int_equal(read_all(world), 0);
        assert_int_equal(world->seen.waits, 1);
        assert_true(world->reader.interrupted);
}

/* To whoever has CAP_NET_ADMIN the kernel tells a mark. Whatever it is, nobody asks for it. */
static void test_attributes_are_left_alone(void **state)
{
        static const uint16_t lengths[] = { 0, 1, NLA_HDRLEN + 4, 65535 };
        struct world *world = *state;
        struct datagram *d = &world->datagram;

        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                struct nlattr *attr;
                struct nlmsghdr *nlh = (struct nlmsghdr *)(d->bytes + d->len);

                (void)put_socket(d, TIME_WAIT, 80);
                attr = (struct nlattr *)(d->bytes + d->len);
                *attr = (struct nlattr){ .nla_len = lengths[i], .nla_type = INET_DIAG_MARK };
                memset(attr + 1, 0xff, 4);
                nlh->nlmsg_len += NLA_HDRLEN + 4;
                d->len += NLA_HDRLEN + 4;
        }
        assert_int_equal(read_all(world), 0);
        assert_int_equal(world->seen.waits, ARRAY_SIZE(lengths));
        world->reader.sink.waits_fn = NULL;
        assert_int_equal(read_all(world), 0);
        assert_int_equal(world->seen.records, ARRAY_SIZE(lengths));
        assert_false(world->reader.interrupted);
}

/* What came before the end has been handed over, and nothing after an error. */
static void test_before_the_end(void **state)
{
        struct world *world = *state;
        struct datagram *d = &world->datagram;
        struct nlmsghdr *nlh;

        put_socket(d, TIME_WAIT, 80);
        nlh = put_message(d, NLMSG_DONE, sizeof(int));
        assert_int_equal(read_all(world), DIAGMSG_DONE);
        assert_int_equal(world->seen.waits, 1);
        *(int *)NLMSG_DATA(nlh) = -ENOENT;
        assert_int_equal(read_all(world), -ENOENT);
        assert_int_equal(world->seen.waits, 1);
}

static void test_sink_stops_the_dump(void **state)
{
        struct world *world = *state;

        world->seen.stop = -ENOMEM;
        for (size_t i = 0; i < 300; i++)
                put_socket(&world->datagram, TIME_WAIT, 80);
        assert_int_equal(read_all(world), -ENOMEM);
        assert_true(world->seen.waits < 300);
        world->datagram.len = 0;
        put_socket(&world->datagram, TIME_WAIT, 80);
        put_message(&world->datagram, NLMSG_DONE, sizeof(int));
        assert_int_equal(read_all(world), -ENOMEM);
}

/* A scan with a census, which asks where outgoing connections went to. */
struct counter {
        struct observer *observer;
        struct rules *rules;
        struct host_facts host;
        struct scan_request request;
        struct diagmsg_reader reader;
};

static int count_record(const struct sockrec *record, void *userdata)
{
        return observer_socket(userdata, record);
}

static int count_waits(const struct sock_wait *waits, size_t n, void *userdata)
{
        return observer_waits(userdata, waits, n);
}

static void counter_begin(struct counter *counter, bool by_waits)
{
        const struct rule rule = {
                .kind = ALERT_PORT_EXHAUSTION, .warning = 70, .critical = 85, .clear_below_pct = 80
        };
        bool info;

        assert_int_equal(observer_new(&counter->observer), 0);
        assert_int_equal(rules_new(&counter->rules), 0);
        assert_int_equal(rules_add(counter->rules, &rule), 0);
        host_facts_clear(&counter->host);
        counter->host.sockstat = (struct sockstat){ .inuse = 100000, .tw = 100000 };
        counter->host.limits.port_range_known = true;
        counter->host.limits.port_first = 32768;
        counter->host.limits.port_last = 60999;
        counter->host.limits.reserved_in_range = 0;
        counter->request =
                (struct scan_request){ .now_usec = USEC_PER_DAY, .rules = counter->rules };
        observer_begin(counter->observer, &counter->request);
        observer_set_port_range(counter->observer, 32768, 60999);
        observer_set_host(counter->observer, &counter->host);
        observer_begin_listeners(counter->observer);
        for (uint16_t port = 39990; port < 40000; port++)
                observer_listener(counter->observer,
                                  &(struct sockrec){ .state = SOCK_LISTEN, .local_port = port });
        observer_end_listeners(counter->observer, true);
        assert_true(observer_plan(counter->observer, &info) & SOCK_MASK(SOCK_ESTABLISHED));
        observer_begin_sockets(counter->observer);
        counter->reader = (struct diagmsg_reader){
                .seq = SEQ,
                .portid = PORTID,
                .sink = { .fn = count_record,
                          .waits_fn = by_waits ? count_waits : NULL,
                          .whole = observer_whole_waits(counter->observer),
                          .userdata = counter->observer },
        };
}

static struct snapshot *counter_finish(struct counter *counter)
{
        const struct scan_outcome outcome = { .sockets_whole = true };
        struct snapshot *snapshot;

        assert_int_equal(observer_finish(counter->observer, &outcome, &snapshot), 0);
        observer_free(counter->observer);
        rules_free(counter->rules);
        return snapshot;
}

static void assert_same_census(const struct census *a, const struct census *b)
{
        assert_int_equal(a->destinations_total, b->destinations_total);
        assert_int_equal(a->n_destinations, b->n_destinations);
        for (size_t i = 0; i < a->n_destinations; i++) {
                const struct destination_row *x = &a->destinations[i], *y = &b->destinations[i];

                assert_int_equal(destination_compare(&x->destination, &y->destination), 0);
                assert_int_equal(x->port.port, y->port.port);
                assert_int_equal(x->exhaustion.used, y->exhaustion.used);
                assert_int_equal(x->exhaustion.reusable, y->exhaustion.reusable);
        }
}

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
        assert_memory_equal(a->total, b->total, sizeof(a->total));
        assert_int_equal(a->ports_overflow, b->ports_overflow);
        assert_int_equal(a->n_rows, b->n_rows);
        for (size_t i = 0; i < a->n_rows; i++) {
                const struct port_row *x = &a->rows[i], *y = snapshot_find(b, &x->key);

                assert_non_null(y);
                assert_memory_equal(x->count, y->count, sizeof(x->count));
                assert_memory_equal(x->tw_remaining, y->tw_remaining, sizeof(x->tw_remaining));
                assert_int_equal(x->tw_beyond, y->tw_beyond);
                assert_int_equal(x->flags, y->flags);
        }
}

/* Numerical Recipes' generator: below the bound. */
static uint32_t next_random(uint32_t *seed, uint32_t bound)
{
        *seed = *seed * 1664525 + 1013904223;
        return (uint32_t)((uint64_t)*seed * bound >> 32);
}

static uint16_t random_port(uint32_t *seed)
{
        return htons((uint16_t)(next_random(seed, 2) ? 39985 + next_random(seed, 20)
                                                     : next_random(seed, 65536)));
}

static void fill_at_random(struct datagram *d, uint32_t *seed)
{
        d->len = 0;
        while (d->len < DATAGRAM_MAX - 100) {
                struct inet_diag_msg *msg =
                        put_socket(d, next_random(seed, 10) ? TIME_WAIT : CLOSE_WAIT, 0);

                msg->id.idiag_sport = random_port(seed);
                msg->id.idiag_dport = next_random(seed, 2) ? htons(5432) : random_port(seed);
                msg->id.idiag_dst[0] = htonl(0x0a000000 + next_random(seed, 3));
                msg->idiag_expires = next_random(seed, 70000);
        }
}

static void test_both_ways_count_the_same(void **state)
{
        struct world *world = *state;
        struct counter shorter, longer;
        uint32_t seed = 7;
        struct snapshot *a, *b;

        counter_begin(&shorter, true);
        counter_begin(&longer, false);
        for (unsigned i = 0; i < 20; i++) {
                fill_at_random(&world->datagram, &seed);
                assert_int_equal(read_copy(&shorter.reader, &world->datagram), 0);
                assert_int_equal(read_copy(&longer.reader, &world->datagram), 0);
        }
        assert_int_equal(shorter.reader.messages, longer.reader.messages);
        a = counter_finish(&shorter);
        b = counter_finish(&longer);
        assert_true(a->n_rows > 1000);
        assert_true(a->census->destinations[0].exhaustion.used > 100);
        assert_same(a, b);
        assert_same_census(a->census, b->census);
        snapshot_unref(a);
        snapshot_unref(b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_ports_and_time),           T(test_every_number),
                T(test_a_row_that_is_cut),        T(test_a_row_that_is_broken),
                T(test_what_is_not_plain),        T(test_attributes_are_left_alone),
                T(test_before_the_end),           T(test_sink_stops_the_dump),
                T(test_both_ways_count_the_same),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
