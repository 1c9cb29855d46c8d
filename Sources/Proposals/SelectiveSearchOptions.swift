public import Support

/// The colour space in which an image is segmented and regions are compared; every channel is scaled to 0 … 255.
public enum ProposalColorSpace: String, Hashable, Sendable, CaseIterable {
    case rgb
    /// Hue, saturation, value; hue is treated as a plain number, as in the published method.
    case hsv
    /// CIE L*a*b* of sRGB under D65: L·255/100, a + 128, b + 128.
    case lab
    /// Red and green divided by the sum of all three, and the mean of all three.
    case rgI
    /// The hue of `hsv` alone.
    case hue
    /// The mean of red, green and blue alone.
    case intensity

    /// Whether all three planes are the same one.
    var isSingleChannel: Bool { self == .hue || self == .intensity }
}

/// The terms whose sum is the similarity of two neighbouring regions (Uijlings et al., section 3.2).
public struct RegionSimilarity: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Histogram intersection of 25 colour bins a channel (equation 2).
    public static let color = RegionSimilarity(rawValue: 1)
    /// Histogram intersection of 10 bins of each of 8 Gaussian derivatives a channel (equation 4).
    public static let texture = RegionSimilarity(rawValue: 2)
    /// Lets small regions merge first (equation 6).
    public static let size = RegionSimilarity(rawValue: 4)
    /// Lets regions merge that fit into each other (equation 7).
    public static let fill = RegionSimilarity(rawValue: 8)

    /// The terms in words, such as `color+texture+size+fill`.
    public var name: String {
        let terms: [(RegionSimilarity, String)] = [
            (.color, "color"), (.texture, "texture"), (.size, "size"), (.fill, "fill"),
        ]
        return terms.filter { contains($0.0) }.map(\.1).joined(separator: "+")
    }
}

/// A published choice of options.
public enum SelectiveSearchMode: String, CaseIterable, Sendable {
    case fast
    case quality

    public var options: SelectiveSearchOptions { self == .fast ? .fast : .quality }
}

/// What selective search varies and how; the defaults are the published `fast` mode.
///
/// Every combination of colour space, scale and similarity gives one hierarchy of regions: 2 × 2 × 2 in `fast`.
/// Source: Uijlings, van de Sande, Gevers, Smeulders, "Selective Search for Object Recognition", IJCV 2013.
public struct SelectiveSearchOptions: Hashable, Sendable {
    public var colorSpaces: [ProposalColorSpace] = [.hsv, .lab]
    public var similarities: [RegionSimilarity] = [[.color, .texture, .size, .fill], [.texture, .size, .fill]]
    /// k of the graph segmentation, which is its minimum region size too, in pixels.
    public var scales: [Int] = [50, 100]
    /// Standard deviation of the Gaussian that smooths the image before segmentation, in pixels.
    public var sigma: Double = 0.8
    /// Boxes with a shorter side are dropped, in pixels of the image.
    public var minimumSide: Int = 20
    /// A larger image is searched on a reduced copy of at most this many pixels; boxes are mapped back.
    public var maximumPixels: Int = 1_500_000

    public init() {}

    /// The published `fast` mode.
    public static let fast = SelectiveSearchOptions()

    /// The published `quality` mode: five colour spaces, four similarities and four scales make 80 hierarchies.
    public static let quality: SelectiveSearchOptions = {
        var options = SelectiveSearchOptions()
        options.colorSpaces = [.hsv, .lab, .rgI, .hue, .intensity]
        options.similarities += [.fill, .size]
        options.scales = [50, 100, 150, 300]
        return options
    }()

    /// All fields, for file headers and run folders.
    public var json: JSON {
        [
            "color_spaces": .array(colorSpaces.map { .string($0.rawValue) }),
            "similarities": .array(similarities.map { .string($0.name) }),
            "scales": .array(scales.map { .integer($0) }),
            "sigma": .number(sigma),
            "minimum_side": .integer(minimumSide),
            "maximum_pixels": .integer(maximumPixels),
        ]
    }
}
