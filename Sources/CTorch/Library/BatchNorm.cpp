#include "BatchNorm.h"

#include "InstructionSets.h"
#include "Threads.h"

#include <algorithm>
#include <vector>

#if defined(__x86_64__)

namespace {

using batchnorm::Shape;

// The functions of BatchNormKernels.inc for one instruction set; all for some rows.
template <typename T>
struct Kernels {
    void (*addValues)(int64_t rows, int64_t channels, const T *x, const float *origin, float *sums);
    void (*addGradients)(int64_t rows, int64_t channels, const T *dy, const T *y, const T *x, const float *mean, float *sums);
    void (*apply)(int64_t rows, int64_t channels, const T *x, const float *scale, const float *shift, const T *other,
                  bool relu, T *y, bool streams);
    void (*gradient)(int64_t rows, int64_t channels, const T *dy, const T *y, const T *x, const float *scale,
                     const float *slope, const float *shift, T *dx, T *dOther, bool streams);
};

BEGIN_AVX512
constexpr int lanes = 16;
#include "BatchNormKernels.inc"
END_INSTRUCTIONS

BEGIN_AVX2
constexpr int lanes = 8;
#include "BatchNormKernels.inc"
END_INSTRUCTIONS

template <typename T>
const Kernels<T> &kernels() {
    static const Kernels<T> &best = instructions::hasWide() ? avx512::kernels<T> : avx2::kernels<T>;
    return best;
}

// Rows whose sums are taken in float32.
constexpr int64_t sumRows = 256;

// Calls add(first row, rows, sums) for all rows; returns the total of its sums.
template <typename Add>
std::vector<double> total(const Shape &shape, const Add &add) {
    const int64_t width = 2 * shape.channels;
    // Parts of the rows, summed up by themselves and joined in order: their number must not depend on the threads.
    const int64_t parts = std::clamp<int64_t>(shape.rows / sumRows, 1, 64);
    std::vector<double> sums(parts * width, 0);
    parallel(parts, [&](auto next) {
        std::vector<float> few;
        for (int64_t part; (part = next()) >= 0;) {
            few.resize(width);
            const int64_t end = shape.rows * (part + 1) / parts;
            for (int64_t row = shape.rows * part / parts; row < end; row += sumRows) {
                std::fill(few.begin(), few.end(), 0.0f);
                add(row, std::min(sumRows, end - row), few.data());
                for (int64_t i = 0; i < width; ++i) sums[part * width + i] += few[i];
            }
        }
    });
    for (int64_t part = 1; part < parts; ++part)
        for (int64_t i = 0; i < width; ++i) sums[i] += sums[part * width + i];
    sums.resize(width);
    return sums;
}

// Calls body(first row, rows) for all rows, some 64 KB of them at a time.
template <typename Body>
void forRows(const Shape &shape, const Body &body) {
    const int64_t step = std::max<int64_t>(1, 16384 / shape.channels);
    parallelFor((shape.rows + step - 1) / step,
                [&](int64_t number) { body(number * step, std::min(step, shape.rows - number * step)); });
}

// Whether results are larger than what the caches keep until they are read.
template <typename T>
bool streams(const Shape &shape) { return shape.rows * shape.channels * sizeof(T) >= 1 << 24; }

template <typename T>
const T *moved(const T *p, int64_t offset) { return p ? p + offset : nullptr; }
template <typename T>
T *moved(T *p, int64_t offset) { return p ? p + offset : nullptr; }

float value(float x) { return x; }
float value(uint16_t x) {
    const uint32_t bits = static_cast<uint32_t>(x) << 16;
    float result;
    __builtin_memcpy(&result, &bits, sizeof result);
    return result;
}

} // namespace

namespace batchnorm {

template <typename T>
void statistics(const Shape &shape, const T *x, float *mean, float *variance) {
    // Differences from the mean of a few rows, so that a large mean takes no digits from the variance.
    constexpr int64_t samples = 16;
    std::vector<float> origin(shape.channels, 0);
    for (int64_t i = 0; i < samples; ++i) {
        const T *row = x + shape.rows * i / samples * shape.channels;
        for (int64_t c = 0; c < shape.channels; ++c) origin[c] += value(row[c]) / samples;
    }
    const auto sums = total(shape, [&](int64_t row, int64_t rows, float *few) {
        kernels<T>().addValues(rows, shape.channels, x + row * shape.channels, origin.data(), few);
    });
    for (int64_t c = 0; c < shape.channels; ++c) {
        const double difference = sums[c] / shape.rows;
        mean[c] = static_cast<float>(origin[c] + difference);
        // In this order what is not a number stays so.
        variance[c] = static_cast<float>(std::max(sums[shape.channels + c] / shape.rows - difference * difference, 0.0));
    }
}

template <typename T>
void apply(const Shape &shape, const T *x, const float *scale, const float *shift, const T *other, bool relu, T *y) {
    forRows(shape, [&](int64_t row, int64_t rows) {
        const int64_t offset = row * shape.channels;
        kernels<T>().apply(rows, shape.channels, x + offset, scale, shift, moved(other, offset), relu, y + offset, streams<T>(shape));
    });
}

template <typename T>
void gradientSums(const Shape &shape, const T *dy, const T *y, const T *x, const float *mean, float *sum, float *product) {
    const auto sums = total(shape, [&](int64_t row, int64_t rows, float *few) {
        const int64_t offset = row * shape.channels;
        kernels<T>().addGradients(rows, shape.channels, dy + offset, moved(y, offset), x + offset, mean, few);
    });
    std::copy_n(sums.begin(), shape.channels, sum);
    std::copy_n(sums.begin() + shape.channels, shape.channels, product);
}

template <typename T>
void gradient(const Shape &shape, const T *dy, const T *y, const T *x, const float *scale, const float *slope,
              const float *shift, T *dx, T *dOther) {
    forRows(shape, [&](int64_t row, int64_t rows) {
        const int64_t offset = row * shape.channels;
        kernels<T>().gradient(rows, shape.channels, dy + offset, moved(y, offset), x + offset, scale, slope, shift,
                              dx + offset, moved(dOther, offset), streams<T>(shape));
    });
}

#else

namespace batchnorm {

template <typename T>
void statistics(const Shape &, const T *, float *, float *) {}
template <typename T>
void apply(const Shape &, const T *, const float *, const float *, const T *, bool, T *) {}
template <typename T>
void gradientSums(const Shape &, const T *, const T *, const T *, const float *, float *, float *) {}
template <typename T>
void gradient(const Shape &, const T *, const T *, const T *, const float *, const float *, const float *, T *, T *) {}

#endif

template void statistics(const Shape &, const float *, float *, float *);
template void statistics(const Shape &, const uint16_t *, float *, float *);
template void apply(const Shape &, const float *, const float *, const float *, const float *, bool, float *);
template void apply(const Shape &, const uint16_t *, const float *, const float *, const uint16_t *, bool, uint16_t *);
template void gradientSums(const Shape &, const float *, const float *, const float *, const float *, float *, float *);
template void gradientSums(const Shape &, const uint16_t *, const uint16_t *, const uint16_t *, const float *, float *, float *);
template void gradient(const Shape &, const float *, const float *, const float *, const float *, const float *,
                       const float *, float *, float *);
template void gradient(const Shape &, const uint16_t *, const uint16_t *, const uint16_t *, const float *, const float *,
                       const float *, uint16_t *, uint16_t *);

} // namespace batchnorm
