internal import Boxes
internal import Imaging
public import Support

/// What the objects of an image set are like.
public struct SetStatistics: Hashable, Sendable {
    /// The objects of one class; those marked difficult are counted apart and take no part in sizes and ratios.
    public struct ClassStatistics: Hashable, Sendable {
        public var name: String
        /// Images with an object of the class, difficult ones included.
        public var images = 0
        public var objects = 0
        public var difficult = 0
        /// Of the objects that count.
        public var truncated = 0
        /// By `SizeBucket`, in the order of its cases.
        public var sizes = [0, 0, 0]
        /// Share of the image's area; only where the image's size is stated.
        public var areas: [Double] = []
        /// Width over height.
        public var aspectRatios: [Double] = []
    }

    public let images: Int
    public let imagesWithoutObjects: Int
    public let classes: [ClassStatistics]
    /// Objects that count in each image.
    public let objectsPerImage: [Int]
    /// `together[i][j]`: images with objects of class i and of class j; on the diagonal the images with class i.
    public let together: [[Int]]
    /// Widths and heights of the images that state them.
    public let widths: [Int]
    public let heights: [Int]

    /// - Parameter names: the classes; objects of others take no part.
    public init(_ set: AnnotatedSet, classes names: [String]) {
        let indices = Dictionary(zip(names, names.indices)) { first, _ in first }
        var classes = names.map { ClassStatistics(name: $0) }
        var together = [[Int]](repeating: [Int](repeating: 0, count: names.count), count: names.count)
        var perImage: [Int] = []
        for annotation in set.annotations {
            var present: Set<Int> = []
            var counted = 0
            for object in annotation.objects {
                guard let index = indices[object.name] else { continue }
                present.insert(index)
                if object.isDifficult {
                    classes[index].difficult += 1
                } else {
                    counted += 1
                    classes[index].add(object, size: annotation.size)
                }
            }
            perImage.append(counted)
            for row in present {
                classes[row].images += 1
                for column in present { together[row][column] += 1 }
            }
        }
        images = set.annotations.count
        imagesWithoutObjects = set.annotations.count { $0.objects.isEmpty }
        self.classes = classes
        self.together = together
        objectsPerImage = perImage
        widths = set.annotations.compactMap { $0.size?.width }
        heights = set.annotations.compactMap { $0.size?.height }
    }

    /// Of all classes together; `images` is the number of images with any object.
    public var total: ClassStatistics {
        var total = ClassStatistics(name: "all")
        for each in classes {
            total.objects += each.objects
            total.difficult += each.difficult
            total.truncated += each.truncated
            total.areas += each.areas
            total.aspectRatios += each.aspectRatios
            for index in total.sizes.indices { total.sizes[index] += each.sizes[index] }
        }
        total.images = images - imagesWithoutObjects
        return total
    }
}

extension SetStatistics.ClassStatistics {
    fileprivate mutating func add(_ object: AnnotatedObject, size: ImageSize?) {
        objects += 1
        if object.isTruncated { truncated += 1 }
        let box = object.box
        guard box.area > 0 else { return }
        let bucket = SizeBucket(area: box.area)
        sizes[SizeBucket.allCases.firstIndex(of: bucket) ?? 0] += 1
        let ratio = box.width / box.height
        // A sliver may be thinner than numbers tell.
        if ratio.isFinite { aspectRatios.append(ratio) }
        if let size { areas.append(box.area / Double(size.pixelCount)) }
    }
}

/// The middle value, the mean of the two middle ones of an even number; nil without values.
func median(_ values: [Double]) -> Double? {
    if values.isEmpty { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

extension SetStatistics {
    /// Objects that count, an image.
    var meanObjects: Double { Double(objectsPerImage.reduce(0, +)) / Double(max(1, images)) }

    /// `{"images", "images_without_objects", "objects", "difficult", "objects_per_image", "classes", "together", …}`
    public var json: JSON {
        func entry(_ each: ClassStatistics) -> JSON {
            [
                "images": .integer(each.images), "objects": .integer(each.objects),
                "difficult": .integer(each.difficult), "truncated": .integer(each.truncated),
                "small": .integer(each.sizes[0]), "medium": .integer(each.sizes[1]), "large": .integer(each.sizes[2]),
                "median_area": JSON(median(each.areas)), "median_aspect_ratio": JSON(median(each.aspectRatios)),
            ]
        }
        return [
            "images": .integer(images), "images_without_objects": .integer(imagesWithoutObjects),
            "objects": .integer(total.objects), "difficult": .integer(total.difficult),
            "objects_per_image": .number(meanObjects),
            "median_width": JSON(median(widths.map(Double.init))),
            "median_height": JSON(median(heights.map(Double.init))), "all": entry(total),
            "classes": .object(classes.map { JSON.Member($0.name, entry($0)) }),
            "together": .object(
                zip(classes, together).map { row, counts in
                    JSON.Member(
                        row.name, .object(zip(classes, counts).map { JSON.Member($0.name, .integer($1)) }))
                }),
        ]
    }
}
