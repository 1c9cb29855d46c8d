internal import Foundation
public import Torch

/// CIE L*a*b* under D65 of sRGB colours, in float32: L in 0…100, a and b about −108…98. Differs from the exact values by less
/// than 1e-4; constants are those of the sRGB standard as scikit-image and the authors of colour pretext tasks have them.
public enum Lab {
    /// Linear RGB to XYZ, a row each.
    private static let xyz = [
        [0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227],
    ]
    /// XYZ of D65.
    private static let white = [0.95047, 1, 1.08883]

    // f(t): a cube root, and below a line that it joins smoothly.
    private static let cubeFrom = 0.008856
    private static let slope = 7.787
    private static let offset = 16.0 / 116
    private static let lineUpTo = 0.2068966

    /// Linear light of each level.
    private static let levels = (0..<256).map { linear(Double($0) / 255) }

    private static func linear(_ value: Double) -> Double {
        value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }

    /// sRGB bytes [..., 3] → L, a, b [..., 3] float32, on the pixels' device.
    public static func fromRGB(_ pixels: Tensor) -> Tensor {
        withoutGradients {
            let table = Tensor(levels.map { Float($0) }).uploaded(to: pixels.device)
            let linear = table.indexSelect(0, pixels.reshape(-1).to(dtype: .int64)).reshape(pixels.shape)
            let rgb = (0..<3).map { linear.select(-1, $0) }
            // Sums by hand: a product of matrices would be rounded to bfloat16 where that is asked for.
            let f = zip(xyz, white).map { row, white -> Tensor in
                let t = rgb[0] * (row[0] / white) + rgb[1] * (row[1] / white) + rgb[2] * (row[2] / white)
                return Tensor.where(t.greater(cubeFrom), t.power(1.0 / 3), t * slope + offset)
            }
            return Tensor.stack([f[1] * 116 - 16, (f[0] - f[1]) * 500, (f[1] - f[2]) * 200], -1)
        }
    }

    /// L, a, b [..., 3] → sRGB [..., 3] float32 in [0, 1]; colours that sRGB does not have are cut off.
    public static func toRGB(_ lab: Tensor) -> Tensor {
        withoutGradients {
            let fy = (lab.select(-1, 0) + 16) / 116
            let f = [lab.select(-1, 1) / 500 + fy, fy, (fy - lab.select(-1, 2) / 200).clamp(min: 0)]
            let tristimulus = zip(f, white).map { f, white in
                Tensor.where(f.greater(lineUpTo), f.square() * f, (f - offset) / slope) * white
            }
            let rgb = inverse.map { row -> Tensor in
                let c = tristimulus[0] * row[0] + tristimulus[1] * row[1] + tristimulus[2] * row[2]
                return Tensor.where(c.greater(0.0031308), c.clamp(min: 0).power(1 / 2.4) * 1.055 - 0.055, c * 12.92)
            }
            return Tensor.stack(rgb, -1).clamp(min: 0, max: 1)
        }
    }

    /// XYZ to linear RGB: the inverse of `xyz` by its cofactors.
    private static let inverse: [[Double]] = {
        func cofactor(_ i: Int, _ j: Int) -> Double {
            let (r, s, c, d) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3)
            return xyz[r][c] * xyz[s][d] - xyz[r][d] * xyz[s][c]
        }
        let determinant = (0..<3).reduce(0) { $0 + xyz[0][$1] * cofactor(0, $1) }
        return (0..<3).map { i in (0..<3).map { j in cofactor(j, i) / determinant } }
    }()

    /// L, a, b of an sRGB colour with samples in [0, 1], in double precision.
    public static func ofColor(_ red: Double, _ green: Double, _ blue: Double) -> (l: Double, a: Double, b: Double) {
        let linear = [red, green, blue].map(linear)
        let f = zip(xyz, white).map { row, white -> Double in
            let t = (row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2]) / white
            return t > cubeFrom ? pow(t, 1.0 / 3) : slope * t + offset
        }
        return (116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2]))
    }
}
