public import Boxes
public import Imaging
internal import Support

/// What one VOC XML file says about one image.
public struct Annotation: Hashable, Sendable {
    /// `<folder>`, such as "VOC2007".
    public var folder: String
    /// `<filename>`: a plain file name, never a path.
    public var filename: String
    /// `<size>`; nil when the file does not state one.
    public var size: ImageSize?
    /// Colour channels.
    public var depth: Int
    public var objects: [AnnotatedObject]

    public init(
        folder: String = "VOC2007", filename: String, size: ImageSize?, depth: Int = 3, objects: [AnnotatedObject]
    ) {
        self.folder = folder
        self.filename = filename
        self.size = size
        self.depth = depth
        self.objects = objects
    }

    /// The objects with class indices; `source` names the file in errors.
    ///
    /// - Throws: `InputError` naming the object whose class is not in `classes`.
    public func labeledBoxes(classes: [String], source: String) throws -> [LabeledBox] {
        try objects.enumerated().map { index, object in
            guard let classIndex = classes.firstIndex(of: object.name) else {
                throw InputError(
                    source, "object \(index + 1) has the unknown class \"\(object.name)\"",
                    remedy: "correct the name or give a class list that holds it")
            }
            return LabeledBox(box: object.box, classIndex: classIndex, isDifficult: object.isDifficult)
        }
    }
}

/// One annotated object of an image.
public struct AnnotatedObject: Hashable, Sendable {
    public var name: String
    /// Left, Right, Frontal, Rear, Unspecified, or empty when the file does not say.
    public var pose: String
    public var isTruncated: Bool
    public var isDifficult: Bool
    /// Later years state it; nil when the file does not.
    public var isOccluded: Bool?
    /// As it stands in the file, in the convention of `Box`; see `BoxIssue` for what can be wrong with it.
    public var box: Box

    public init(
        name: String, pose: String = "", isTruncated: Bool = false, isDifficult: Bool = false,
        isOccluded: Bool? = nil, box: Box
    ) {
        self.name = name
        self.pose = pose
        self.isTruncated = isTruncated
        self.isDifficult = isDifficult
        self.isOccluded = isOccluded
        self.box = box
    }
}
