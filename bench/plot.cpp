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

std::string number(double value) { return value < 10 ? fmt::format("{:.2f}", value) : value < 100 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value); }

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

double height_of(const Plot&) { return height; }

constexpr double bar_height = 22, name_width = 240, value_width = 70;

double height_of(const Bars& bars) { return top + bottom + bar_height * static_cast<double>(bars.bars.size()); }

std::string draw(const Bars& bars, double down) {
    double least = 0, most = 1;
    for (const auto& bar : bars.bars) {
        least = least == 0 ? bar.least : std::min(least, bar.least);
        most = std::max(most, bar.most);
    }
    const bool logarithmic = bars.scale == Scale::logarithmic && least > 0;
    const double from = name_width, to = width - value_width, base = down + height_of(bars) - bottom;
    const double low = logarithmic ? std::floor(std::log10(least)) : 0;
    const double step = logarithmic ? 1 : step_of(most);
    const double high = logarithmic ? std::max(low + 1, std::ceil(std::log10(most))) : std::ceil(most / step) * step;
    const auto at = [&](double value) { return from + ((logarithmic ? std::log10(value) : value) - low) / (high - low) * (to - from); };
    auto svg = fmt::format("<text x=\"16\" y=\"{}\" font-weight=\"bold\">{}</text>\n", down + 20, escaped(bars.title));
    for (double tick = low; tick <= high * 1.0001; tick += step) {
        const double value = logarithmic ? std::pow(10, tick) : tick;
        svg += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>"
                           "<text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4}</text>\n",
                           at(value), base, down + top, base + 16, logarithmic && value >= 1 ? fmt::format("{:.0f}", value) : fmt::format("{:g}", value));
    }
    for (std::size_t i = 0; i < bars.bars.size(); ++i) {
        const auto& bar = bars.bars[i];
        const double y = down + top + bar_height * static_cast<double>(i), middle = y + bar_height / 2;
        svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\"{}>{}</text>"
                           "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>"
                           "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"black\"/>"
                           "<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                           from - 8, middle + 4, bar.own ? " font-weight=\"bold\"" : "", escaped(bar.name), from, y + 3,
                           std::max(1.0, at(bar.value) - from), bar_height - 6, bar.own ? colours[0] : colours[5], at(bar.least), middle,
                           at(bar.most), middle, std::max(at(bar.value), at(bar.most)) + 6, middle + 4, number(bar.value));
    }
    return svg + fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", (from + to) / 2, base + 36, escaped(bars.x));
}

}  // namespace

std::string to_svg(const std::vector<Drawing>& drawings) {
    double whole = 0;
    std::string inside;
    for (const auto& drawing : drawings) {
        inside += std::visit([&](const auto& one) { return draw(one, whole); }, drawing);
        whole += std::visit([](const auto& one) { return height_of(one); }, drawing);
    }
    return fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
                       "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n{2}</svg>\n",
                       width, whole, inside);
}

}  // namespace mco::bench
