/*
 * utf8.h - is a text valid UTF-8, and where is it not?
 *
 * Valid as in Unicode 15, table 3-7: no overlong form, no surrogate, nothing above U+10FFFF.
 *
 * Threads:     plain functions over borrowed bytes.
 */
#ifndef RINGHUB_CORE_UTF8_H
#define RINGHUB_CORE_UTF8_H

#include "core/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The whole text at once, by simdjson. */
bool utf8_valid(struct bytes text);

/* Length of the valid character at the start of a text that is not empty; 0: there is none, and
 * *broken is how many bytes one replacement character stands for (the longest start of a valid
 * sequence, or one byte), as Unicode recommends and browsers do. */
size_t utf8_character(struct bytes text, size_t *broken);

/* Writes a character's 1 to 4 bytes; returns their number. */
size_t utf8_encode(uint32_t code_point, uint8_t *to);

#ifdef __cplusplus
}
#endif
#endif
