public import Boxes
public import Imaging
internal import Support

/// Draws what a detector has found.
public enum DetectionPicture {
    /// Boxes with class and score, best on top; only those with at least `minimumScore`.
    public static func draw(
        _ detections: [Detection], classes: [String], on image: Image, minimumScore: Double = 0
    ) -> Image {
        var picture = image
        // Line width and letters grow with the picture.
        let scale = max(1, min(image.width, image.height) / 300)
        for detection in detections.filter({ $0.score >= minimumScore }).reversed() {
            let box = detection.box
            let color = Palette.color(detection.classIndex)
            picture.drawBox(
                x0: box.minX, y0: box.minY, x1: box.maxX, y1: box.maxY, color: color, thickness: scale + 1)
            let label = "\(classes[detection.classIndex]) \(detection.score.fixed(2))"
            let size = Image.textSize(label, scale: scale)
            let y = Int(box.minY) - size.height >= 0 ? Int(box.minY) - size.height : Int(box.minY)
            let x = max(0, min(Int(box.minX), image.width - size.width))
            picture.drawText(label, x: x, y: y, color: color.readableTextColor, scale: scale, background: color)
        }
        return picture
    }
}
