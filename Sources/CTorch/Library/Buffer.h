#pragma once
// Memory for vectors, aligned to lines of the cache.

#include <cstdint>
#include <memory>
#include <new>

struct BufferDeleter {
    void operator()(float *memory) const { ::operator delete[](memory, std::align_val_t(64)); }
};
using Buffer = std::unique_ptr<float[], BufferDeleter>;

inline Buffer allocate(int64_t count) {
    return Buffer(static_cast<float *>(::operator new[](sizeof(float) * count, std::align_val_t(64))));
}
