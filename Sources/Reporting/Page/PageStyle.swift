internal import Graphics
internal import Imaging

/// What a page looks like.
enum PageStyle {
    /// - Parameter seriesCount: Colours and switches for so many series of a figure.
    static func text(seriesCount: Int) -> String {
        let series = 0..<max(1, seriesCount)
        func variables(_ color: (Paint) -> Color) -> String {
            let named: [(String, Paint)] = [("ink", .ink), ("muted", .muted), ("faint", .faint), ("paper", .paper)]
            return (named + series.map { ("s\($0)", .series($0)) }).map { "--\($0): \(color($1).hex);" }
                .joined(separator: " ")
        }
        let paints = ["ink", "muted", "faint", "paper"] + series.map { "s\($0)" }
        return """
            :root { color-scheme: light dark; \(variables(\.color)) --panel: #f6f7f9; --link: #1a56b0; --mark: #1f2430; }
            @media screen and (prefers-color-scheme: dark) {
            :root { \(variables(\.darkColor)) --panel: #1d2026; --link: #8ab4f8; --mark: #ffffff; }
            }
            \(paints.map { ".f-\($0) { fill: var(--\($0)); } .l-\($0) { stroke: var(--\($0)); }" }.joined(separator: "\n"))
            \(series.map {
                "figure:has(input[data-series=\"\($0)\"]:not(:checked)) .series-\($0) { display: none; }"
            }.joined(separator: "\n"))
            \(rest)
            """
    }

    private static let rest = """
        * { box-sizing: border-box; }
        html { scroll-behavior: smooth; scroll-padding-top: 3.5rem; }
        @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
        body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif;
          overflow-wrap: anywhere; }
        header, main, nav ul { max-width: 104rem; margin: 0 auto; padding: 0 clamp(.9rem, 3vw, 2.5rem); }
        header { padding-top: 1.5rem; }
        h1 { font-size: clamp(1.35rem, 1rem + 1.6vw, 2rem); line-height: 1.25; margin: 0 0 .75rem; }
        h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--faint); }
        nav { position: sticky; top: 0; z-index: 2; background: var(--paper); border-bottom: 1px solid var(--faint); }
        nav ul { display: flex; gap: .25rem 1.1rem; overflow-x: auto; list-style: none; white-space: nowrap;
          padding-top: .55rem; padding-bottom: .55rem; }
        a { color: var(--link); } nav a { text-decoration: none; padding: .15rem 0; } nav a:hover { text-decoration: underline; }
        :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
        p, li { max-width: 75ch; } p { white-space: pre-line; } p.note { color: var(--muted); margin: .3rem 0; font-size: .9rem; }
        .table { overflow-x: auto; margin: 1rem 0; max-width: 100%; width: fit-content; position: relative; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
        caption { text-align: left; padding-bottom: .4rem; font-weight: 600; }
        th, td { padding: .35rem .8rem; text-align: left; white-space: pre-wrap; border-bottom: 1px solid var(--faint);
          overflow-wrap: normal; vertical-align: top; }
        td.words { min-width: 9rem; max-width: 34rem; overflow-wrap: anywhere; }
        thead th { vertical-align: bottom; white-space: nowrap; border-bottom: 2px solid var(--muted); }
        tbody th { font-weight: normal; } tbody tr:hover { background: var(--panel); }
        .right { text-align: right; } .missing { color: var(--muted); } strong { font-weight: 700; color: var(--mark); }
        th button { font: inherit; font-weight: inherit; color: inherit; background: none; border: 0; padding: .1rem 0;
          margin: 0; cursor: pointer; text-align: inherit; white-space: inherit; }
        th button::after { content: "\\2195"; color: var(--muted); padding-left: .35em; }
        th[aria-sort="ascending"] button::after { content: "\\2191"; color: var(--ink); }
        th[aria-sort="descending"] button::after { content: "\\2193"; color: var(--ink); }
        .figures { display: flex; flex-wrap: wrap; gap: 1.25rem; margin: 1rem 0; align-items: flex-start; }
        figure { margin: 0; flex: 1 1 30rem; min-width: min(100%, 18rem); max-width: 52rem; container-type: inline-size;
          background: var(--panel); border: 1px solid var(--faint); border-radius: 8px; padding: .8rem; }
        figure.broad { flex-basis: 100%; max-width: 100%; } figure.picture { flex: 0 1 auto; container-type: normal; }
        figure.tile { flex: 1 1 14rem; max-width: 24rem; container-type: normal; }
        figcaption { font-weight: 600; margin-bottom: .35rem; }
        figure .f-paper { fill: var(--panel); } figure .l-paper { stroke: var(--panel); }
        svg { display: block; width: 100%; height: auto; font-family: system-ui, sans-serif; }
        svg path { fill: none; stroke-linejoin: round; stroke-linecap: round; }
        svg path.mark { stroke: none; }
        svg.small { display: none; }
        @container (max-width: 430px) { svg.large { display: none; } svg.small { display: block; } }
        .chart { position: relative; overflow-x: auto; } .chart svg.fixed { min-width: 40rem; }
        .legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; list-style: none; margin: 0 0 .4rem; padding: 0;
          font-size: .9rem; }
        .legend label { display: inline-flex; align-items: center; gap: .4rem; cursor: pointer; min-height: 1.6rem; }
        .legend input { width: 1rem; height: 1rem; margin: 0; accent-color: var(--link); }
        .legend svg { width: 1.6rem; height: .9rem; flex: none; }
        .tip { position: absolute; top: .25rem; z-index: 1; pointer-events: none; padding: .35rem .6rem; max-width: 20rem;
          background: var(--paper); border: 1px solid var(--muted); border-radius: 4px; font-size: .82rem; line-height: 1.35;
          font-variant-numeric: tabular-nums; }
        .tip[hidden] { display: none; }
        img { max-width: 100%; height: auto; background: #ffffff; border-radius: 4px; display: block; }
        figure.picture img { max-height: 44rem; width: auto; }
        figure.tile img { width: 100%; image-rendering: auto; }
        details { margin: .6rem 0; } summary { cursor: pointer; color: var(--link); padding: .15rem 0; }
        @media print {
        nav, .legend input, th button::after, details:not([open]) { display: none; }
        body { font-size: 10pt; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; }
        .table, .chart { overflow: visible; } header, main { max-width: none; padding: 0; }
        figure { flex-basis: 20rem; }
        }
        """
}

extension Color {
    /// "#rrggbb"
    var hex: String {
        "#"
            + [red, green, blue].map { value in
                let digits = String(value, radix: 16)
                return digits.count == 1 ? "0\(digits)" : digits
            }.joined()
    }
}
