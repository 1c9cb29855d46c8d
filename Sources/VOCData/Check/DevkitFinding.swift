public import Support

/// Something about a devkit that its user should know.
public struct DevkitFinding: Hashable, Sendable {
    public enum Severity: String, Hashable, Sendable {
        /// Training or evaluation would stop, change the data, or measure something else.
        case serious
        /// Worth knowing; everything works.
        case note
    }

    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case unusableImageSet = "unusable_image_set"
        case listedTwice = "listed_twice"
        case missingAnnotation = "missing_annotation"
        case missingImage = "missing_image"
        case unreadableAnnotation = "unreadable_annotation"
        case unreadableObject = "unreadable_object"
        case unreadableImage = "unreadable_image"
        case sizeMismatch = "size_mismatch"
        case turnedByEXIF = "turned_by_exif"
        case invertedBox = "inverted_box"
        case boxWithoutArea = "box_without_area"
        case boxOutOfFrame = "box_out_of_frame"
        case zeroBasedBox = "zero_based_box"
        case unknownClass = "unknown_class"
        case duplicatedBox = "duplicated_box"
        case classWithoutPositives = "class_without_positives"
        case fractionalBox = "fractional_box"
        case noDifficult = "no_difficult"
        case noTruncated = "no_truncated"
        case noPose = "no_pose"
        case noObjects = "no_objects"
        case otherFilename = "other_filename"
        case notRGB = "not_rgb"
        case unusedAnnotation = "unused_annotation"
        case unusedImage = "unused_image"
        case unusedFile = "unused_file"

        public var severity: Severity {
            switch self {
            case .unusableImageSet, .listedTwice, .missingAnnotation, .missingImage, .unreadableAnnotation,
                .unreadableObject, .unreadableImage,
                .sizeMismatch, .invertedBox, .boxWithoutArea, .boxOutOfFrame, .zeroBasedBox, .unknownClass:
                .serious
            case .duplicatedBox, .classWithoutPositives, .fractionalBox, .noDifficult, .noTruncated, .noPose,
                .noObjects, .otherFilename, .notRGB, .turnedByEXIF, .unusedAnnotation, .unusedImage, .unusedFile:
                .note
            }
        }

        /// A few words for people.
        public var title: String {
            switch self {
            case .unusableImageSet: "image set that cannot be used"
            case .listedTwice: "image listed twice in a set"
            case .missingAnnotation: "annotation missing"
            case .missingImage: "image missing"
            case .unreadableAnnotation: "annotation that cannot be read"
            case .unreadableObject: "object that cannot be read"
            case .unreadableImage: "image that cannot be read"
            case .sizeMismatch: "size other than the image's"
            case .turnedByEXIF: "image turned by its EXIF orientation"
            case .invertedBox: "box inverted"
            case .boxWithoutArea: "box without area"
            case .boxOutOfFrame: "box out of the frame"
            case .zeroBasedBox: "box counted from 0"
            case .unknownClass: "unknown class"
            case .duplicatedBox: "box twice"
            case .classWithoutPositives: "class without an object that counts"
            case .fractionalBox: "box with fractions"
            case .noDifficult: "object without <difficult>"
            case .noTruncated: "object without <truncated>"
            case .noPose: "object without <pose>"
            case .noObjects: "annotation without objects"
            case .otherFilename: "<filename> of another image"
            case .notRGB: "image not 8-bit RGB"
            case .unusedAnnotation: "annotation in no image set"
            case .unusedImage: "image in no image set"
            case .unusedFile: "file of another kind"
            }
        }
    }

    public var kind: Kind
    /// The file concerned; for a class, its name.
    public var file: String
    /// Counted from 1, in file order; nil when the finding is about no single object.
    public var objectNumber: Int?
    /// What was found, in words.
    public var detail: String

    public init(_ kind: Kind, _ file: String, object: Int? = nil, _ detail: String) {
        self.kind = kind
        self.file = file
        objectNumber = object
        self.detail = detail
    }

    public var severity: Severity { kind.severity }

    /// `{"kind", "severity", "file", "object", "detail"}`
    public var json: JSON {
        [
            "kind": .string(kind.rawValue), "severity": .string(severity.rawValue), "file": .string(file),
            "object": objectNumber.map { .integer($0) } ?? .null, "detail": .string(detail),
        ]
    }
}
