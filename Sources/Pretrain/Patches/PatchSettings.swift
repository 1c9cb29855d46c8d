internal import Backbone
internal import Imaging
internal import Support

/// The geometry of patches, and what keeps them from being told by their colours.
public struct PatchSettings: Hashable, Sendable {
    /// Pixels a side; nil for the share of the training crop that is published.
    public var side: Int?
    /// Pixels by which a place varies; nil for as published.
    public var jitter: Int?

    public init() {}

    static var rows: [Setting<PatchSettings>] {
        [
            .optional(
                "tile", "N", "side of a tile in pixels", \.side, .between(8, 4096), whenNone: "by the image size"),
            .optional(
                "tile-jitter", "N", "pixels by which the place of a tile varies", \.jitter, .between(0, 4096),
                whenNone: "by the image size"),
        ]
    }

    /// Of the whole training.
    static var trainingRows: [Setting<PretrainOptions>] {
        Augmentation.shortcutSettings.map { $0.lifted(to: \.recipe.augmentation) } + [
            .value(
                "stem-stride", "N", "stride of the first convolution while it trains; it is 4 at transfer",
                \.recipe.alexNet.stemStride, .between(1, 4)
            ).with(.alexNet)
        ]
    }

    /// A tile of each of 3 × 3 cells: of cells of 85 pixels, 64 anywhere inside.
    func tiles(imageSize: Int, choices: Int) -> PatchCut {
        let cell = imageSize / 3
        let side = side ?? max(1, cell * 64 / 85)
        return .tiles(grid: 3, side: side, jitter: jitter ?? max(0, cell - side), choices: choices)
    }
}

extension PatchCut {
    /// Throws when pictures of the training size are too small.
    func require(imageSize: Int) throws(InputError) {
        if imageSize < smallestPicture {
            throw InputError(
                "tile size",
                "tiles of \(side) pixels and the room between them need images of \(smallestPicture), not \(imageSize)",
                remedy: "use a larger --image-size, a smaller --tile or --tile-jitter")
        }
    }
}
