/* dictionary.h: the host reads what a device's firmware was built with, piece by piece.
 *
 * A device that the host refuses for its schema hash can say more than a number: the canonical schema
 * text that the hash stands for. It is asked for with DESCRIBE, one piece at a time, from an
 * offset on; what comes is believed when the whole of it has the hash that the device named, and only
 * as text. A device that answers nonsense, or nothing, is not asked for ever.
 */
#ifndef AMP_DICTIONARY_H
#define AMP_DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amp/wire.h"

/// A piece is asked for again after this, and so many times at most.
#define AMP_DESCRIBE_US 20000
#define AMP_DESCRIBE_TRIES 50
/// AMP_DICTIONARY_MAX and a terminator.
#define AMP_DICTIONARY_ROOM 8193

enum amp_dictionary_state {
    AMP_DICTIONARY_UNREAD = 0,
    AMP_DICTIONARY_READING = 1,
    AMP_DICTIONARY_WHOLE = 2,  /* |text| has the hash that the device named */
    AMP_DICTIONARY_ABSENT = 3, /* the device has none */
    AMP_DICTIONARY_SILENT = 4, /* it does not answer: a firmware that knows no DESCRIBE */
    AMP_DICTIONARY_BROKEN = 5, /* it contradicts itself: sizes, offsets, letters or the hash */
};

/// Fields above the line may be read between calls, all are written here alone.
/// Synchronization: none; one caller.
struct amp_dictionary {
    enum amp_dictionary_state state;
    uint16_t size;                  /* letters of the whole; 0: not yet known */
    char text[AMP_DICTIONARY_ROOM]; /* WHOLE: printable ASCII and line feeds, terminated */
    /* ------------------------------------------------------------------------------------- */
    uint32_t hash;
    uint16_t filled;
    uint8_t tries; /* of the piece at |filled| */
    bool told;     /* that it has ended */
    uint64_t next_us;
};

/// Forget everything and read a dictionary whose CRC-32 is |hash|.
/// Context: any. Progress: wait-free.
void amp_dictionary_begin(struct amp_dictionary *dictionary, uint32_t hash, uint64_t now_us);

/// True if a piece is to be asked for now, with its offset; the caller has then asked.
/// Context: real-time. Progress: wait-free.
bool amp_dictionary_ask(struct amp_dictionary *dictionary, uint64_t now_us,
                        struct amp_wire_describe *describe);

/// Take a DICTIONARY. False if it answers nothing that was asked.
/// Context: real-time. Progress: bounded (|length|); for the last piece bounded (the whole text).
bool amp_dictionary_take(struct amp_dictionary *dictionary, const uint8_t *payload, size_t length,
                         uint64_t now_us);

/// True when reading has ended, well or not: once.
/// Context: real-time. Progress: wait-free.
bool amp_dictionary_ended(struct amp_dictionary *dictionary);

#endif
