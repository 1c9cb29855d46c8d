internal import Foundation
internal import Reporting
internal import Support

extension RunReport {
    private func names(_ runs: [RunFiles]) -> [String] {
        let names = runs.map { $0.folder.fileName }
        return Set(names).count == names.count ? names : runs.map(\.folder)
    }

    /// In what the runs of each command differ, and all resolved options.
    var options: [Report.Block] {
        let commands = runs.map(\.command).distinct
        return commands.flatMap { command in
            options(runs.filter { $0.command == command }, commands.count > 1 ? "\(command): " : "")
        }
    }

    private func options(_ runs: [RunFiles], _ command: String) -> [Report.Block] {
        let configurations = runs.map { flat($0.config, under: "") }
        let settings = configurations.flatMap { $0.map(\.name) }.distinct
        let rows = settings.map { setting in
            (
                setting: setting,
                values: configurations.map { options in options.first { $0.name == setting }?.value ?? "–" }
            )
        }
        func table(_ rows: [(setting: String, values: [String])], _ caption: String) -> Report.Block {
            .table(
                Table(
                    [.text("option")] + names(runs).map { .text($0, alignment: .left) },
                    rows.map { [.text($0.setting)] + $0.values.map { .text($0) } }, caption: caption))
        }
        let differences = rows.filter { Set($0.values).count > 1 }
        let all = Report.Block.details("\(command)all resolved options", [table(rows, "")])
        if runs.count == 1 { return [all] }
        return [
            differences.isEmpty
                ? .paragraph("\(command)all options are the same")
                : table(differences, "\(command)options in which the runs differ"),
            all,
        ]
    }

    /// Every option by its path: "detector.short_side".
    private func flat(_ json: JSON, under name: String) -> [(name: String, value: String)] {
        guard let members = json.members, !members.isEmpty else {
            let text = json.stringValue ?? (json == .null ? "none" : json.line)
            return name.isEmpty ? [] : [(name, text.replacing(",\"", with: ", \""))]
        }
        return members.flatMap { flat($0.value, under: name.isEmpty ? $0.name : "\(name).\($0.name)") }
    }

    /// What the runs took, where, and the commands that repeat them.
    var machines: [Report.Block] {
        let rows = zip(runs, names(runs)).map { run, name -> [Table.Cell] in
            let machine = run.machines.last
            func text(_ json: JSON?) -> Table.Cell { json.map { .text($0.stringValue ?? $0.line) } ?? .missing }
            return [
                .text(name), run.lastStep.map { .integer($0) } ?? .missing,
                .number(run.seconds.map { $0 / 60 }), .number(run.result?["images_per_second"]?.doubleValue),
                text(run.config["device"]), text(run.config["threads"]), text(machine?["processor"]),
                text(machine?["system"]), text(run.config["version"]), text(run.config["libtorch"]),
            ]
        }
        let table = Table(
            [
                .text("run"), .number("steps"), .number("minutes", decimals: 1), .number("images/s", decimals: 1),
                .text("device", alignment: .left), .text("threads"), .text("processor", alignment: .left),
                .text("system", alignment: .left), .text("detect-cli"), .text("libtorch"),
            ], rows)
        let known = zip(runs, names(runs)).compactMap { run, name in
            run.machines.first?["command"]?.arrayValue.map { words in
                (name: name, text: words.compactMap(\.stringValue).map(Self.quoted).joined(separator: " "))
            }
        }
        // One command may have made several runs.
        let commands = known.map(\.text).distinct.map { text in
            "\(known.filter { $0.text == text }.map(\.name).joined(separator: ", ")): \(text)"
        }
        return [.table(table)]
            + (commands.isEmpty
                ? [.paragraph("These runs are of a version that did not keep machine and command.")]
                : [.paragraph("Repeat them with:"), .list(commands)])
    }

    /// As a shell reads it.
    private static func quoted(_ word: String) -> String {
        let plain = word.unicodeScalars.allSatisfy { scalar in
            CharacterSet.alphanumerics.contains(scalar) || "-_./=,:+@%".unicodeScalars.contains(scalar)
        }
        return plain && !word.isEmpty ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }
}
