#include "bench/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace mco::bench {
namespace {

constexpr double width = 760, height = 330, left = 64, right = 180, top = 34, bottom = 48;
constexpr std::array<std::string_view, 8> colours{"#0b6e99", "#d9730d", "#448361", "#9065b0",
                                                  "#c14c8a", "#787774", "#cb912f", "#d44c47"};

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c == '&') {
            safe += "&amp;";
        } else if (c == '<') {
            safe += "&lt;";
        } else if (c == '>') {
            safe += "&gt;";
        } else {
            safe += c;
        }
    }
    return safe;
}

// 1, 2 or 5 times a power of ten, so that about five of them fit.
double step_of(double most) {
    const double rough = most / 5;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (rough <= factor * power) return factor * power;
    }
    return 10 * power;
}

struct Axis {
    double most = 1, step = 1, from = 0, to = 1;  // in pixels
    double at(double value) const { return from + value / most * (to - from); }
};

std::string draw(const Plot& plot, double down) {
    Axis x{.from = left, .to = width - right}, y{.from = down + height - bottom, .to = down + top};
    double x_most = 0, y_most = 0;
    for (const auto& series : plot.series) {
        for (const auto& [px, py] : series.points) {
            x_most = std::max(x_most, px);
            y_most = std::max(y_most, py);
        }
    }
    for (const auto& [axis, most] : {std::pair(&x, x_most), std::pair(&y, y_most)}) {
        const double value = most > 0 ? most : 1;
        axis->step = step_of(value);
        axis->most = std::ceil(value / axis->step) * axis->step;
    }
    auto svg = fmt::format("<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\n", left, down + 20, escaped(plot.title));
    for (double value = 0; value <= x.most * 1.0001; value += x.step) {
        svg += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>"
                           "<text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4:g}</text>\n",
                           x.at(value), y.from, y.to, y.from + 16, value);
    }
    for (double value = 0; value <= y.most * 1.0001; value += y.step) {
        svg += fmt::format("<line x1=\"{0:.1f}\" y1=\"{2:.1f}\" x2=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>"
                           "<text x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:g}</text>\n",
                           x.from, x.to, y.at(value), x.from - 6, y.at(value) + 4, value);
    }
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", (x.from + x.to) / 2,
                       y.from + 36, escaped(plot.x));
    svg += fmt::format("<text transform=\"translate({:.1f} {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n", 16.0,
                       (y.from + y.to) / 2, escaped(plot.y));
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
        const auto colour = colours[i % colours.size()];
        std::string points;
        for (const auto& [px, py] : plot.series[i].points) points += fmt::format("{:.1f},{:.1f} ", x.at(px), y.at(py));
        svg += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>\n", colour, points);
        const double at = y.to + 12 + static_cast<double>(i) * 18;
        svg += fmt::format("<line x1=\"{0}\" y1=\"{1}\" x2=\"{2}\" y2=\"{1}\" stroke=\"{3}\" stroke-width=\"3\"/>"
                           "<text x=\"{4}\" y=\"{5}\">{6}</text>\n",
                           x.to + 10, at - 4, x.to + 28, colour, x.to + 33, at, escaped(plot.series[i].name));
    }
    return svg;
}

}  // namespace

std::string to_svg(const std::vector<Plot>& plots) {
    const double whole = height * static_cast<double>(plots.size());
    auto svg = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
                           "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
                           width, whole);
    for (std::size_t i = 0; i < plots.size(); ++i) svg += draw(plots[i], height * static_cast<double>(i));
    return svg + "</svg>\n";
}

}  // namespace mco::bench
