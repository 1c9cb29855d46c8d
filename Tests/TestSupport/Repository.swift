internal import Support

/// The files of this repository that tests look at.
public enum Repository {
    public static func path(_ name: String) -> String {
        "\(#filePath.parentFolder.parentFolder.parentFolder)/\(name)"
    }
}
