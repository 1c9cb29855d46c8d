#pragma once
// 3×3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray, CVPR 2016): 36
// products for 16 outputs instead of 144. Images and weights are channels-last; images float32 or bfloat16, everything else
// float32.
//
// The interpolation points are 0, ±√½, ±√2 and ∞ instead of 0, ±1, ±2 and ∞: rounding errors are a fifth as large, five
// times those of summing the products one by one.

#include <cstdint>

namespace winograd {

struct Shape {
    int64_t images, height, width;
    // Multiples of `channelStep`.
    int64_t inputs, outputs;
};

constexpr int64_t channelStep = 32;
constexpr int64_t points = 36;

// Transformed weights, points · inputs · outputs values, of `weight` [outputs, 3, 3, inputs]. `transposed`: those of the
// convolution that takes the gradient of the results to that of the images, whose inputs are `outputs`.
void prepare(const float *weight, int64_t inputs, int64_t outputs, bool transposed, float *prepared);

// y [images, height, width, outputs] = convolution of x [images, height, width, inputs], + bias, + other, ReLU on request.
// T is float, or uint16_t for bfloat16 in memory.
template <typename T>
void convolve(const Shape &shape, const T *x, const float *prepared, const float *bias, const T *other, bool relu, T *y);

// The gradient of the weights, [outputs, 3, 3, inputs], from that of the results, `dy`.
template <typename T>
void weightGradient(const Shape &shape, const T *x, const T *dy, float *gradient);

} // namespace winograd
