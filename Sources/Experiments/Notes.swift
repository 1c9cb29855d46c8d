internal import Support

/// What a user should know and no result says, on standard error.
enum Notes {
    static func write(_ lines: [String]) {
        for line in lines { Console.remark(line, label: "note") }
    }
}
