internal import Glibc
internal import Synchronization

/// What the program tells people beside its results, on standard error: how much of it, and in which colours.
public enum Console {
    /// When there are colours.
    public enum Coloring: String, CaseIterable, Sendable {
        /// On a terminal, unless the environment says otherwise: `NO_COLOR` with any text (no-color.org), or `TERM=dumb`.
        case auto
        case always
        case never

        /// Whether text on a stream is coloured.
        public func applies(isTerminal: Bool, environment: (String) -> String?) -> Bool {
            switch self {
            case .auto: isTerminal && environment("NO_COLOR") ?? "" == "" && environment("TERM") != "dumb"
            case .always: true
            case .never: false
            }
        }
    }

    public enum Stream: Int32, Sendable {
        case output = 1
        case errors = 2
    }

    private static let quiet = Atomic(false)
    private static let chosen = Mutex(Coloring.auto)
    private static let named = Mutex<String?>(nil)

    /// True to say nothing but results and errors: no progress, no remarks. Set once, before the work begins.
    public static var isQuiet: Bool {
        get { quiet.load(ordering: .relaxed) }
        set { quiet.store(newValue, ordering: .relaxed) }
    }

    /// Set once, before the work begins.
    public static var coloring: Coloring {
        get { chosen.withLock { $0 } }
        set { chosen.withLock { $0 = newValue } }
    }

    /// Which of several processes this is, before its errors; nil for the one that speaks for all.
    public static var speaker: String? {
        get { named.withLock { $0 } }
        set { named.withLock { $0 = newValue } }
    }

    /// What colours text for a stream, or leaves it as it is.
    public static func ink(_ stream: Stream) -> Ink {
        Ink(
            isOn: coloring.applies(isTerminal: isatty(stream.rawValue) == 1) { name in
                getenv(name).map { String(cString: $0) }
            })
    }

    /// Says something that is neither result nor error, on a line of its own; nothing when quiet. Names may come from files:
    /// no character of it moves the cursor.
    ///
    /// - Parameter label: What kind of remark it is, before a colon: "note".
    public static func remark(_ text: String, label: String? = nil) {
        if isQuiet { return }
        let text = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).withoutControls }
            .joined(separator: "\n")
        write(label.map { "\(ink(.errors)($0 + ":", .yellow)) \(text)" } ?? text)
    }

    /// Says several remarks, each with its line end.
    public static func remark(lines text: String) {
        let text = text.last?.isNewline == true ? String(text.dropLast()) : text
        if !text.isEmpty { remark(text) }
    }

    /// Says what went wrong, on one line, also when quiet.
    public static func error(_ text: String) {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ").withoutControls
        write("\(ink(.errors)("error:", .red)) \(speaker.map { line.hasPrefix($0) ? "" : "[\($0)] " } ?? "")\(line)")
    }

    /// What was printed before comes before, also in a log that takes both. A reader that has gone away stops nothing.
    private static func write(_ line: String) {
        fflush(nil)
        var text = line + "\n"
        text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
    }
}

/// Colours text by the escape sequences of terminals (ECMA-48), or leaves it as it is.
public struct Ink: Sendable {
    /// With its number among the "graphic renditions".
    public enum Style: Int, Sendable {
        case bold = 1
        case red = 31
        case green = 32
        case yellow = 33
    }

    public var isOn: Bool

    public init(isOn: Bool) { self.isOn = isOn }

    public static let none = Ink(isOn: false)

    public func callAsFunction(_ text: String, _ style: Style) -> String {
        isOn ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }
}
