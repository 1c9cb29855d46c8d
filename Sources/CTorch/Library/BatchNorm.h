#pragma once
// Batch normalisation in training with what follows it, y = relu(γ · (x − µ)/√(σ² + ε) + β + other), addition and ReLU on
// request: one pass for the statistics, one for the results, and as many backward. x is [rows, channels] in memory, that is
// channels-last, float32 or bfloat16; statistics and sums are float32 within 256 rows and float64 beyond. Sums are taken in
// the same order on any number of threads.

#include <cstdint>

namespace batchnorm {

struct Shape {
    int64_t rows;
    // A multiple of `channelStep`.
    int64_t channels;
};

constexpr int64_t channelStep = 16;

// Mean and biased variance of each channel. T is float, or uint16_t for bfloat16.
template <typename T>
void statistics(const Shape &shape, const T *x, float *mean, float *variance);

// y = relu(scale · x + shift + other)
template <typename T>
void apply(const Shape &shape, const T *x, const float *scale, const float *shift, const T *other, bool relu, T *y);

// Of d, the gradient `dy`, 0 where y is (nowhere if y is null): Σd and Σd · (x − mean).
template <typename T>
void gradientSums(const Shape &shape, const T *dy, const T *y, const T *x, const float *mean, float *sum, float *product);

// dx = scale · d + slope · x + shift; d goes to `dOther` unless that is null.
template <typename T>
void gradient(const Shape &shape, const T *dy, const T *y, const T *x, const float *scale, const float *slope,
              const float *shift, T *dx, T *dOther);

} // namespace batchnorm
