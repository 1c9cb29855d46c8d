package import Backbone
package import Imaging
package import Torch

/// Images in Lab taken apart and put together again, for people to look at.
package struct ColorPictures {
    /// L, [B, 1, H, W], and a and b, [B, 2, H, W].
    package let lightness: Tensor
    package let colors: Tensor
    private let size: Extent

    /// L that colours without lightness are shown at.
    private static let middleLightness = 65.0

    package init(_ batch: SampleBatch, _ normalization: Normalization) {
        let lab = normalization.undone(batch.images).contiguous()
        lightness = lab.narrow(1, 0, 1)
        colors = lab.narrow(1, 1, 2)
        size = Extent(height: lab.size(2), width: lab.size(3))
    }

    /// Lightness alone.
    package var grays: [Image] { grays(lightness) }

    /// Colours alone.
    package var tints: [Image] {
        let middle = Tensor.full([colors.size(0), 1, 1, 1], Self.middleLightness, device: colors.device)
        return images(middle, colors)
    }

    /// The images' lightness with these colours, [B, 2, h, w].
    package func colored(_ colors: Tensor) -> [Image] { images(lightness, colors) }

    /// These lightnesses, [B, 1, h, w], without colours.
    func grays(_ lightness: Tensor) -> [Image] {
        images(lightness, Tensor.zeros([lightness.size(0), 2, 1, 1], device: lightness.device))
    }

    /// Each cell of a map is shown as a square.
    private func images(_ lightness: Tensor, _ colors: Tensor) -> [Image] {
        withoutGradients {
            let parts = [lightness, colors].map { $0.to(dtype: .float32).adaptiveAvgPool2d(size) }
            return Image.images(ofLevels: Lab.toRGB(Tensor.cat(parts, 1).permute(0, 2, 3, 1)) * 255)
        }
    }

    /// A row a sample, of one picture of each column.
    static func rows(_ batch: SampleBatch, _ columns: [(caption: String, images: [Image])]) -> [SampleRow] {
        batch.names.enumerated().map { sample, name in
            SampleRow(
                name,
                [.init(batch.picture(view: 0, of: sample), "")]
                    + columns.map { .init($0.images[sample], $0.caption) })
        }
    }
}

extension Tensor {
    /// [N·h·w, C] → [N, C, h, w]: what `places` takes apart.
    func mapped(_ size: Extent) -> Tensor {
        reshape([-1, size.height, size.width, self.size(1)]).permute(0, 3, 1, 2)
    }
}
