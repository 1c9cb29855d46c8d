internal import Foundation
public import Imaging
internal import Support

/// A data set in VOC format drawn by this program: nothing to download, and every image a function of seed and index.
///
/// Ten classes of objects that differ in form and structure; colours, textures, light and backgrounds come from one
/// distribution for all of them.
public struct SyntheticDevkit: Hashable, Sendable {
    /// How pictures are drawn.
    public enum Style: String, Hashable, Sendable, CaseIterable {
        /// Textured backgrounds, clutter, light, shadows, blur and sensor noise.
        case natural
        /// The same without clutter: objects before a textured ground.
        case studio
        /// Evenly lit objects on black, without camera effects: for tests of shapes and boxes.
        case plain

        var isPlain: Bool { self == .plain }
        var hasClutter: Bool { self == .natural }
    }

    /// All classes that can be drawn, in alphabetical order.
    public static let allClasses = SketchClass.allCases.map(\.rawValue)

    /// Longest side of an object over the short side of the image, unless chosen otherwise.
    public static let usualExtents = 0.12...0.7
    /// Objects whose box is shorter than this share of the short side are marked difficult.
    static let difficultExtent = 0.18
    /// Objects of which less than this share is seen are marked difficult.
    static let difficultVisibility = 0.45
    /// Objects are turned by up to 25 degrees.
    static let largestTurn = 25 * Double.pi / 180

    /// Number of images of all splits together.
    public let images: Int
    public let seed: UInt64
    /// Nominal size; sides vary by a tenth, and one image in four stands upright.
    public let imageSize: ImageSize
    /// Share of the images in `train`.
    public let trainFraction: Double
    /// Share of the images in `val`; the rest is `test`.
    public let validationFraction: Double
    /// The classes to draw, in the order of their names.
    public let classes: [String]
    /// Most objects placed in an image; at least one is.
    public let objectLimit: Int
    /// Longest side of an object over the short side of the image.
    public let extents: ClosedRange<Double>
    public let style: Style

    private let kinds: [SketchClass]

    /// - Throws: `InputError` for a class that cannot be drawn, no class at all, no images or too small ones, extents
    ///   outside (0, 1], or fractions outside [0, 1].
    public init(
        images: Int, seed: UInt64 = 0, imageSize: ImageSize = ImageSize(width: 320, height: 240),
        trainFraction: Double = 0.4, validationFraction: Double = 0.2,
        classes: [String] = SyntheticDevkit.allClasses, objectLimit: Int = 5,
        extents: ClosedRange<Double> = SyntheticDevkit.usualExtents, style: Style = .natural
    ) throws {
        guard (1...999_999).contains(images) else {
            throw InputError("images", "\(images) is not between 1 and 999999")
        }
        guard min(imageSize.width, imageSize.height) >= 48, max(imageSize.width, imageSize.height) <= 4096 else {
            throw InputError("image size", "\(imageSize.width)x\(imageSize.height) is not between 48 and 4096 pixels")
        }
        guard trainFraction >= 0, validationFraction >= 0, trainFraction + validationFraction <= 1 else {
            throw InputError("split", "the fractions of train and val must be in [0, 1], and so must their sum")
        }
        guard objectLimit >= 1 else { throw InputError("object limit", "\(objectLimit) is less than 1") }
        guard extents.lowerBound > 0, extents.upperBound <= 1 else {
            throw InputError("extents", "\(extents.lowerBound) to \(extents.upperBound) is not above 0 and up to 1")
        }
        let kinds = try Set(classes).sorted().map { name in
            guard let kind = SketchClass(rawValue: name) else {
                throw InputError(
                    "classes", "\"\(name)\" cannot be drawn",
                    remedy: "choose from \(Self.allClasses.joined(separator: ", "))")
            }
            return kind
        }
        guard !kinds.isEmpty else { throw InputError("classes", "none is given") }
        self.images = images
        self.seed = seed
        self.imageSize = imageSize
        self.trainFraction = trainFraction
        self.validationFraction = validationFraction
        self.classes = kinds.map(\.rawValue)
        self.kinds = kinds
        self.objectLimit = objectLimit
        self.extents = extents
        self.style = style
    }

    /// Draws image `index` (from 0); the same for the same seed, size, extents, classes and style, whatever else is drawn.
    public func image(_ index: Int) -> SyntheticImage {
        var random = RandomStream(seed, Purpose.scene, UInt64(index))
        var size = imageSize
        if random.chance(0.25) { size = ImageSize(width: size.height, height: size.width) }
        size.width = Int((Double(size.width) * random.uniform(0.9, 1.1)).rounded())
        size.height = Int((Double(size.height) * random.uniform(0.9, 1.1)).rounded())
        // The lesser of two draws: few objects more often than many. The first class goes round in turn, so that
        // all of them occur in small sets too.
        let count = 1 + min(random.integer(below: objectLimit), random.integer(below: objectLimit))
        let wanted = [kinds[index % kinds.count]] + (1..<count).map { _ in kinds[random.integer(below: kinds.count)] }
        var scene = SceneRenderer(size: size, style: style, extents: extents, random: random)
        scene.addObjects(wanted)
        return scene.finish()
    }

    /// Draws one object of the class that fills most of a square image, for classification.
    ///
    /// - Parameters:
    ///   - classIndex: index into `classes`
    ///   - number: which of the images of the class
    ///   - side: pixels
    public func classificationImage(classIndex: Int, number: Int, side: Int) -> SyntheticImage {
        let random = RandomStream(seed, Purpose.classification, UInt64(classIndex), UInt64(number))
        var scene = SceneRenderer(
            size: ImageSize(width: side, height: side), style: style, extents: extents, random: random)
        scene.addCenteredObject(kinds[classIndex])
        return scene.finish()
    }

    /// First keys of the random streams, so that no two purposes share numbers.
    enum Purpose {
        static let scene: UInt64 = 1
        static let classification: UInt64 = 2
        static let split: UInt64 = 3
    }
}

/// A drawn picture and its ground truth.
public struct SyntheticImage: Hashable, Sendable {
    public var image: Image
    /// What can be seen, in the order in which it was drawn: later objects may hide earlier ones.
    public var objects: [AnnotatedObject]
    /// The quality at which the data set stores it, 60 … 95.
    public var jpegQuality: Int
}
