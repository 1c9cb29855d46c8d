/// Cube roots of normal numbers in 2^-8 ..< 2^8, within one unit in the last place.
///
/// Written out rather than taken from the C library, whose versions differ in the last bit: colours, and so boxes,
/// are the same everywhere. One step of Halley's iteration from a quadratic through the root on 0.5 … 1; the constants
/// are those of the GNU C library's `cbrtf` up to version 2.40, which gives the same values.
@inline(__always)
func cubeRoot(_ x: SIMD4<Float>) -> SIMD4<Float> {
    let bits = unsafeBitCast(x, to: SIMD4<UInt32>.self)
    let mantissa = unsafeBitCast(bits & 0x007f_ffff | 0x3f00_0000, to: SIMD4<Float>.self)
    let m = SIMD4<Double>(mantissa)
    let start = SIMD4<Float>(0.492659620528969547 + (0.697570460207922770 - 0.191502161678719066 * m) * m)
    let cube = SIMD4<Double>(start * start * start)
    var root = SIMD4<Double>(start) * (cube + 2 * m) / (2 * cube + m)
    // The exponent of x = mantissa · 2^e, from its bits.
    let exponents = (bits &>> 23 &- (126 - 8)) & 15
    cubeRootsOfPowersOfTwo.withUnsafeBufferPointer { roots in
        for lane in 0..<4 { root[lane] *= roots[Int(exponents[lane])] }
    }
    return SIMD4<Float>(root)
}

/// Cube root of 2^e at place e + 8.
private let cubeRootsOfPowersOfTwo: [Double] = (-8...7).map { exponent in
    let cubeRootOf2 = 1.2599210498948731648
    let squareOfIt = 1.5874010519681994748
    let factor = [1 / squareOfIt, 1 / cubeRootOf2, 1, cubeRootOf2, squareOfIt][2 + exponent % 3]
    return factor * Double(sign: .plus, exponent: exponent / 3, significand: 1)
}
