/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A flat table: one random 128-bit id for each journal event (see msgid.h). */

#include "msgid.h"

#include <assert.h>

static const char *const ids[ALERT_KIND_COUNT][TRANSITION_COUNT] = {
        [ALERT_CLOSE_WAIT_STUCK] = {
                [TRANSITION_RAISED] = "700d24ab339e42dd821b367df12a06b7",
                [TRANSITION_ESCALATED] = "2ee1467fb7494192858fbd520bd77c96",
                [TRANSITION_DEESCALATED] = "c043ac5b9957448aafdfba37482ec7c7",
                [TRANSITION_REMINDED] = "e937c475cb964ad7a7cd02cad918888a",
                [TRANSITION_CLEARED] = "421a034003da4fd38afde6288073a722",
        },
        [ALERT_CLOSE_WAIT_LEAK] = {
                [TRANSITION_RAISED] = "a07fd74ee9834d86b08ab34a58a8a50d",
                [TRANSITION_ESCALATED] = "444a2dd3acb7409b9acb20813614ded5",
                [TRANSITION_DEESCALATED] = "81038145ff2b47d7b25dfa13f7ccc8c4",
                [TRANSITION_REMINDED] = "69ca4f49c51a4a27a08948d2256bb563",
                [TRANSITION_CLEARED] = "25d626f69515431989c5406e0f0ecec3",
        },
        [ALERT_CLOSE_WAIT_COUNT] = {
                [TRANSITION_RAISED] = "a6600c1fdc4e4a05b0fee6d49084d43e",
                [TRANSITION_ESCALATED] = "44038e1e10124499bb5494e4a0cd3197",
                [TRANSITION_DEESCALATED] = "a419f109164347778a696a1909625292",
                [TRANSITION_REMINDED] = "5d82192cc5004b7b958593e7ca9033e5",
                [TRANSITION_CLEARED] = "ec6b34b0aab1427d8e9ff6c7cb7dd3c7",
        },
        [ALERT_TIME_WAIT_COUNT] = {
                [TRANSITION_RAISED] = "6c0b9db8b38140cfbcde1fc19f2d45ad",
                [TRANSITION_ESCALATED] = "474270bfdcc04257a87796fd5f4abe8d",
                [TRANSITION_DEESCALATED] = "4219a834c2614d77a8818f8447ee74a4",
                [TRANSITION_REMINDED] = "18a0d94f566a4424827af27b53f4153d",
                [TRANSITION_CLEARED] = "cdb76617b36e4d2e8fabd1b1b8fb853e",
        },
        [ALERT_BLIND] = {
                [TRANSITION_RAISED] = "c6a5dc42f1f84e87ae87d693f6e252ab",
                [TRANSITION_ESCALATED] = "846da78d256f4b67ac093ff9d44ecd7e",
                [TRANSITION_DEESCALATED] = "a6d79a9fcf0843d1bc83fbcdd6c99534",
                [TRANSITION_REMINDED] = "e1af49ccca584305b44e41732f730cca",
                [TRANSITION_CLEARED] = "c5b31d9ce22a4d2491cf827809602aed",
        },
};

const char *msgid_alert(enum alert_kind kind, enum transition transition)
{
        assert(kind < ALERT_KIND_COUNT && transition < TRANSITION_COUNT);
        return ids[kind][transition];
}
