/// IoU of every box of `rows` with every box of `columns`, row-major: `rows.count * columns.count` values in [0, 1].
public func iouMatrix(_ rows: [Box], _ columns: [Box]) -> [Double] {
    let areas = columns.map(\.area)
    return [Double](unsafeUninitializedCapacity: rows.count * columns.count) { result, count in
        var position = 0
        for row in rows {
            let area = row.area
            for (column, other) in columns.enumerated() {
                let common = row.intersection(other).area
                let union = area + areas[column] - common
                result[position] = union > 0 ? common / union : 0
                position += 1
            }
        }
        count = position
    }
}
