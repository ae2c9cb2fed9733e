/* mcu_board.h: what the board cortex_motor says of its device mcu.
 *
 * Written by `amphost firmware new` from board.yaml
 *
 * Nothing here is written by hand: it is written anew when that file has changed.
 * A host that connects compares the dictionary below with its own. C11 or C++.
 */
/* clang-format off */
#ifndef MCU_BOARD_H
#define MCU_BOARD_H

#ifdef __cplusplus
#define _Noreturn [[noreturn]]
extern "C" {
#endif

#include "amp/device.h"
#include "amp/port.h"

#ifdef __cplusplus
}
#undef _Noreturn
#endif

#define MCU_SCHEMA_HASH 0x9a801b16u
#define MCU_BAUD 1000000u
/* The board file has no lease_ms: the shortest that a plan relies on. */
#define MCU_LEASE_US 250000u
#define MCU_STATE_PERIOD_US 5000u

#define MCU_SENDS_COUNT 2
/* What it sends, each at its place. */
enum {
    MCU_SEND_POSITION = 0, /* f32, rad, -1000 to 1000 */
    MCU_SEND_CURRENT = 1, /* f32, A, -20 to 20 */
};

#define MCU_ACCEPTS_COUNT 1
/* What it accepts, each at its place. */
enum {
    MCU_ACCEPT_VOLTAGE = 0, /* f32, V, -12 to 12; safe at 0, at 1200 a second */
};

#if AMP_DEVICE_VALUES_MAX < 2
#error "limits.h: MCU needs an AMP_DEVICE_VALUES_MAX of 2"
#endif
#if AMP_FRAME_PAYLOAD_MAX < AMP_STATE_SIZE + 8
#error "limits.h: MCU needs an AMP_FRAME_PAYLOAD_MAX of AMP_STATE_SIZE + 8"
#endif
#if AMP_FRAME_PAYLOAD_MAX < AMP_ACTUATE_SIZE + 4
#error "limits.h: MCU needs an AMP_FRAME_PAYLOAD_MAX of AMP_ACTUATE_SIZE + 4"
#endif

static const struct amp_value MCU_SENDS[2] = {
    {.type = AMP_VALUE_F32, /* position */
     .scale = 0.0f,
     .low = -1000.0f,
     .high = 1000.0f,
     .safe = 0.0f,
     .ramp_per_s = 0.0f},
    {.type = AMP_VALUE_F32, /* current */
     .scale = 0.0f,
     .low = -20.0f,
     .high = 20.0f,
     .safe = 0.0f,
     .ramp_per_s = 0.0f},
};

static const struct amp_value MCU_ACCEPTS[1] = {
    {.type = AMP_VALUE_F32, /* voltage */
     .scale = 0.0f,
     .low = -12.0f,
     .high = 12.0f,
     .safe = 0.0f,
     .ramp_per_s = 1200.0f},
};

static const char MCU_DICTIONARY[101] AMP_DICTIONARY_PLACE =
    "send position f32 1 rad -1000 1000\n"
    "send current f32 1 A -20 20\n"
    "accept voltage f32 1 V -12 12 0 1200\n";

/* Copy it, then fill in what it cannot say: firmware, reset_cause, boot_nonce. */
static const struct amp_device_config MCU_CONFIG = {
    .board = "cortex_motor",
    .firmware = {0, 0, 0},
    .reset_cause = 0,
    .boot_nonce = 0,
    .schema_hash = MCU_SCHEMA_HASH,
    .dictionary = MCU_DICTIONARY,
    .dictionary_size = sizeof MCU_DICTIONARY - 1,
    .baud = MCU_BAUD,
    .lease_us = MCU_LEASE_US,
    .state_period_us = MCU_STATE_PERIOD_US,
    .sends_count = MCU_SENDS_COUNT,
    .accepts_count = MCU_ACCEPTS_COUNT,
    .parameters_count = 0,
    .sends = MCU_SENDS,
    .accepts = MCU_ACCEPTS,
    .parameters = NULL,
};

#endif
