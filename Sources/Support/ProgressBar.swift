internal import Foundation
internal import Glibc

/// Shows how far long work has come, on standard error.
///
/// On a terminal one line is redrawn, at most ten times a second; elsewhere plain lines appear every ten seconds and
/// at every tenth of the work. Nothing appears when `Console.isQuiet`.
public final class ProgressBar {
    public enum Style: Sendable {
        /// One line that is redrawn.
        case terminal
        /// Plain lines, for log files.
        case lines
        case quiet

        /// `terminal` or `lines`, by what standard error is, or `quiet` where the user wants it so.
        public static var automatic: Style { Console.isQuiet ? .quiet : isatty(2) == 1 ? .terminal : .lines }
    }

    private let title: String
    private let total: Int
    private let unit: String
    private let style: Style
    private let clock: () -> Double
    private let output: (String) -> Void
    private let start: Int
    private let startTime: Double
    private var count: Int
    private var detail = ""
    private var lastTime = -Double.infinity
    private var lastTenth: Int
    /// The count that was shown last; nil before the first time.
    private var drawnCount: Int?
    private var isFinished = false

    /// - Parameters:
    ///   - total: Amount of work in `unit`s.
    ///   - start: Amount that was done before, by a run that is resumed; it does not count for the rate.
    ///   - clock: Seconds from an arbitrary origin, never running backwards; the system's if nil.
    ///   - output: Receives text as it is to appear; standard error if nil.
    public init(
        _ title: String, total: Int, unit: String, start: Int = 0, style: Style = .automatic,
        clock: (() -> Double)? = nil, output: ((String) -> Void)? = nil
    ) {
        self.title = title
        self.total = max(total, 1)
        self.unit = unit
        self.start = start
        self.style = style
        self.clock = clock ?? { ProcessInfo.processInfo.systemUptime }
        self.output = output ?? writeToStandardError
        startTime = self.clock()
        count = start
        lastTenth = 10 * start / self.total
    }

    /// Says that `count` units are done; cheap enough to be called for each of them.
    ///
    /// - Parameter detail: Something to watch: "loss 3.21".
    public func update(_ count: Int, detail: @autoclosure () -> String = "") {
        self.count = count
        if style == .quiet { return }
        let now = clock()
        switch style {
        case .terminal:
            if now - lastTime < 0.1 { return }
        case .lines:
            let tenth = 10 * count / total
            let waited = now - max(lastTime, startTime)
            // Tenths of short work would only fill the log.
            if waited < 10, tenth == lastTenth || waited < 1 { return }
            lastTenth = tenth
        case .quiet: return
        }
        self.detail = detail()
        lastTime = now
        draw(now)
    }

    /// Shows the final state and ends the line.
    public func finish(detail: String? = nil) {
        if style == .quiet || isFinished { return }
        isFinished = true
        if let detail { self.detail = detail }
        // A log needs its last line only once.
        if style == .lines, drawnCount == count { return }
        draw(clock())
        if style == .terminal { output("\n") }
    }

    /// Prints a line of text without disturbing the bar.
    public func message(_ text: String) {
        if Console.isQuiet { return }
        switch style {
        case .terminal:
            output("\r\u{1b}[K\(text)\n")
            if !isFinished { draw(clock()) }
        case .lines, .quiet: output("\(text)\n")
        }
    }

    private func draw(_ now: Double) {
        drawnCount = count
        switch style {
        case .terminal:
            let text = line(now, bar: true)
            // A line that wraps could not be redrawn; one column stays free for the cursor.
            output("\r\u{1b}[K" + text.prefix(terminalWidth() - 1))
        case .lines: output(line(now, bar: false) + "\n")
        case .quiet: break
        }
    }

    private func line(_ now: Double, bar: Bool) -> String {
        let fraction = min(1, Double(count) / Double(total))
        let seconds = now - startTime
        var parts = ["\(title) \((100 * fraction).fixed(0).aligned(3))%"]
        if bar {
            let filled = Int(fraction * 20)
            parts.append(String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled))
        }
        parts.append("\(count)/\(total) \(unit)")
        if count > start, seconds > 0 {
            let rate = Double(count - start) / seconds
            parts.append("\(Self.rateText(rate)) \(unit)/s")
            parts.append(
                count >= total ? "in \(Self.duration(seconds))" : "\(Self.duration(Double(total - count) / rate)) left")
        }
        if !detail.isEmpty { parts.append(detail) }
        return parts.joined(separator: "  ")
    }

    private static func rateText(_ rate: Double) -> String { rate.fixed(rate < 10 ? 2 : rate < 100 ? 1 : 0) }

    /// "0:42", "12:03", "3:25:10" or "2 d 4 h".
    private static func duration(_ seconds: Double) -> String {
        // More than a century of time left is as good as unknown, and need not fit an Int.
        guard seconds < 4e9 else { return "long" }
        let whole = Int(seconds.rounded())
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        let rest = (whole % 60 < 10 ? "0" : "") + "\(whole % 60)"
        if hours >= 48 { return "\(hours / 24) d \(hours % 24) h" }
        return hours > 0 ? "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(rest)" : "\(minutes):\(rest)"
    }
}

private func terminalWidth() -> Int {
    var size = winsize()
    return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
}

/// A reader that has gone away, or a full disk, must not stop the work: failures are ignored.
private func writeToStandardError(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}
