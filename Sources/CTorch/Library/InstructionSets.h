#pragma once
// The instruction sets that kernels are compiled for: on x86-64 AVX-512 and AVX2 with FMA, of which libtorch's
// ATEN_CPU_CAPABILITY can choose.

#include <ATen/Version.h>

namespace instructions {

inline bool hasWide() { return at::get_cpu_capability() == "AVX512"; }

// Whether there are kernels for this processor.
inline bool isSupported() {
#if defined(__x86_64__)
    return hasWide() || at::get_cpu_capability() == "AVX2";
#else
    return false;
#endif
}

} // namespace instructions

// What lies between BEGIN and END is in a namespace of its own and compiled for that set.
#define INSTRUCTIONS(text) _Pragma(#text)
#define BEGIN_AVX512 \
    INSTRUCTIONS(clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"))), apply_to = function)) \
    namespace avx512 {
#define BEGIN_AVX2 \
    INSTRUCTIONS(clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)) \
    namespace avx2 {
#define END_INSTRUCTIONS \
    } \
    INSTRUCTIONS(clang attribute pop)
