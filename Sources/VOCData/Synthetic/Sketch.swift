internal import Support

/// A part of a drawing: polygons filled with one of the drawing's surfaces.
struct SketchPart: Sendable {
    var contours: [Contour]
    /// Which of the four surfaces of the object fills it.
    var tone: Int
}

/// A drawing made of parts, the later ones over the earlier ones.
struct Sketch: Sendable {
    static let toneCount = 4

    var parts: [SketchPart] = []

    mutating func add(_ tone: Int, _ contours: Contour...) { parts.append(SketchPart(contours: contours, tone: tone)) }

    mutating func add(_ tone: Int, _ contours: [Contour]) { parts.append(SketchPart(contours: contours, tone: tone)) }

    /// The least and the greatest coordinates of all contours.
    var bounds: (low: SketchPoint, high: SketchPoint) {
        var low = SketchPoint(repeating: .infinity)
        var high = SketchPoint(repeating: -.infinity)
        for part in parts {
            for contour in part.contours {
                for point in contour {
                    low = pointwiseMin(low, point)
                    high = pointwiseMax(high, point)
                }
            }
        }
        return (low, high)
    }

    /// Centred at the origin, with a longest side of 1.
    func normalized() -> Sketch {
        let (low, high) = bounds
        let center = (low + high) / 2
        let extent = (high - low).max()
        return mapPoints { ($0 - center) / extent }
    }

    func mapPoints(_ transform: (SketchPoint) -> SketchPoint) -> Sketch {
        var result = self
        for part in parts.indices {
            for contour in parts[part].contours.indices {
                for point in parts[part].contours[contour].indices {
                    result.parts[part].contours[contour][point] = transform(parts[part].contours[contour][point])
                }
            }
        }
        return result
    }
}

/// The kinds of objects. What tells them apart is form and structure; colours come from one distribution.
enum SketchClass: String, CaseIterable, Sendable {
    case bicycle, boat, car, cup, fish, flower, house, key, tree, umbrella

    /// A new individual of the class, with proportions of its own.
    func sketch(_ random: inout RandomStream) -> Sketch {
        switch self {
        case .bicycle: .bicycle(&random)
        case .boat: .boat(&random)
        case .car: .car(&random)
        case .cup: .cup(&random)
        case .fish: .fish(&random)
        case .flower: .flower(&random)
        case .house: .house(&random)
        case .key: .key(&random)
        case .tree: .tree(&random)
        case .umbrella: .umbrella(&random)
        }
    }
}
