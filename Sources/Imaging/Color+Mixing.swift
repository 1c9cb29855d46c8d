extension Color {
    /// This colour with `amount` (0 … 1) of another mixed in.
    public func mixed(with other: Color, _ amount: Double) -> Color {
        func mix(_ a: UInt8, _ b: UInt8) -> UInt8 { UInt8((Double(a) + (Double(b) - Double(a)) * amount).rounded()) }
        return Color(
            red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue))
    }

    /// Black or white, whichever reads better on this colour.
    public var readableTextColor: Color {
        299 * Int(red) + 587 * Int(green) + 114 * Int(blue) > 150_000 ? .black : .white
    }
}
