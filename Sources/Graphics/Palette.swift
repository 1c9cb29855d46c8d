public import Imaging

/// Colours that can be told apart on white and on photographs.
public enum Palette {
    /// Colour `i`: ten chosen ones, then hues a golden angle apart in changing brightness.
    public static func color(_ i: Int) -> Color {
        precondition(i >= 0, "colours are counted from 0, got \(i)")
        if i < chosen.count { return chosen[i] }
        // The golden ratio's fractional part spreads any number of hues evenly.
        let hue = (Double(i) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
        let value = [0.9, 0.65, 0.8][i % 3]
        func channel(_ offset: Double) -> UInt8 {
            let k = (offset + hue * 6).truncatingRemainder(dividingBy: 6)
            return UInt8(255 * value * (1 - 0.8 * max(0, min(k, 4 - k, 1))))
        }
        return Color(red: channel(5), green: channel(3), blue: channel(1))
    }

    private static let chosen: [Color] = [
        Color(red: 30, green: 100, blue: 200), Color(red: 225, green: 87, blue: 20),
        Color(red: 35, green: 145, blue: 60), Color(red: 200, green: 30, blue: 60),
        Color(red: 125, green: 70, blue: 180), Color(red: 0, green: 140, blue: 155),
        Color(red: 170, green: 125, blue: 0), Color(red: 220, green: 70, blue: 155),
        Color(red: 130, green: 85, blue: 50), Color(red: 90, green: 95, blue: 105),
    ]
}
