package import Backbone
public import Datasets
public import Imaging
public import Torch

/// Pictures of one image as a method sees it, side by side: what the network is given and what it answers.
public struct SampleRow: Sendable {
    public struct Picture: Sendable {
        public var image: Image
        /// A line below it.
        public var caption: String

        public init(_ image: Image, _ caption: String) {
            self.image = image
            self.caption = caption
        }
    }

    /// A line above all of them.
    public var title: String
    public var pictures: [Picture]

    public init(_ title: String, _ pictures: [Picture]) {
        self.title = title
        self.pictures = pictures
    }
}

/// A few images as a method's views, to be shown rather than learned from.
public struct SampleBatch {
    /// With all changes made.
    public let host: HostBatch
    /// Where each image comes from.
    public let names: [String]
    /// [V·B, 3, H, W], normalised, on the device: the first views of all images, then the second.
    public let images: Tensor

    package init(_ host: HostBatch, names: [String], normalization: Normalization, on device: Device) {
        self.host = host
        self.names = names
        images = normalization(host, device: device)
    }

    /// One view of one image.
    public func picture(view: Int, of sample: Int) -> Image {
        let length = host.size.pixelCount * 3
        let start = (view * host.count + sample) * length
        return Image(size: host.size, pixels: Array(host.pixels[start..<start + length]))
    }

    /// The views of each image side by side.
    public var views: [SampleRow] {
        (0..<host.count).map { sample in
            SampleRow(
                names[sample],
                (0..<host.viewCount).map { view in
                    .init(picture(view: view, of: sample), host.viewCount > 1 ? "view \(view + 1)" : "")
                })
        }
    }
}

extension Normalization {
    /// All views of a batch with its changes made, as a network takes them: [V·B, 3, H, W], the first views of all images, then the
    /// second.
    func callAsFunction(_ batch: HostBatch, device: Device) -> Tensor {
        self(
            batch.pixels, count: batch.viewCount * batch.count, height: batch.size.height, width: batch.size.width,
            device: device)
    }
}

extension Image {
    /// Images of RGB levels in 0…255, [N, H, W, 3]; what is beyond is cut off.
    static func images(ofLevels levels: Tensor) -> [Image] {
        let size = ImageSize(width: levels.size(2), height: levels.size(1))
        let pixels = levels.clamp(min: 0, max: 255).floats.map { UInt8($0.rounded()) }
        let length = size.pixelCount * 3
        return (0..<levels.size(0)).map {
            Image(size: size, pixels: Array(pixels[$0 * length..<($0 + 1) * length]))
        }
    }
}
