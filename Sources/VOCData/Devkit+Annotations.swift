internal import Imaging
internal import Support

/// The annotations of an image set, in its order.
public struct AnnotatedSet: Hashable, Sendable {
    public var ids: [String]
    /// One for each id.
    public var annotations: [Annotation]
    /// What the policy did to objects with bad boxes.
    public var repairs: [AnnotationRepair]
    /// Annotation files whose size is missing or not the image's, where images were looked at.
    public var wrongSizes: [String]
    /// What the set names beside `ids`, and why it was left out.
    public var omissions: [SetOmission]

    public init(
        ids: [String], annotations: [Annotation], repairs: [AnnotationRepair] = [], wrongSizes: [String] = [],
        omissions: [SetOmission] = []
    ) {
        precondition(ids.count == annotations.count, "\(ids.count) ids but \(annotations.count) annotations")
        self.wrongSizes = wrongSizes
        self.ids = ids
        self.annotations = annotations
        self.repairs = repairs
        self.omissions = omissions
    }
}

/// Something of an image set that was left out.
public struct SetOmission: Hashable, Sendable, CustomStringConvertible {
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        case missingImage = "images that are not there"
        case missingAnnotation = "images without annotation"
        case listedTwice = "lines with an image listed before"
        case unreadableAnnotation = "annotations that cannot be read"
    }

    public var reason: Reason
    /// The file concerned, or the line of an image set.
    public var file: String
    /// More than the reason says; may be empty.
    public var detail: String

    public init(_ reason: Reason, _ file: String, _ detail: String = "") {
        self.reason = reason
        self.file = file
        self.detail = detail
    }

    public var description: String { detail.isEmpty ? file : "\(file): \(detail)" }
}

/// What to do when an image set names what is not there, or names it twice.
public enum MissingPolicy: String, Hashable, Sendable, CaseIterable {
    /// An error that names the file or the line.
    case stop
    /// Leave it out and tell.
    case skip
}

/// An image of a set with its files.
public struct SetImage: Hashable, Sendable {
    public var id: String
    /// nil where it is not there.
    public var image: String?
    /// nil where it is not there.
    public var annotation: String?

    public init(id: String, image: String?, annotation: String?) {
        self.id = id
        self.image = image
        self.annotation = annotation
    }
}

extension Devkit {
    /// Reads the annotations of an image set on several threads.
    ///
    /// - Throws: `InputError` for the set, for a missing or malformed file, and for a bad box under `.stop`.
    public func annotations(
        _ set: String, policy: BadAnnotationPolicy = .stop, threads: Int = 2
    ) throws -> AnnotatedSet {
        try annotations(ids: imageSet(set), policy: policy, threads: threads)
    }

    /// The same for given ids.
    ///
    /// - Parameter usesImageSizes: takes the size of each image from its own header, so that boxes are checked against
    ///   the frame there is and not the one that is stated; an image without a readable header keeps what is stated.
    /// - Parameter turnsByEXIF: leaves a stated size that is the image's once EXIF has turned it: its boxes were drawn there.
    public func annotations(
        ids: [String], policy: BadAnnotationPolicy = .stop, usesImageSizes: Bool = false, turnsByEXIF: Bool = true,
        threads: Int = 2
    ) throws -> AnnotatedSet {
        let images = ids.map { id in
            SetImage(
                id: id, image: usesImageSizes ? imageFile(id) : nil,
                annotation: annotationFile(id) ?? annotationPath(id))
        }
        return try AnnotatedSet(
            reading: images, policy: policy, leavesOutUnreadable: policy.leavesOut, usesImageSizes: usesImageSizes,
            turnsByEXIF: turnsByEXIF, threads: threads)
    }
}

extension AnnotatedSet {
    /// Reads the annotations of images that have one; those without are passed over.
    ///
    /// - Parameters:
    ///   - leavesOutUnreadable: objects and files that cannot be read are left out and told, whatever `policy` says of
    ///     boxes; nil for what the policy says.
    ///   - usesImageSizes: as in `Devkit.annotations`.
    ///   - turnsByEXIF: likewise.
    public init(
        reading images: [SetImage], policy: BadAnnotationPolicy, leavesOutUnreadable: Bool? = nil,
        usesImageSizes: Bool = false, turnsByEXIF: Bool = true, threads: Int
    ) throws {
        let sizes = usesImageSizes ? ImageSizes(turnsByEXIF: turnsByEXIF) : nil
        let images = images.filter { $0.annotation != nil }
        let leavesOut = leavesOutUnreadable ?? policy.leavesOut
        // A parser costs as much as parsing a file, so that a batch of files shares one.
        let batch = 64
        let parts = try parallelMap((images.count + batch - 1) / batch, threads: threads) { part in
            let parser = try AnnotationParser()
            return try images[part * batch..<min(images.count, (part + 1) * batch)].map { image -> OneAnnotation in
                let path = image.annotation ?? ""
                do {
                    return try OneAnnotation(image, path, policy, leavesOut, sizes, parser)
                } catch let error as InputError where leavesOut {
                    var one = OneAnnotation(id: image.id)
                    one.omission = SetOmission(.unreadableAnnotation, path, error.problem)
                    return one
                }
            }
        }
        let all = Array(parts.joined())
        let read = all.filter { $0.annotation != nil }
        self.init(
            ids: read.map(\.id), annotations: read.compactMap(\.annotation), repairs: read.flatMap(\.repairs),
            wrongSizes: read.compactMap(\.wrongSize), omissions: all.compactMap(\.omission))
    }
}

/// That the size of an image is its own, not the stated one.
private struct ImageSizes: Sendable {
    /// Except where the stated one is the image's once EXIF has turned it.
    var turnsByEXIF: Bool
}

/// What came of one annotation file.
private struct OneAnnotation: Sendable {
    var id: String
    var annotation: Annotation?
    var repairs: [AnnotationRepair] = []
    var wrongSize: String?
    var omission: SetOmission?

    init(id: String) { self.id = id }

    init(
        _ image: SetImage, _ path: String, _ policy: BadAnnotationPolicy, _ leavesOut: Bool, _ sizes: ImageSizes?,
        _ parser: borrowing AnnotationParser
    ) throws {
        id = image.id
        var parsed = try parser.read(BoundedFile.read(path, limit: Annotation.maximumFileSize), file: path)
        if let problem = parsed.problems.first, !leavesOut {
            throw InputError(path, problem.text, remedy: "correct the file, or leave such objects out")
        }
        if let sizes, let file = image.image, let header = try? ImageHeader.read(file),
            header.size != parsed.annotation.size,
            !(sizes.turnsByEXIF && header.isTurned(to: parsed.annotation.size))
        {
            parsed.annotation.size = header.size
            wrongSize = path
        }
        let checked = try parsed.annotation.checked(policy, file: path, numbers: parsed.numbers)
        annotation = checked.annotation
        repairs =
            parsed.problems.map {
                AnnotationRepair(file: path, objectNumber: $0.number, problem: $0.text, issue: nil, action: .leftOut)
            } + checked.repairs
    }
}
