internal import Support
internal import VOCData

/// Options of commands that read a devkit: each name has one meaning and one text.
extension ArgumentParser {
    /// `--devkit DIR`
    func devkit() -> Option<String> { required("devkit", "DIR", Self.devkitHelp) }

    /// The same where there are other inputs.
    func optionalDevkit(remark: String) -> Option<String?> {
        optional("devkit", "DIR", Self.text(Self.devkitHelp, remark))
    }

    /// `--set NAME`
    func imageSet(default fallback: String) -> Option<String> {
        option("set", "NAME", Self.imageSetHelp, default: fallback)
    }

    /// The same where it must be given.
    func imageSet(remark: String? = nil) -> Option<String> {
        required("set", "NAME", Self.text(Self.imageSetHelp, remark))
    }

    /// `--classes FILE`
    func classNames(shown: String = "those of the annotations") -> Option<String?> {
        optional("classes", "FILE", "class names, one a line", shown: shown)
    }

    /// A help text with a remark of one command.
    static func text(_ help: String, _ remark: String?) -> String { remark.map { "\(help), \($0)" } ?? help }

    private static var devkitHelp: String { Devkit.help }
    private static var imageSetHelp: String { "the image set" }
}
