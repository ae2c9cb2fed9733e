/* limits.h: the sizes that decide how much memory the link takes.
 *
 * Both ends of a line may differ in them. A microcontroller short of RAM puts a file of this name,
 * with smaller numbers, in front of this one on its include path: nothing here is conditional.
 */
#ifndef AMP_LIMITS_H
#define AMP_LIMITS_H

/// Longest payload, [64, 240]: 64 is an IDENTITY, 240 what CRC-32 covers with all errors of up to
/// four bits found. A frame with a longer one is counted as of bad length.
#define AMP_FRAME_PAYLOAD_MAX 240
/// The payload with header and CRC: 11 more.
#define AMP_FRAME_BODY_MAX 251
/// The body as it goes over the line: 2 more.
#define AMP_FRAME_WIRE_MAX 253

/// Most values of a device each way; 22 + 4 a value fit AMP_FRAME_PAYLOAD_MAX.
#define AMP_DEVICE_VALUES_MAX 16
/// Parameters of a device, at most 64.
#define AMP_DEVICE_PARAMETERS_MAX 8
/// Commands of a host under way at once, at least 1: one about the mode, the others of parameters. A
/// microcontroller asks nothing and may write 1.
#define AMP_COMMANDS_MAX 4
/// Where a firmware's dictionary lies, and how a letter of it is read. Where constants take RAM (AVR):
/// PROGMEM and pgm_read_byte(address).
#define AMP_DICTIONARY_PLACE
#define AMP_DICTIONARY_BYTE(address) (*(address))
/// Events of a device that wait for the line.
#define AMP_DEVICE_EVENTS_MAX 4

#endif
