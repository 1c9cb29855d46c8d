#include "CProcessor.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)

#include <cpuid.h>

// This file is compiled for the processor that all Swift is compiled for, so the compiler's own macros tell what the program
// needs. A macro that is defined is 1; one that is not stays its own name. No compiler uses tiles (amx) of its own accord.
#define TEXT(macro) #macro
#define IS_DEFINED(macro) (TEXT(macro)[0] == '1')

// Where cpuid tells of a set, and which registers the operating system must save for it.
enum Leaf { basic, extended, extended1, amd };
enum Registers { plain = 0, vectors256 = 0x6, vectors512 = 0xe6, tiles = 0x60000 };

typedef struct {
    const char *name;
    enum Leaf leaf;
    // 0 to 3: eax to edx.
    int word, bit;
    enum Registers registers;
    bool isNeeded;
} Set;

static const Set sets[] = {
    {"pni", basic, 2, 0, plain, IS_DEFINED(__SSE3__)},
    {"ssse3", basic, 2, 9, plain, IS_DEFINED(__SSSE3__)},
    {"fma", basic, 2, 12, vectors256, IS_DEFINED(__FMA__)},
    {"cx16", basic, 2, 13, plain, IS_DEFINED(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16)},
    {"sse4_1", basic, 2, 19, plain, IS_DEFINED(__SSE4_1__)},
    {"sse4_2", basic, 2, 20, plain, IS_DEFINED(__SSE4_2__)},
    {"movbe", basic, 2, 22, plain, IS_DEFINED(__MOVBE__)},
    {"popcnt", basic, 2, 23, plain, IS_DEFINED(__POPCNT__)},
    {"avx", basic, 2, 28, vectors256, IS_DEFINED(__AVX__)},
    {"f16c", basic, 2, 29, vectors256, IS_DEFINED(__F16C__)},
    {"abm", amd, 2, 5, plain, IS_DEFINED(__LZCNT__)},
    {"sse4a", amd, 2, 6, plain, IS_DEFINED(__SSE4A__)},
    {"xop", amd, 2, 11, vectors256, IS_DEFINED(__XOP__)},
    {"fma4", amd, 2, 16, vectors256, IS_DEFINED(__FMA4__)},
    {"tbm", amd, 2, 21, plain, IS_DEFINED(__TBM__)},
    {"bmi1", extended, 1, 3, plain, IS_DEFINED(__BMI__)},
    {"avx2", extended, 1, 5, vectors256, IS_DEFINED(__AVX2__)},
    {"bmi2", extended, 1, 8, plain, IS_DEFINED(__BMI2__)},
    {"avx512f", extended, 1, 16, vectors512, IS_DEFINED(__AVX512F__)},
    {"avx512dq", extended, 1, 17, vectors512, IS_DEFINED(__AVX512DQ__)},
    {"avx512ifma", extended, 1, 21, vectors512, IS_DEFINED(__AVX512IFMA__)},
    {"avx512cd", extended, 1, 28, vectors512, IS_DEFINED(__AVX512CD__)},
    {"avx512bw", extended, 1, 30, vectors512, IS_DEFINED(__AVX512BW__)},
    {"avx512vl", extended, 1, 31, vectors512, IS_DEFINED(__AVX512VL__)},
    {"avx512vbmi", extended, 2, 1, vectors512, IS_DEFINED(__AVX512VBMI__)},
    {"avx512_vbmi2", extended, 2, 6, vectors512, IS_DEFINED(__AVX512VBMI2__)},
    {"gfni", extended, 2, 8, plain, IS_DEFINED(__GFNI__)},
    {"avx512_vnni", extended, 2, 11, vectors512, IS_DEFINED(__AVX512VNNI__)},
    {"avx512_bitalg", extended, 2, 12, vectors512, IS_DEFINED(__AVX512BITALG__)},
    {"avx512_vpopcntdq", extended, 2, 14, vectors512, IS_DEFINED(__AVX512VPOPCNTDQ__)},
    {"amx_bf16", extended, 3, 22, tiles, false},
    {"avx512_fp16", extended, 3, 23, vectors512, IS_DEFINED(__AVX512FP16__)},
    {"avx_vnni", extended1, 0, 4, vectors256, IS_DEFINED(__AVXVNNI__)},
    {"avx512_bf16", extended1, 0, 5, vectors512, IS_DEFINED(__AVX512BF16__)},
    {"avx_ne_convert", extended1, 3, 5, vectors256, IS_DEFINED(__AVXNECONVERT__)},
};

// The functions themselves run anywhere.
#pragma clang attribute push(__attribute__((target("arch=x86-64"))), apply_to = function)

int processor_set_count(void) { return sizeof sets / sizeof *sets; }

const char *processor_set_name(int index) { return sets[index].name; }

bool processor_needs_set(int index) { return sets[index].isNeeded; }

// The registers that the operating system saves; needs the instruction `xgetbv`.
static uint64_t saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

bool processor_has_set(int index) {
    static const unsigned leaves[][2] = {{1, 0}, {7, 0}, {7, 1}, {0x80000001, 0}};
    const Set *set = &sets[index];
    unsigned words[4];
    const unsigned *leaf = leaves[set->leaf];
    if (!__get_cpuid_count(leaf[0], leaf[1], &words[0], &words[1], &words[2], &words[3])) return false;
    if (!(words[set->word] >> set->bit & 1)) return false;
    if (set->registers == plain) return true;
    const unsigned osxsave = 1 << 27;
    return __get_cpuid(1, &words[0], &words[1], &words[2], &words[3]) && words[2] & osxsave
        && (saved_registers() & set->registers) == set->registers;
}

static void append(char *line, size_t capacity, const char *text) {
    const size_t length = strlen(line);
    for (size_t i = 0; length + i + 1 < capacity && text[i]; ++i) line[length + i] = text[i];
}

// Before main and the rest of the program's own code, which may begin with an instruction that this processor lacks.
__attribute__((constructor(101))) static void refuse_lesser_processors(void) {
    char line[1024] = {0};
    for (int index = 0; index < processor_set_count(); ++index) {
        if (!processor_needs_set(index) || processor_has_set(index)) continue;
        append(line, sizeof line, *line ? ", " : "error: this processor: lacks ");
        append(line, sizeof line, processor_set_name(index));
    }
    if (!*line) return;
    append(line, sizeof line, ", for which this program was built; build it with DETECT_CPU=x86-64, which runs on any\n");
    if (write(2, line, strlen(line)) < 0) {}
    _exit(1);
}

#pragma clang attribute pop

#else

int processor_set_count(void) { return 0; }
const char *processor_set_name(int index) { return ""; }
bool processor_has_set(int index) { return false; }
bool processor_needs_set(int index) { return false; }

#endif
