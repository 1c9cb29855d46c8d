/// What this toolkit is.
public enum Toolkit {
    /// As `detect-cli --version` prints it, and as every run stores it.
    public static let version = "0.2.0"
}
