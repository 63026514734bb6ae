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
        [ALERT_HALF_OPEN] = {
                [TRANSITION_RAISED] = "36db06718c7e4eceafce9fa0b8ef3ef4",
                [TRANSITION_ESCALATED] = "616429aaf0b44e5cbf7a2741f1e9449f",
                [TRANSITION_DEESCALATED] = "e8eee6d955724fcf87ef2936218855d8",
                [TRANSITION_REMINDED] = "00cbaf447774434c9b22cecafc535f27",
                [TRANSITION_CLEARED] = "70443b8a28dc49e89f3284686fa041d1",
        },
        [ALERT_PORT_EXHAUSTION] = {
                [TRANSITION_RAISED] = "5a223d0f0d85418c87f774824d0a7379",
                [TRANSITION_ESCALATED] = "cebb54482fef4bcda78a7812c1e9bd90",
                [TRANSITION_DEESCALATED] = "b0489e1fc02f401695e62747cc69740b",
                [TRANSITION_REMINDED] = "42afb24205d64fa0b960ac68d7b2b8c2",
                [TRANSITION_CLEARED] = "10a73ac0439a4e438549f79bee5c4065",
        },
        [ALERT_TIME_WAIT_TABLE] = {
                [TRANSITION_RAISED] = "d9197345359f4eedad9b2c50190009fc",
                [TRANSITION_ESCALATED] = "1f5c1b25a2f34a65a7a7e98eab87726a",
                [TRANSITION_DEESCALATED] = "4582d17b925941e6b97ab4c39716427a",
                [TRANSITION_REMINDED] = "d9175c4d469b48c1aae73fafdc80e09b",
                [TRANSITION_CLEARED] = "162b76d34f5c4193b7cb7a95a5a449ec",
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
