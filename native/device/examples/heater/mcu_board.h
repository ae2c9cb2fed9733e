/* mcu_board.h: what the board heater says of its device mcu.
 *
 * Written by `amphost firmware new` from heater
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

#define MCU_SCHEMA_HASH 0x66526063u
#define MCU_BAUD 1000000u
/* The board file has no lease_ms: the shortest that a plan relies on. */
#define MCU_LEASE_US 50000u
#define MCU_STATE_PERIOD_US 10000u

#define MCU_SENDS_COUNT 1
/* What it sends, each at its place. */
enum {
    MCU_SEND_TEMPERATURE = 0, /* f32, degC, -40 to 200 */
};

#define MCU_ACCEPTS_COUNT 1
/* What it accepts, each at its place. */
enum {
    MCU_ACCEPT_POWER = 0, /* f32, W, 0 to 60; safe at 0, at once */
};

#if AMP_DEVICE_VALUES_MAX < 1
#error "limits.h: MCU needs an AMP_DEVICE_VALUES_MAX of 1"
#endif
#if AMP_FRAME_PAYLOAD_MAX < AMP_STATE_SIZE + 4
#error "limits.h: MCU needs an AMP_FRAME_PAYLOAD_MAX of AMP_STATE_SIZE + 4"
#endif
#if AMP_FRAME_PAYLOAD_MAX < AMP_ACTUATE_SIZE + 4
#error "limits.h: MCU needs an AMP_FRAME_PAYLOAD_MAX of AMP_ACTUATE_SIZE + 4"
#endif

static const struct amp_value MCU_SENDS[1] = {
    {.type = AMP_VALUE_F32, /* temperature */
     .scale = 0.0f,
     .low = -40.0f,
     .high = 200.0f,
     .safe = 0.0f,
     .ramp_per_s = 0.0f},
};

static const struct amp_value MCU_ACCEPTS[1] = {
    {.type = AMP_VALUE_F32, /* power */
     .scale = 0.0f,
     .low = 0.0f,
     .high = 60.0f,
     .safe = 0.0f,
     .ramp_per_s = 0.0f},
};

static const char MCU_DICTIONARY[67] AMP_DICTIONARY_PLACE =
    "send temperature f32 1 degC -40 200\n"
    "accept power f32 1 W 0 60 0 0\n";

/* Copy it, then fill in what it cannot say: firmware, reset_cause, boot_nonce. */
static const struct amp_device_config MCU_CONFIG = {
    .board = "heater",
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
