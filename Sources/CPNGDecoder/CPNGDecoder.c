// libpng reports errors by longjmp, which Swift cannot take part in; its simplified interface does not, but changes pixels
// by the file's gamma and rounds 16 bits.
#include "CPNGDecoder.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

typedef struct {
    const uint8_t *bytes;
    size_t left;
    jmp_buf failed;
    png_decoding result;
} png_source;

static void take(png_structp png, png_bytep target, size_t count) {
    png_source *source = png_get_io_ptr(png);
    if (count > source->left) png_error(png, "read beyond end of data");
    memcpy(target, source->bytes, count);
    source->bytes += count;
    source->left -= count;
}

static PNG_FUNCTION(void, fail, (png_structp png, png_const_charp message), PNG_NORETURN) {
    png_source *source = png_get_error_ptr(png);
    strncpy(source->result.message, message, sizeof source->result.message - 1);
    longjmp(source->failed, 1);
}

static void pass_over(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void decode(
    png_structp png, png_infop info, uint32_t width, uint32_t height, int is_tolerant, uint8_t *pixels,
    png_source *source) {
    // Chunks that could only change pixels or cost time: gamma, colours, profiles, transparency, texts.
    static const png_byte unused[] = "gAMA\0cHRM\0iCCP\0sRGB\0tRNS\0tEXt\0zTXt\0iTXt\0eXIf\0hIST\0sPLT\0bKGD";
    png_set_read_fn(png, source, take);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unused, sizeof unused / 5);
    if (is_tolerant) {
        png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
        // Byte by byte, so that the last ones of a truncated file still count.
        png_set_compression_buffer_size(png, 1);
    }
    png_read_info(png, info);
    if (png_get_image_width(png, info) != width || png_get_image_height(png, info) != height)
        png_error(png, "header that contradicts itself");
    png_byte kind = png_get_color_type(png, info);
    if (kind == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (kind == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    if (!(kind & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != (size_t)width * 3) png_error(png, "unsupported samples");
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t row = 0; row < height; row++) {
            png_read_row(png, pixels + (size_t)row * width * 3, NULL);
            if (row + 1 > source->result.rows) source->result.rows = row + 1;
        }
}

// A function of its own: what it changes after setjmp is not local to it.
static void attempt(
    png_structp png, png_infop info, uint32_t width, uint32_t height, int is_tolerant, uint8_t *pixels,
    png_source *source) {
    if (setjmp(source->failed) == 0) decode(png, info, width, height, is_tolerant, pixels, source);
}

png_decoding png_decode_rgb(
    const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, int is_tolerant, uint8_t *pixels) {
    png_source source = {.bytes = bytes, .left = count};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, fail, pass_over);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        strcpy(source.result.message, "no memory");
    } else {
        attempt(png, info, width, height, is_tolerant, pixels, &source);
    }
    png_destroy_read_struct(&png, &info, NULL);
    return source.result;
}
