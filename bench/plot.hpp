#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace mco::bench {

// A line of points in a plot, in the units of its axes, ascending in x.
struct Series {
    std::string name;
    std::vector<std::pair<double, double>> points;
};
struct Plot {
    std::string title, x, y;  // y from 0
    std::vector<Series> series;
};

// A bar with what it varies between; all above 0. `own`: it is ours, and stands out.
struct Bar {
    std::string name;
    double value = 1, least = 1, most = 1;
    bool own = false;
};
enum class Scale { linear, logarithmic };
struct Bars {
    std::string title, x;
    Scale scale = Scale::linear;
    std::vector<Bar> bars;
};

using Drawing = std::variant<Plot, Bars>;

// Drawings below each other in one SVG document that needs nothing else: no script, no style sheet, no font of its own.
std::string to_svg(const std::vector<Drawing>& drawings);

}  // namespace mco::bench
