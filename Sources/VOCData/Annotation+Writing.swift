internal import Boxes
internal import Imaging

extension Annotation {
    /// The XML text in the layout of the official annotations; `Annotation.parse` reads it back unchanged.
    public var xml: String {
        var text = """
            <annotation>
            \t<folder>\(escaped(folder))</folder>
            \t<filename>\(escaped(filename))</filename>

            """
        if let size {
            text += "\t<size>\n\t\t<width>\(size.width)</width>\n\t\t<height>\(size.height)</height>\n"
            text += "\t\t<depth>\(depth)</depth>\n\t</size>\n"
        }
        text += "\t<segmented>0</segmented>\n"
        for object in objects {
            let corners = object.box.voc
            text += "\t<object>\n\t\t<name>\(escaped(object.name))</name>\n"
            if !object.pose.isEmpty { text += "\t\t<pose>\(escaped(object.pose))</pose>\n" }
            text += "\t\t<truncated>\(object.isTruncated ? 1 : 0)</truncated>\n"
            if let isOccluded = object.isOccluded { text += "\t\t<occluded>\(isOccluded ? 1 : 0)</occluded>\n" }
            text += "\t\t<difficult>\(object.isDifficult ? 1 : 0)</difficult>\n\t\t<bndbox>\n"
            text += "\t\t\t<xmin>\(shortest(corners.xmin))</xmin>\n\t\t\t<ymin>\(shortest(corners.ymin))</ymin>\n"
            text += "\t\t\t<xmax>\(shortest(corners.xmax))</xmax>\n\t\t\t<ymax>\(shortest(corners.ymax))</ymax>\n"
            text += "\t\t</bndbox>\n\t</object>\n"
        }
        return text + "</annotation>\n"
    }
}

/// The shortest digits that read back as the same number, without ".0" on whole ones.
func shortest(_ value: Double) -> String {
    if let whole = Int(exactly: value), abs(value) < 0x1p53 { return String(whole) }
    return "\(value)"
}

private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        // A parser would read it as a newline.
        case "\r": result += "&#13;"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
