/* limits.h: the sizes of amp/limits.h for 2 KiB of RAM. It stands first on the include path. */
#ifndef AMP_LIMITS_H
#define AMP_LIMITS_H

#define AMP_FRAME_PAYLOAD_MAX 64
#define AMP_FRAME_BODY_MAX 75
#define AMP_FRAME_WIRE_MAX 77
#define AMP_DEVICE_VALUES_MAX 8
#define AMP_DEVICE_PARAMETERS_MAX 4
#define AMP_COMMANDS_MAX 1
#define AMP_DEVICE_EVENTS_MAX 4

/* The dictionary stays in flash, which is another memory. */
#include <avr/pgmspace.h>

#define AMP_DICTIONARY_PLACE PROGMEM
#define AMP_DICTIONARY_BYTE(address) pgm_read_byte(address)

#endif
