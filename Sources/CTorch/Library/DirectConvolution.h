#pragma once
// Convolutions as sums over the taps of the kernel, for small maps: weights are read where they lie, channels-last, and their
// gradient is written where it belongs, so nothing is brought into another order; taps beyond the edge of a map cost nothing
// (of a 3×3 kernel on a 1×1 map eight of nine). Images float32 or bfloat16, everything else float32.

#include <array>
#include <cstdint>

namespace direct {

struct Shape {
    int64_t images, height, width;
    // Multiples of `channelStep`.
    int64_t inputs, outputs;
    // Down and across.
    std::array<int64_t, 2> kernel, stride, padding;

    int64_t resultHeight() const { return (height + 2 * padding[0] - kernel[0]) / stride[0] + 1; }
    int64_t resultWidth() const { return (width + 2 * padding[1] - kernel[1]) / stride[1] + 1; }
};

constexpr int64_t channelStep = 32;

// y [images, result height, result width, outputs] = convolution of x [images, height, width, inputs] with weight
// [outputs, kernel height, kernel width, inputs], + bias. T is float, or uint16_t for bfloat16 in memory.
template <typename T>
void convolve(const Shape &shape, const T *x, const float *weight, const float *bias, T *y);

// The gradient of x from that of the results, `dy`.
template <typename T>
void imageGradient(const Shape &shape, const float *dy, const float *weight, T *dx);

// The gradient of the weights, [outputs, kernel height, kernel width, inputs].
template <typename T>
void weightGradient(const Shape &shape, const T *x, const float *dy, float *gradient);

} // namespace direct
