public import Boxes
public import Imaging
internal import Reporting
internal import Support

/// Draws what a detector has found.
public enum DetectionPicture {
    /// Short side in pixels up to which small images are enlarged: names and boxes need room.
    private static let readableSide = 240
    /// Width of a picture on the contact sheet in pixels.
    private static let sheetWidth = 320

    /// Pictures beside each other, made smaller to fit, for a look at many at once.
    public static func sheet(_ pictures: [Image], columns: Int = 4) -> Image {
        Image.grid(
            pictures.map {
                let scale = min(1, min(Double(sheetWidth) / Double($0.width), Double(sheetWidth) / Double($0.height)))
                return $0.resized(
                    to: ImageSize(
                        width: max(1, Int((Double($0.width) * scale).rounded())),
                        height: max(1, Int((Double($0.height) * scale).rounded()))))
            }, columns: columns)
    }

    /// Boxes with class and score, best on top; only those with at least `minimumScore`. Under them, by thin white lines,
    /// where the objects are, if that is known.
    public static func draw(
        _ detections: [Detection], classes: [String], on image: Image, minimumScore: Double = 0, objects: [Box] = []
    ) -> Image {
        let shortSide = min(image.width, image.height)
        // In steps, so that pixels stay pixels.
        let enlargement = max(1, min(8, (readableSide + shortSide / 2) / max(1, shortSide)))
        var picture =
            enlargement == 1
            ? image
            : image.resized(to: ImageSize(width: image.width * enlargement, height: image.height * enlargement))
        // Line width and letters grow with the picture.
        let scale = max(1, min(picture.width, picture.height) / 300)
        for object in objects {
            let box = object.scaled(x: Double(enlargement), y: Double(enlargement))
            picture.drawBox(x0: box.minX, y0: box.minY, x1: box.maxX, y1: box.maxY, color: .white, thickness: 1)
        }
        for detection in detections.filter({ $0.score >= minimumScore }).reversed() {
            let box = detection.box.scaled(x: Double(enlargement), y: Double(enlargement))
            let color = Palette.color(detection.classIndex)
            picture.drawBox(
                x0: box.minX, y0: box.minY, x1: box.maxX, y1: box.maxY, color: color, thickness: scale + 1)
            let label = "\(classes[detection.classIndex]) \(detection.score.fixed(2))"
            let size = Image.textSize(label, scale: scale)
            let y = Int(box.minY) - size.height >= 0 ? Int(box.minY) - size.height : Int(box.minY)
            let x = max(0, min(Int(box.minX), picture.width - size.width))
            picture.drawText(label, x: x, y: y, color: color.readableTextColor, scale: scale, background: color)
        }
        return picture
    }
}
