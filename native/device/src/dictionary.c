#include "amp/dictionary.h"

#include "amp/frame.h"

_Static_assert(AMP_DICTIONARY_ROOM == AMP_DICTIONARY_MAX + 1, "a text and its terminator");

void amp_dictionary_begin(struct amp_dictionary *dictionary, uint32_t hash, uint64_t now_us) {
    dictionary->state = AMP_DICTIONARY_READING;
    dictionary->size = 0;
    dictionary->text[0] = '\0';
    dictionary->hash = hash;
    dictionary->filled = 0;
    dictionary->tries = 0;
    dictionary->told = false;
    dictionary->next_us = now_us;
}

bool amp_dictionary_ended(struct amp_dictionary *dictionary) {
    const bool news = dictionary->state > AMP_DICTIONARY_READING && !dictionary->told;
    dictionary->told = dictionary->told || news;
    return news;
}

bool amp_dictionary_ask(struct amp_dictionary *dictionary, uint64_t now_us,
                        struct amp_wire_describe *describe) {
    if (dictionary->state != AMP_DICTIONARY_READING || now_us < dictionary->next_us) {
        return false;
    }
    if (dictionary->tries == AMP_DESCRIBE_TRIES) {
        dictionary->state = AMP_DICTIONARY_SILENT;
        return false;
    }
    dictionary->tries++;
    dictionary->next_us = now_us + AMP_DESCRIBE_US;
    describe->offset = dictionary->filled;
    return true;
}

static bool is_text(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~')) {
            return false;
        }
    }
    return true;
}

static enum amp_dictionary_state judge_text(const struct amp_dictionary *dictionary) {
    if (dictionary->filled < dictionary->size) {
        return AMP_DICTIONARY_READING;
    }
    const uint32_t crc = amp_crc32((const uint8_t *)dictionary->text, dictionary->size, 0);
    const bool agrees = crc == dictionary->hash && is_text(dictionary->text, dictionary->size);
    return agrees ? AMP_DICTIONARY_WHOLE : AMP_DICTIONARY_BROKEN;
}

bool amp_dictionary_take(struct amp_dictionary *dictionary, const uint8_t *payload, size_t length,
                         uint64_t now_us) {
    struct amp_wire_dictionary piece;
    if (dictionary->state != AMP_DICTIONARY_READING || dictionary->tries == 0 ||
        !amp_wire_dictionary_decode(payload, length, &piece) ||
        piece.offset != dictionary->filled) {
        return false;
    }
    const size_t letters = length - AMP_DICTIONARY_SIZE;
    if (dictionary->filled == 0) {
        dictionary->size = piece.size;
    }
    if (piece.size == 0) {
        dictionary->state = AMP_DICTIONARY_ABSENT;
    } else if (piece.size > AMP_DICTIONARY_MAX || piece.size != dictionary->size || letters == 0 ||
               letters > (size_t)(dictionary->size - dictionary->filled)) {
        dictionary->state = AMP_DICTIONARY_BROKEN;
    } else {
        for (size_t i = 0; i < letters; i++) {
            dictionary->text[dictionary->filled++] = (char)payload[AMP_DICTIONARY_SIZE + i];
        }
        dictionary->text[dictionary->filled] = '\0';
        dictionary->tries = 0;
        dictionary->next_us = now_us;
        dictionary->state = judge_text(dictionary);
    }
    return true;
}
