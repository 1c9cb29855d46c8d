/// One of so many parts of work.
public struct Share: Hashable, Sendable {
    public var rank: Int
    public var size: Int

    public init(rank: Int, of size: Int) {
        precondition((0..<size).contains(rank), "share \(rank) of \(size)")
        (self.rank, self.size) = (rank, size)
    }

    public static let whole = Share(rank: 0, of: 1)
}
