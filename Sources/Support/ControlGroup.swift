internal import Foundation

/// What Linux lets this process have of the machine's cores, as container engines and batch systems limit it.
package enum ControlGroup {
    /// Cores' worth of time that the process may use; nil where nothing limits it.
    ///
    /// - Parameters:
    ///   - root: Where control groups are mounted.
    ///   - membership: The file that names the groups of the process.
    package static func quota(root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup") -> Double? {
        guard let text = contents(membership) else { return nil }
        var least: Double?
        for line in text.split(separator: "\n") {
            // ID:CONTROLLERS:PATH; version 2 has no list of controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",")
            if controllers.isEmpty {
                least = min(least, along(String(fields[2]), in: root, unified))
            } else if controllers.contains("cpu") {
                for mount in ["\(root)/\(fields[1])", "\(root)/cpu"] {
                    least = min(least, along(String(fields[2]), in: mount, legacy))
                }
            }
        }
        return least
    }

    /// The least limit of a group and those it is in: the mount itself may be the group, as containers see it.
    private static func along(_ path: String, in mount: String, _ limit: (String) -> Double?) -> Double? {
        var parts = path.split(separator: "/")
        var least = limit(mount)
        while !parts.isEmpty {
            least = min(least, limit("\(mount)/\(parts.joined(separator: "/"))"))
            parts.removeLast()
        }
        return least
    }

    /// `cpu.max` of version 2: "QUOTA PERIOD" in microseconds, or "max PERIOD".
    private static func unified(_ group: String) -> Double? {
        let words = contents("\(group)/cpu.max")?.split(whereSeparator: \.isWhitespace) ?? []
        guard words.count == 2 else { return nil }
        return cores(quota: String(words[0]), period: String(words[1]))
    }

    private static func legacy(_ group: String) -> Double? {
        guard let quota = contents("\(group)/cpu.cfs_quota_us"), let period = contents("\(group)/cpu.cfs_period_us")
        else { return nil }
        return cores(quota: String(quota.prefix { !$0.isNewline }), period: String(period.prefix { !$0.isNewline }))
    }

    private static func cores(quota: String, period: String) -> Double? {
        guard let quota = Double(quota), let period = Double(period), quota > 0, period > 0 else { return nil }
        return quota / period
    }

    private static func contents(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8)
    }

    private static func min(_ a: Double?, _ b: Double?) -> Double? {
        guard let a, let b else { return a ?? b }
        return Swift.min(a, b)
    }
}
