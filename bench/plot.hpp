#pragma once

#include <string>
#include <utility>
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

// Plots below each other in one SVG document that needs nothing else: no script, no style sheet, no font of its own.
std::string to_svg(const std::vector<Plot>& plots);

}  // namespace mco::bench
