/// Vectors at any place of a buffer of scalars, without bounds checks.
extension UnsafePointer {
    @inline(__always)
    func vector<Vector: SIMD>(_ index: Int, as type: Vector.Type = Vector.self) -> Vector
    where Vector.Scalar == Pointee {
        UnsafeRawPointer(self + index).loadUnaligned(as: type)
    }
}

extension UnsafeMutablePointer {
    @inline(__always)
    func vector<Vector: SIMD>(_ index: Int, as type: Vector.Type = Vector.self) -> Vector
    where Vector.Scalar == Pointee {
        UnsafeRawPointer(self + index).loadUnaligned(as: type)
    }

    @inline(__always)
    func store<Vector: SIMD>(_ vector: Vector, at index: Int) where Vector.Scalar == Pointee {
        UnsafeMutableRawPointer(self + index).storeBytes(of: vector, as: Vector.self)
    }
}

/// Lane by lane the smaller value. One instruction, unlike generic code and the standard library's `pointwiseMin`.
@inline(__always)
func smaller(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> SIMD4<Float> { a.replacing(with: b, where: b .< a) }

/// Lane by lane the larger value; see `smaller`.
@inline(__always)
func larger(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> SIMD4<Float> { a.replacing(with: b, where: b .> a) }
