public import Boxes
public import Graphics
public import Imaging
internal import Support

/// Draws what a detector has found.
public enum DetectionPicture {
    /// Short side in pixels up to which small images are enlarged: names and boxes need room.
    private static let readableSide = 240
    /// Longer side of a picture on the contact sheet in pixels.
    private static let sheetSide = 320

    /// Pictures beside each other, made smaller to fit, for a look at many at once.
    public static func sheet(_ pictures: [Drawing], columns: Int = 4) -> Drawing {
        Drawing.grid(pictures.map { $0.fitting(sheetSide) }, columns: columns)
    }

    /// Boxes with class and score, best on top; only those with at least `minimumScore`. Under them, by thin white lines with a
    /// dark edge, where the objects are, if that is known.
    public static func draw(
        _ detections: [Detection], classes: [String], on image: Image, minimumScore: Double = 0, objects: [Box] = []
    ) -> Drawing {
        let shortSide = min(image.width, image.height)
        // In steps, so that pixels stay pixels.
        let enlargement = max(1, min(8, (readableSide + shortSide / 2) / max(1, shortSide)))
        let size = ImageSize(width: image.width * enlargement, height: image.height * enlargement)
        var picture = Drawing(enlargement == 1 ? image : image.resized(to: size))
        // Line width and letters grow with the picture.
        let scale = max(1, Double(min(size.width, size.height)) / 300)
        func rectangle(_ box: Box) -> Drawing.Rectangle {
            let box = box.scaled(x: Double(enlargement), y: Double(enlargement))
            return .init(x: box.minX, y: box.minY, width: box.maxX - box.minX, height: box.maxY - box.minY)
        }
        for object in objects {
            let box = rectangle(object)
            picture.add(.outline(box, .color(.black), width: 3))
            picture.add(
                .outline(
                    .init(x: box.x + 1, y: box.y + 1, width: box.width - 2, height: box.height - 2), .color(.white),
                    width: 1))
        }
        let letters = 12 * scale
        let height = Lettering.lineHeight(letters)
        for detection in detections.filter({ $0.score >= minimumScore }).reversed() {
            let box = rectangle(detection.box)
            let color = Palette.color(detection.classIndex)
            picture.add(.outline(box, .color(color), width: 2 * scale))
            let label = "\(classes[detection.classIndex]) \(detection.score.fixed(2))"
            let width = Lettering.width(label, size: letters) + 0.6 * letters
            let (top, left) = (
                box.y >= height ? box.y - height : box.y, max(0, min(box.x, Double(size.width) - width))
            )
            picture.add(.rectangle(.init(x: left, y: top, width: width, height: height), .color(color)))
            picture.add(
                label, x: left + 0.3 * letters, y: top + height / 2 + Lettering.middle(letters), size: letters,
                .color(color.readableTextColor))
        }
        return picture
    }
}
