public import Imaging

/// What a shape is painted with: a colour, or a part that a page may paint as its theme wants.
public enum Paint: Hashable, Sendable {
    case color(Color)
    /// Text and axes.
    case ink
    /// Text that stands back.
    case muted
    /// Lines of a grid.
    case faint
    case paper
    /// The colour of a series, counted from 0.
    case series(Int)

    /// On white paper.
    public var color: Color {
        switch self {
        case .color(let color): color
        case .ink: Color(red: 31, green: 36, blue: 48)
        case .muted: Color(red: 90, green: 96, blue: 112)
        case .faint: Color(red: 226, green: 229, blue: 234)
        case .paper: .white
        case .series(let index): Palette.color(index)
        }
    }

    /// On the dark paper of a page.
    public var darkColor: Color {
        switch self {
        case .color(let color): color
        case .ink: Color(red: 228, green: 231, blue: 238)
        case .muted: Color(red: 160, green: 167, blue: 182)
        case .faint: Color(red: 53, green: 58, blue: 69)
        case .paper: Color(red: 22, green: 24, blue: 29)
        case .series(let index): Palette.color(index).mixed(with: .white, 0.42)
        }
    }
}
