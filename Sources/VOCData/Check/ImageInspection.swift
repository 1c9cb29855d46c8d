internal import Boxes
internal import Imaging
internal import Support

/// What the annotation and the image header of one id say, and where they disagree.
struct ImageInspection: Sendable {
    private(set) var findings: [DevkitFinding] = []
    /// Nil when the annotation is missing or cannot be read.
    private(set) var annotation: Annotation?
    /// Of each object of the annotation its place in the file.
    private(set) var objectNumbers: [Int] = []
    let id: String
    private let annotationPath: String

    init(
        _ devkit: Devkit, id: String, isInSet: Bool, decodesImage: Bool, parser: borrowing AnnotationParser
    ) {
        self.id = id
        annotationPath = devkit.annotationPath(id)
        let imagePath = devkit.imagePath(id)
        let header = readImage(imagePath, isInSet: isInSet, decodes: decodesImage)
        readAnnotation(parser, isInSet: isInSet)
        guard let annotation else { return }
        compare(annotation, with: header, imagePath)
        // Boxes of an image that EXIF turns were drawn on the turned one, if its annotation says so.
        let frame = header.map { $0.isTurned(to: annotation.size) ? $0.uprightSize : $0.size } ?? annotation.size
        for (number, object) in zip(objectNumbers, annotation.objects) { check(object, number: number, frame: frame) }
        findDuplicates(annotation)
    }

    private mutating func readImage(_ path: String, isInSet: Bool, decodes: Bool) -> ImageHeader? {
        guard Files.exists(path) else {
            if isInSet { add(.missingImage, path, "an image set names this image") }
            return nil
        }
        do {
            let header: ImageHeader
            if decodes {
                let data = try Files.read(path)
                header = try ImageHeader.read(data, name: path)
                // At an eighth of the size: the decoder reads all of the file all the same.
                do {
                    _ = try Image.decode(data, name: path, minimumSize: ImageSize(width: 1, height: 1))
                } catch {
                    add(.unreadableImage, path, problem(error))
                }
            } else {
                header = try ImageHeader.read(path)
            }
            if header.channels != 3 || header.depth != 8 {
                let kind = header.format == .jpeg && header.channels == 4 ? "CMYK" : "\(header.channels) channels"
                add(.notRGB, path, "\(kind), \(header.depth) bits; it is converted when it is read")
            }
            return header
        } catch {
            add(.unreadableImage, path, problem(error))
            return nil
        }
    }

    private mutating func readAnnotation(_ parser: borrowing AnnotationParser, isInSet: Bool) {
        guard Files.exists(annotationPath) else {
            if isInSet { add(.missingAnnotation, annotationPath, "an image set names this image") }
            return
        }
        do {
            let bytes = try BoundedFile.read(annotationPath, limit: Annotation.maximumFileSize)
            let parsed = try parser.read(bytes, file: annotationPath)
            annotation = parsed.annotation
            objectNumbers = parsed.numbers
            for problem in parsed.problems {
                add(.unreadableObject, annotationPath, object: problem.number, problem.text)
            }
            for (index, fields) in parser.omittedFields.enumerated() {
                for field in fields {
                    let kind: DevkitFinding.Kind =
                        switch field {
                        case .difficult: .noDifficult
                        case .truncated: .noTruncated
                        case .pose: .noPose
                        }
                    add(kind, annotationPath, object: index + 1, field == .pose ? "read as unspecified" : "read as 0")
                }
            }
        } catch {
            add(.unreadableAnnotation, annotationPath, problem(error))
        }
    }

    private mutating func compare(_ annotation: Annotation, with header: ImageHeader?, _ imagePath: String) {
        if annotation.objects.isEmpty { add(.noObjects, annotationPath, "the image is a negative of every class") }
        let stem = imagePath.split(separator: "/").last ?? ""
        if !annotation.filename.isEmpty, annotation.filename != id, header != nil, annotation.filename != stem {
            add(.otherFilename, annotationPath, "<filename> is \"\(annotation.filename)\"")
        }
        guard let size = header?.size else { return }
        guard let stated = annotation.size else {
            return add(.sizeMismatch, annotationPath, "states no size; the image is \(size.width)x\(size.height)")
        }
        if header?.isTurned(to: stated) == true {
            return add(
                .turnedByEXIF, annotationPath,
                "states \(stated.width)x\(stated.height), the image as EXIF turns it; it is stored as "
                    + "\(size.width)x\(size.height). Training turns it (--exif apply); exiftran -ai writes it upright")
        }
        if stated != size {
            add(
                .sizeMismatch, annotationPath,
                "states \(stated.width)x\(stated.height); the image is \(size.width)x\(size.height)")
        }
    }

    private mutating func check(_ object: AnnotatedObject, number: Int, frame: ImageSize?) {
        let (xmin, ymin, xmax, ymax) = object.box.voc
        let corners = [xmin, ymin, xmax, ymax]
        let text =
            "\(object.name): " + corners.map(shortest).joined(separator: " ")
            + (frame.map { " in \($0.width)x\($0.height)" } ?? "")
        if corners.contains(where: { $0 != $0.rounded() }) { add(.fractionalBox, annotationPath, object: number, text) }
        switch BoxIssue.find(in: object.box, size: frame) {
        case nil: break
        case .inverted: add(.invertedBox, annotationPath, object: number, text)
        case .zeroArea: add(.boxWithoutArea, annotationPath, object: number, text)
        case .outOfFrame:
            // Less than one pixel out at the left or the top, and nowhere else: counted from 0.
            let isInside = frame.map { xmax <= Double($0.width) && ymax <= Double($0.height) } ?? true
            let isZeroBased = min(xmin, ymin) >= 0 && isInside
            add(isZeroBased ? .zeroBasedBox : .boxOutOfFrame, annotationPath, object: number, text)
        }
    }

    private mutating func findDuplicates(_ annotation: Annotation) {
        struct Key: Hashable {
            var name: String
            var box: Box
        }
        var first: [Key: Int] = [:]
        for (index, object) in annotation.objects.enumerated() {
            let key = Key(name: object.name, box: object.box)
            let number = objectNumbers[index]
            if let earlier = first[key] {
                add(.duplicatedBox, annotationPath, object: number, "\(object.name): the same as object \(earlier)")
            } else {
                first[key] = number
            }
        }
    }

    private mutating func add(
        _ kind: DevkitFinding.Kind, _ file: String, object: Int? = nil, _ detail: String
    ) {
        findings.append(DevkitFinding(kind, file, object: object, detail))
    }

    /// The problem without the file, which the finding names itself.
    private func problem(_ error: any Error) -> String { (error as? InputError)?.problem ?? "\(error)" }
}
