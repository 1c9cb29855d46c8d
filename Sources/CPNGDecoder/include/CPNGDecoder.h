#ifndef CPNGDECODER_H
#define CPNGDECODER_H

#include <stddef.h>
#include <stdint.h>

/// What became of an image.
typedef struct {
    /// Rows that were read; of an interlaced image in any pass.
    uint32_t rows;
    /// What was wrong, empty when nothing was.
    char message[160];
} png_decoding;

/// Decodes a PNG file in memory to 8-bit RGB, samples as they are stored: grey is repeated, alpha is dropped, of 16 bits
/// the upper eight are kept, and nothing is done about gamma or profiles.
///
/// `pixels` holds width × height × 3 zeros; rows that are lost stay black. `is_tolerant` goes on over wrong checksums.
png_decoding png_decode_rgb(
    const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, int is_tolerant, uint8_t *pixels);

#endif
