#include "Winograd.h"

#include "Buffer.h"
#include "InstructionSets.h"
#include "Threads.h"

#include <algorithm>
#include <vector>

#if defined(__x86_64__)

namespace {

using winograd::channelStep;
using winograd::points;
using winograd::Shape;

// The functions of WinogradKernels.inc for one instruction set.
template <typename T>
struct Kernels {
    void (*product)(int64_t rowCount, int64_t columns, int64_t depth, const float *left, int64_t row, int64_t step,
                    const float *right, int64_t rightStride, float *c, int64_t cStride, bool adds);
    void (*preparePatch)(const T *const *pixels, int64_t channels, float *v, int64_t pointStride);
    void (*prepareTile)(const T *const *pixels, int64_t channels, float *v, int64_t pointStride);
    void (*finishTile)(const float *m, int64_t pointStride, int64_t channels, const float *bias, const T *other,
                       bool relu, T *y, const int64_t *offsets);
    void (*prepareWeights)(const float *g, int64_t tapStride, bool flipped, float *u, int64_t pointStride);
    void (*finishWeights)(const float *u, int64_t pointStride, float *g, int64_t tapStride);
};

BEGIN_AVX512
constexpr int lanes = 16, rows = 8;
#include "WinogradKernels.inc"
END_INSTRUCTIONS

BEGIN_AVX2
constexpr int lanes = 8, rows = 4;
#include "WinogradKernels.inc"
END_INSTRUCTIONS

template <typename T>
const Kernels<T> &kernels() {
    static const Kernels<T> &best = instructions::hasWide() ? avx512::kernels<T> : avx2::kernels<T>;
    return best;
}


int64_t roundedUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// The tiles of 4 × 4 results that cover the images, numbered through.
struct Tiles {
    const Shape &shape;
    int64_t across = (shape.width + 3) / 4, down = (shape.height + 3) / 4;
    int64_t count = shape.images * down * across;

    // Calls visit(i, offset of the pixel's first channel, or −1 outside the image) for the side × side pixels of a tile,
    // the first of which lies `margin` above and left of its first result.
    template <typename Visit>
    void forPixels(int64_t tile, int64_t side, int64_t margin, int64_t channels, Visit visit) const {
        const int64_t image = tile / (down * across), top = tile / across % down * 4 - margin,
                      left = tile % across * 4 - margin;
        for (int64_t i = 0; i < side; ++i)
            for (int64_t j = 0; j < side; ++j) {
                const int64_t y = top + i, x = left + j;
                const bool isInside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
                visit(i * side + j, isInside ? ((image * shape.height + y) * shape.width + x) * channels : -1);
            }
    }
};

// Pointers to the pixels of a tile; those outside the image point to zeros.
template <typename T, typename Use>
void withPixels(const Tiles &tiles, int64_t tile, int64_t side, int64_t margin, int64_t channels, const T *map,
                const T *zeros, Use use) {
    const T *pixels[36];
    tiles.forPixels(tile, side, margin, channels,
                    [&](int64_t i, int64_t offset) { pixels[i] = offset < 0 ? zeros : map + offset; });
    use(pixels);
}

// Sixteen floats more than a multiple of 4,096 bytes: values of one tile then fall into different sets of the cache.
int64_t pointStride(int64_t values) { return values + 16; }

// Pairs of an input and an output whose transformed weights, 9 MB, are more than a core's cache or its share of the last one.
constexpr int64_t largeWeights = 256 * 256;

// Sixteen inputs of 32 outputs of each tap lie together between a weight tensor and its transforms.
constexpr int64_t group = 16, tapStride = group * channelStep;

} // namespace

namespace winograd {

void prepare(const float *weight, int64_t inputs, int64_t outputs, bool transposed, float *prepared) {
    const auto &k = kernels<float>();
    const int64_t stride = inputs * outputs;
    if (transposed) {
        parallelFor(inputs / channelStep, [&](int64_t panel) {
            for (int64_t output = 0; output < outputs; ++output)
                k.prepareWeights(weight + output * 9 * inputs + panel * channelStep, inputs, true,
                                 prepared + (panel * outputs + output) * channelStep, stride);
        });
        return;
    }
    parallelFor(outputs / channelStep, [&](int64_t panel) {
        float taps[9 * tapStride];
        for (int64_t first = 0; first < inputs; first += group) {
            for (int64_t i = 0; i < channelStep; ++i)
                for (int64_t tap = 0; tap < 9; ++tap) {
                    const float *source = weight + ((panel * channelStep + i) * 9 + tap) * inputs + first;
                    for (int64_t input = 0; input < group; ++input)
                        taps[tap * tapStride + input * channelStep + i] = source[input];
                }
            for (int64_t input = 0; input < group; ++input)
                k.prepareWeights(taps + input * channelStep, tapStride, false,
                                 prepared + (panel * inputs + first + input) * channelStep, stride);
        }
    });
}

template <typename T>
void convolve(const Shape &shape, const T *x, const float *prepared, const float *bias, const T *other, bool relu, T *y) {
    const auto &k = kernels<T>();
    const Tiles tiles{shape};
    const int64_t inputs = shape.inputs, outputs = shape.outputs;
    // Few, so that patches and results stay in the cache of a core or at least in the last one; more where the weights, which
    // every chunk reads, do not.
    const int64_t step = inputs * outputs < largeWeights ? 16 : 64;
    const int64_t chunk = std::clamp<int64_t>(roundedUp(tiles.count / at::get_num_threads(), 8), 16, step);
    const std::vector<T> zeros(inputs, 0);
    parallel((tiles.count + chunk - 1) / chunk, [&](auto next) {
        const int64_t patchStride = pointStride(chunk * inputs), resultStride = pointStride(chunk * outputs);
        Buffer patches, results;
        for (int64_t number; (number = next()) >= 0;) {
            if (!patches) {
                patches = allocate(points * patchStride);
                results = allocate(points * resultStride);
            }
            const int64_t first = number * chunk, count = std::min(chunk, tiles.count - first), rows = roundedUp(count, 8);
            for (int64_t t = 0; t < count; ++t)
                withPixels(tiles, first + t, 6, 1, inputs, x, zeros.data(), [&](const T *const *pixels) {
                    k.preparePatch(pixels, inputs, &patches[t * inputs], patchStride);
                });
            for (int64_t point = 0; point < points; ++point) {
                // Rows that fill up the last block; what comes of them is not used.
                std::fill_n(&patches[point * patchStride + count * inputs], (rows - count) * inputs, 0.0f);
                for (int64_t output = 0; output < outputs; output += channelStep)
                    k.product(rows, channelStep, inputs, &patches[point * patchStride], inputs, 1,
                              prepared + (point * outputs + output) * inputs, channelStep,
                              &results[point * resultStride + output], outputs, false);
            }
            for (int64_t t = 0; t < count; ++t) {
                int64_t offsets[16];
                tiles.forPixels(first + t, 4, 0, outputs, [&](int64_t i, int64_t offset) { offsets[i] = offset; });
                k.finishTile(&results[t * outputs], resultStride, outputs, bias, other, relu, y, offsets);
            }
        }
    });
}

template <typename T>
void weightGradient(const Shape &shape, const T *x, const T *dy, float *gradient) {
    const auto &k = kernels<T>();
    const Tiles tiles{shape};
    const int64_t inputs = shape.inputs, outputs = shape.outputs, stride = inputs * outputs;
    // Sums of large weights are read and written less often.
    const int64_t chunk = std::min(tiles.count, std::clamp<int64_t>(stride / 256, 128, 512));
    const int64_t patchStride = pointStride(chunk * inputs), resultStride = pointStride(chunk * outputs);
    if (tiles.count == 0) {
        std::fill_n(gradient, 9 * stride, 0.0f);
        return;
    }
    const Buffer patches = allocate(points * patchStride), results = allocate(points * resultStride),
                 products = allocate(points * stride);
    const std::vector<T> zeros(std::max(inputs, outputs), 0);
    for (int64_t first = 0; first < tiles.count; first += chunk) {
        const int64_t count = std::min(chunk, tiles.count - first);
        parallelFor(count, [&](int64_t t) {
            withPixels(tiles, first + t, 6, 1, inputs, x, zeros.data(), [&](const T *const *pixels) {
                k.preparePatch(pixels, inputs, &patches[t * inputs], patchStride);
            });
            withPixels(tiles, first + t, 4, 0, outputs, dy, zeros.data(), [&](const T *const *pixels) {
                k.prepareTile(pixels, outputs, &results[t * outputs], resultStride);
            });
        });
        const int64_t strips = inputs / channelStep;
        parallelFor(points * strips, [&](int64_t part) {
            const int64_t point = part / strips, input = part % strips * channelStep;
            k.product(channelStep, outputs, count, &patches[point * patchStride + input], 1, inputs,
                      &results[point * resultStride], outputs, &products[point * stride + input * outputs], outputs,
                      first > 0);
        });
    }
    parallelFor(outputs / channelStep, [&](int64_t panel) {
        float taps[9 * tapStride];
        for (int64_t first = 0; first < inputs; first += group) {
            for (int64_t input = 0; input < group; ++input)
                k.finishWeights(&products[(first + input) * outputs + panel * channelStep], stride,
                                taps + input * channelStep, tapStride);
            for (int64_t i = 0; i < channelStep; ++i)
                for (int64_t tap = 0; tap < 9; ++tap) {
                    float *target = gradient + ((panel * channelStep + i) * 9 + tap) * inputs + first;
                    for (int64_t input = 0; input < group; ++input)
                        target[input] = taps[tap * tapStride + input * channelStep + i];
                }
        }
    });
}

#else

namespace winograd {

void prepare(const float *, int64_t, int64_t, bool, float *) {}
template <typename T>
void convolve(const Shape &, const T *, const float *, const float *, const T *, bool, T *) {}
template <typename T>
void weightGradient(const Shape &, const T *, const T *, float *) {}

#endif

template void convolve(const Shape &, const float *, const float *, const float *, const float *, bool, float *);
template void convolve(const Shape &, const uint16_t *, const float *, const float *, const uint16_t *, bool, uint16_t *);
template void weightGradient(const Shape &, const float *, const float *, float *);
template void weightGradient(const Shape &, const uint16_t *, const uint16_t *, float *);

} // namespace winograd
