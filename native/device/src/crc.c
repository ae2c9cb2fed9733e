#include "amp/frame.h"

#ifndef AMP_CRC_ENTRIES
#define AMP_CRC_ENTRIES 256
#endif

// A CRC is linear over exclusive or: eight constants, one a bit of the index, make a whole slice.
#define BIT(index, bit, constant) ((((index) >> (bit)) & 1u) != 0 ? (constant) : 0u)
#define LINEAR(index, b0, b1, b2, b3, b4, b5, b6, b7)                                              \
    (BIT(index, 0, b0) ^ BIT(index, 1, b1) ^ BIT(index, 2, b2) ^ BIT(index, 3, b3) ^               \
     BIT(index, 4, b4) ^ BIT(index, 5, b5) ^ BIT(index, 6, b6) ^ BIT(index, 7, b7))
#define SLICE_0(index)                                                                             \
    LINEAR(index, 0x77073096u, 0xEE0E612Cu, 0x076DC419u, 0x0EDB8832u, 0x1DB71064u, 0x3B6E20C8u,    \
           0x76DC4190u, 0xEDB88320u)
#define SLICE_1(index)                                                                             \
    LINEAR(index, 0x191B3141u, 0x32366282u, 0x646CC504u, 0xC8D98A08u, 0x4AC21251u, 0x958424A2u,    \
           0xF0794F05u, 0x3B83984Bu)
#define SLICE_2(index)                                                                             \
    LINEAR(index, 0x01C26A37u, 0x0384D46Eu, 0x0709A8DCu, 0x0E1351B8u, 0x1C26A370u, 0x384D46E0u,    \
           0x709A8DC0u, 0xE1351B80u)
#define SLICE_3(index)                                                                             \
    LINEAR(index, 0xB8BC6765u, 0xAA09C88Bu, 0x8F629757u, 0xC5B428EFu, 0x5019579Fu, 0xA032AF3Eu,    \
           0x9B14583Du, 0xED59B63Bu)
#define NIBBLE(index) SLICE_0((index) << 4)

#define ROW_4(f, i) f((i)), f((i) + 1u), f((i) + 2u), f((i) + 3u)
#define ROW_16(f, i) ROW_4(f, (i)), ROW_4(f, (i) + 4u), ROW_4(f, (i) + 8u), ROW_4(f, (i) + 12u)
#define ROW_64(f, i)                                                                               \
    ROW_16(f, (i)), ROW_16(f, (i) + 16u), ROW_16(f, (i) + 32u), ROW_16(f, (i) + 48u)
#define ROW_256(f) ROW_64(f, 0u), ROW_64(f, 64u), ROW_64(f, 128u), ROW_64(f, 192u)

#if AMP_CRC_ENTRIES == 1024

static const uint32_t TABLE[4][256] = {
    {ROW_256(SLICE_0)}, {ROW_256(SLICE_1)}, {ROW_256(SLICE_2)}, {ROW_256(SLICE_3)}};

uint32_t amp_crc32(const uint8_t *bytes, size_t size, uint32_t seed) {
    uint32_t crc = ~seed;
    for (; size >= 4; size -= 4, bytes += 4) {
        crc ^= (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
               (uint32_t)bytes[3] << 24;
        crc = TABLE[3][crc & 0xFFu] ^ TABLE[2][crc >> 8 & 0xFFu] ^ TABLE[1][crc >> 16 & 0xFFu] ^
              TABLE[0][crc >> 24];
    }
    for (; size > 0; size--, bytes++) {
        crc = crc >> 8 ^ TABLE[0][(crc ^ *bytes) & 0xFFu];
    }
    return ~crc;
}

#elif AMP_CRC_ENTRIES == 256

static const uint32_t TABLE[256] = {ROW_256(SLICE_0)};

uint32_t amp_crc32(const uint8_t *bytes, size_t size, uint32_t seed) {
    uint32_t crc = ~seed;
    for (size_t at = 0; at < size; at++) {
        crc = crc >> 8 ^ TABLE[(crc ^ bytes[at]) & 0xFFu];
    }
    return ~crc;
}

#elif AMP_CRC_ENTRIES == 16

static const uint32_t TABLE[16] = {ROW_16(NIBBLE, 0u)};

uint32_t amp_crc32(const uint8_t *bytes, size_t size, uint32_t seed) {
    uint32_t crc = ~seed;
    for (size_t at = 0; at < size; at++) {
        crc ^= bytes[at];
        crc = crc >> 4 ^ TABLE[crc & 0xFu];
        crc = crc >> 4 ^ TABLE[crc & 0xFu];
    }
    return ~crc;
}

#else
#error "AMP_CRC_ENTRIES is 16, 256 or 1024"
#endif
