internal import Foundation
internal import Support

/// The script of a page: it sorts tables and reads curves out. A page without it lacks nothing else.
enum PageScript {
    /// Marked as text for a parser of XML.
    static let text = "//<![CDATA[\n\(code)\n//]]>"

    /// Of the text, in base 64: the only script that the page lets run.
    static let hash: String = {
        let digits = Array(SHA256.hex(Data(text.utf8)))
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        return Data(bytes).base64EncodedString()
    }()

    private static let code = #"""
        (function () {
        "use strict";
        function all(root, selector) { return Array.from(root.querySelectorAll(selector)); }

        all(document, "table.sortable").forEach(function (table) {
          var body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells);
          function key(row, column) {
            var cell = row.cells[column];
            if (cell.dataset.value !== undefined) { return Number(cell.dataset.value); }
            return cell.classList.contains("missing") || cell.textContent === "" ? null : cell.textContent;
          }
          heads.forEach(function (head, column) {
            if (head.tagName !== "TH") { return; }
            var button = document.createElement("button");
            button.type = "button";
            button.title = "Sort by this column";
            while (head.firstChild) { button.appendChild(head.firstChild); }
            head.appendChild(button);
            button.addEventListener("click", function () {
              var rows = Array.from(body.rows), sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
              heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
              head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
              rows.sort(function (a, b) {
                var x = key(a, column), y = key(b, column);
                // What is missing stays below.
                if (x === null || y === null) { return (x === null) - (y === null); }
                if (typeof x === "number" && typeof y === "number") { return sign * (x - y); }
                return sign * String(x).localeCompare(String(y), "en", { numeric: true });
              });
              rows.forEach(function (row) { body.appendChild(row); });
            });
          });
        });

        all(document, ".chart[data-points]").forEach(function (chart) {
          var data = JSON.parse(chart.dataset.points), tip = chart.querySelector(".tip"), figure = chart.closest("figure");
          var cross = null, at = null;
          function drawing() { return all(chart, "svg").find(function (svg) { return svg.getBoundingClientRect().width > 0; }); }
          function number(value) { return String(Number(value.toPrecision(5))); }
          // The points of the series that are not hidden: {series, x, y} as values, {px, py} where they are drawn.
          function points(svg) {
            var list = [];
            data.series.forEach(function (series, index) {
              var box = figure.querySelector("input[data-series=\"" + index + "\"]");
              var path = svg.querySelector(".series-" + index + " path.line");
              if (!path || (box && !box.checked)) { return; }
              var places = path.getAttribute("d").match(/-?[0-9.]+/g) || [];
              series.x.forEach(function (x, i) {
                list.push({ series: index, x: x, y: series.y[i], px: Number(places[2 * i]), py: Number(places[2 * i + 1]) });
              });
            });
            return list;
          }
          function hide() {
            tip.hidden = true; at = null;
            if (cross) { cross.remove(); cross = null; }
          }
          function show(px) {
            var svg = drawing(), list = svg ? points(svg) : [];
            if (!list.length) { hide(); return; }
            var best = list.reduce(function (a, b) { return Math.abs(b.px - px) < Math.abs(a.px - px) ? b : a; });
            at = best.px;
            var nearest = {};
            list.forEach(function (point) {
              var known = nearest[point.series], distance = Math.abs(point.px - at);
              if (distance < 12 && (!known || distance < Math.abs(known.px - at))) { nearest[point.series] = point; }
            });
            var lines = [data.x + " " + (data.names ? data.names[best.x] : number(best.x))];
            Object.keys(nearest).forEach(function (index) {
              var name = data.series[index].name || data.y;
              lines.push((name ? name + ": " : "") + number(nearest[index].y));
            });
            tip.textContent = "";
            lines.forEach(function (line) {
              var row = document.createElement("div");
              row.textContent = line;
              tip.appendChild(row);
            });
            var view = svg.viewBox.baseVal, box = svg.getBoundingClientRect();
            if (!cross || cross.parentNode !== svg) {
              if (cross) { cross.remove(); }
              cross = document.createElementNS(svg.namespaceURI, "line");
              cross.setAttribute("class", "l-muted");
              svg.appendChild(cross);
            }
            cross.setAttribute("x1", at); cross.setAttribute("x2", at);
            cross.setAttribute("y1", 0); cross.setAttribute("y2", view.height);
            tip.hidden = false;
            var left = at / view.width * box.width;
            tip.style.left = left > box.width / 2 ? "auto" : left + 12 + "px";
            tip.style.right = left > box.width / 2 ? box.width - left + 12 + "px" : "auto";
          }
          chart.addEventListener("pointermove", function (event) {
            var svg = drawing();
            if (!svg) { return; }
            var box = svg.getBoundingClientRect();
            show((event.clientX - box.left) / box.width * svg.viewBox.baseVal.width);
          });
          chart.addEventListener("pointerleave", hide);
          chart.addEventListener("blur", hide);
          chart.addEventListener("keydown", function (event) {
            if (event.key === "Escape") { hide(); return; }
            var svg = drawing();
            if (!svg || ["ArrowLeft", "ArrowRight", "Home", "End"].indexOf(event.key) < 0) { return; }
            event.preventDefault();
            var places = Array.from(new Set(points(svg).map(function (point) { return point.px; })));
            places.sort(function (a, b) { return a - b; });
            if (!places.length) { return; }
            var index = places.indexOf(at);
            if (event.key === "ArrowRight") { index = Math.min(index + 1, places.length - 1); }
            if (event.key === "ArrowLeft") { index = index < 0 ? places.length - 1 : Math.max(index - 1, 0); }
            if (event.key === "Home") { index = 0; }
            if (event.key === "End") { index = places.length - 1; }
            show(places[index]);
          });
          figure.addEventListener("change", hide);
        });
        }());
        """#
}
