public import Support

/// How square parts of one picture become the views of a sample, and what is drawn with them: what patch tasks are given.
public enum PatchCut: Hashable, Sendable {
    /// A tile of `side` pixels from each of `grid` × `grid` equal cells, row by row. Each lies at a random place within `jitter`
    /// pixels, 0 … `jitter` in the middle of its cell. The number drawn is below `choices`.
    case tiles(grid: Int, side: Int, jitter: Int, choices: Int)
    /// A patch of `side` pixels anywhere, and its neighbour `gap` pixels away in one of the `directions`; both are shifted by up to
    /// `jitter` pixels either way, and kept inside. The number drawn is the direction's.
    case pair(side: Int, gap: Int, jitter: Int)

    /// From a patch to its eight neighbours, (x, y), row by row from the top left. Those of opposite directions sum to 7.
    public static let directions = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)]

    /// Pictures that one becomes.
    public var count: Int {
        switch self {
        case .tiles(let grid, _, _, _): grid * grid
        case .pair: 2
        }
    }

    /// Pixels a side of each.
    public var side: Int {
        switch self {
        case .tiles(_, let side, _, _), .pair(let side, _, _): side
        }
    }

    /// Pixels a side of the smallest picture that can be cut so.
    public var smallestPicture: Int {
        switch self {
        case .tiles(let grid, let side, let jitter, _): grid * (side + jitter)
        case .pair(let side, let gap, _): 2 * side + gap
        }
    }

    /// The patches, and the number drawn with them. Traps when the picture is too small.
    public func apply(_ picture: Image, random: inout RandomStream) -> (patches: [Image], choice: Int) {
        let size = ImageSize(width: side, height: side)
        let (corners, choice) = place(in: picture.size, random: &random)
        return (corners.map { picture.cropped(x: $0.x, y: $0.y, size: size) }, choice)
    }

    /// The top-left pixels of the patches, and the number drawn with them.
    package func place(
        in picture: ImageSize, random: inout RandomStream
    ) -> (corners: [(x: Int, y: Int)], choice: Int) {
        precondition(
            min(picture.width, picture.height) >= smallestPicture,
            "\(self) needs \(smallestPicture) pixels a side, not \(picture)")
        switch self {
        case .tiles(let grid, let side, let jitter, let choices):
            let choice = random.integer(below: choices)
            let (width, height) = (picture.width / grid, picture.height / grid)
            let corners = (0..<grid * grid).map { cell in
                let dx = (width - side - jitter) / 2 + random.integer(below: jitter + 1)
                let dy = (height - side - jitter) / 2 + random.integer(below: jitter + 1)
                return (cell % grid * width + dx, cell / grid * height + dy)
            }
            return (corners, choice)
        case .pair(let side, let gap, let jitter):
            let choice = random.integer(below: Self.directions.count)
            let (dx, dy) = Self.directions[choice]
            let step = side + gap
            func shifted(_ place: Int, _ length: Int) -> Int {
                min(max(place + random.integer(below: 2 * jitter + 1) - jitter, 0), length - side)
            }
            /// The first patch leaves room for the second.
            func first(_ length: Int, _ direction: Int) -> Int {
                let low = max(0, -direction * step)
                return low + random.integer(below: min(length - side, length - side - direction * step) - low + 1)
            }
            let (x, y) = (first(picture.width, dx), first(picture.height, dy))
            return (
                [
                    (shifted(x, picture.width), shifted(y, picture.height)),
                    (shifted(x + dx * step, picture.width), shifted(y + dy * step, picture.height)),
                ], choice
            )
        }
    }
}
