// SPDX-License-Identifier: Apache-2.0
#include "tuner/report_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace fettle::tuner {
namespace {

constexpr double kWidth = 960;
constexpr double kNameWidth = 250;
constexpr double kValueWidth = 150;
constexpr double kBarsWidth = kWidth - kNameWidth - kValueWidth;
constexpr double kRowHeight = 34;

const VariantCost* find_variant(const LayerExplanation& layer, bool VariantCost::*flag) {
  const auto found = std::find_if(layer.variants.begin(), layer.variants.end(),
                                  [&](const VariantCost& v) { return v.*flag && v.samples > 0; });
  return found == layer.variants.end() ? nullptr : &*found;
}

double nice_step(double span) {
  if (!(span > 0)) return 1;
  const double power = std::pow(10.0, std::floor(std::log10(span / 4)));
  for (double factor : {1.0, 2.0, 5.0, 10.0}) {
    if (span / (factor * power) <= 5) return factor * power;
  }
  return 10 * power;
}

void bar(std::string& svg, double y, double height, double width, const char* kind,
         const std::string& title) {
  fmt::format_to(std::back_inserter(svg),
                 "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
                 "rx=\"1.5\"><title>{}</title></rect>",
                 kind, kNameWidth, y, std::max(width, 0.5), height, title);
}

// The mark of a bar that would be longer than there is room for.
void cut(std::string& svg, double y, double height) {
  fmt::format_to(std::back_inserter(svg),
                 "<path class=\"cut\" d=\"M{0:.1f} {1:.1f}l6 {2:.1f}l-6 {2:.1f}z\"/>",
                 kNameWidth + kBarsWidth + 1, y, height / 2);
}

std::string variant_title(const char* role, const VariantCost& variant) {
  return fmt::format("{}: {}{}, {} (median {}, {} to {})", role, escape_html(variant.shown_name()),
                     covers_html(variant), time_text(variant.quiet_us), time_text(variant.us.median),
                     time_text(variant.us.low), time_text(variant.us.high));
}

// What the layers that the chosen variant computes take by default: a region stands against all of its
// layers. Without samples where one of them has none.
struct DefaultCost {
  double us = 0;
  std::size_t layers = 0;  ///< 0: there is none to show
};

DefaultCost default_cost(const std::vector<LayerExplanation>& layers, const LayerExplanation& layer) {
  const VariantCost* chosen = chosen_variant(layer);
  if (chosen != nullptr && !chosen->covered_by.empty()) return {};  // counted with the region
  DefaultCost cost;
  const auto add = [&](const LayerExplanation& one) {
    const VariantCost* standard = default_variant(one);
    if (standard == nullptr) return false;
    cost.us += standard->quiet_us;
    ++cost.layers;
    return true;
  };
  if (!add(layer)) return {};
  if (chosen == nullptr) return cost;
  for (const std::string& id : chosen->variant.covers) {
    const auto other = std::find_if(layers.begin(), layers.end(),
                                    [&](const LayerExplanation& one) { return one.layer == id; });
    if (other == layers.end() || !add(*other)) return {};
  }
  return cost;
}

std::string default_title(const LayerExplanation& layer, const DefaultCost& cost) {
  const VariantCost& own = *default_variant(layer);
  if (cost.layers == 1) return variant_title("default", own);
  return fmt::format("default: {} for the {} layers together, {} and others", time_text(cost.us), cost.layers,
                     escape_html(own.shown_name()));
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return safe;
}

std::string covers_html(const VariantCost& variant) {
  if (!variant.covered_by.empty()) return {};
  std::string text;
  for (const std::string& id : variant.variant.covers)
    text.append(text.empty() ? " covers " : ", ").append(escape_html(id));
  return text;
}

std::string time_text(double us) {
  if (us >= 1e6) return fmt::format("{:.2f} s", us * 1e-6);
  if (us >= 1e3) return fmt::format("{:.2f} ms", us * 1e-3);
  return us >= 100 ? fmt::format("{:.0f} µs", us) : fmt::format("{:.1f} µs", us);
}

std::string shortened(std::string_view text, std::size_t most) {
  std::vector<std::size_t> starts;  // of code points
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0u) != 0x80u) starts.push_back(i);
  }
  if (starts.size() <= most || most < 3) return std::string(text);
  // Most of it from the end, where the names of layers differ.
  const std::size_t head = (most - 1) / 4;
  const std::size_t tail = most - 1 - head;
  return std::string(text.substr(0, starts[head])) + "…" +
         std::string(text.substr(starts[starts.size() - tail]));
}

const VariantCost* chosen_variant(const LayerExplanation& layer) {
  return find_variant(layer, &VariantCost::chosen);
}
const VariantCost* default_variant(const LayerExplanation& layer) {
  return find_variant(layer, &VariantCost::is_default);
}

const VariantCost* runner_up(const LayerExplanation& layer) {
  const VariantCost* best = nullptr;
  for (const VariantCost& variant : layer.variants) {
    if (variant.samples == 0 || variant.chosen || variant.is_default) continue;
    if (best == nullptr || variant.quiet_us < best->quiet_us) best = &variant;
  }
  return best;
}

std::string summary_svg(const TuneResult& result) {
  const double scale = std::max({result.default_us.high, result.plan_us.high, 1e-9});
  std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {:.0f} 96\" role=\"img\" aria-label=\"Whole-model time of the "
      "default and of the plan\">",
      kWidth);
  const auto row = [&](double y, const char* name, const char* kind, const PlanLatency& us) {
    const auto x = [&](double value) { return kNameWidth + kBarsWidth * value / scale; };
    fmt::format_to(std::back_inserter(svg), "<text class=\"name\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>",
                   kNameWidth - 12, y + 18, name);
    fmt::format_to(std::back_inserter(svg),
                   "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"26\" rx=\"3\"/>",
                   kind, kNameWidth, y, kBarsWidth * us.median / scale);
    fmt::format_to(
        std::back_inserter(svg),
        "<path class=\"whisker\" d=\"M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3:.1f}v10M{1:.1f} {3:.1f}v10\"/>",
        x(us.low), x(us.high), y + 13, y + 8);
    fmt::format_to(std::back_inserter(svg), "<text class=\"value\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>",
                   kWidth, y + 18, time_text(us.median));
  };
  row(12, "default", "default", result.default_us);
  row(54, result.default_kept ? "plan (the default)" : "plan", "chosen", result.plan_us);
  return svg + "</svg>";
}

std::string layers_svg(const std::vector<LayerExplanation>& layers) {
  double scale = 1e-9;
  for (const LayerExplanation& layer : layers) {
    if (const VariantCost* chosen = chosen_variant(layer)) scale = std::max(scale, chosen->quiet_us);
    scale = std::max(scale, default_cost(layers, layer).us);
  }
  const double height = kRowHeight * static_cast<double>(layers.size()) + 30;
  std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"Time of each layer: "
      "default, choice, runner-up\">",
      kWidth, height);
  const double step = nice_step(scale);
  const int ticks = static_cast<int>(scale / step * 1.0001);
  for (int i = 0; i <= ticks; ++i) {
    const double tick = i * step;
    const double x = kNameWidth + kBarsWidth * tick / scale;
    fmt::format_to(
        std::back_inserter(svg),
        "<path class=\"grid\" d=\"M{:.1f} 20V{:.0f}\"/><text class=\"tick\" x=\"{:.1f}\" y=\"13\">{}</text>",
        x, height, x, time_text(tick));
  }
  double y = 24;
  for (const LayerExplanation& layer : layers) {
    fmt::format_to(
        std::back_inserter(svg), "<text class=\"name\" x=\"{:.0f}\" y=\"{:.1f}\"><title>{}</title>{}</text>",
        kNameWidth - 12, y + 18, escape_html(layer.layer), escape_html(shortened(layer.layer, 36)));
    const auto width = [&](double us) { return std::min(kBarsWidth, kBarsWidth * us / scale); };
    const DefaultCost standard = default_cost(layers, layer);
    const VariantCost* chosen = chosen_variant(layer);
    const VariantCost* second = runner_up(layer);
    if (standard.layers > 0)
      bar(svg, y + 3, 9, width(standard.us), "default", default_title(layer, standard));
    if (chosen != nullptr)
      bar(svg, y + 13, 9, width(chosen->quiet_us), "chosen", variant_title("chosen", *chosen));
    if (second != nullptr) {
      bar(svg, y + 23, 4, width(second->quiet_us), "second", variant_title("runner-up", *second));
      if (second->quiet_us > scale) cut(svg, y + 20, 10);
    }
    if (chosen != nullptr) {
      const bool same = standard.layers == 0 || default_variant(layer) == chosen;
      const bool covered = !chosen->covered_by.empty();
      fmt::format_to(std::back_inserter(svg), "<text class=\"value\" x=\"{:.0f}\" y=\"{:.1f}\">{}{}</text>",
                     kWidth, y + 18, same ? std::string() : time_text(standard.us) + " → ",
                     covered ? "covered" : time_text(chosen->quiet_us));
    }
    y += kRowHeight;
  }
  return svg + "</svg>";
}

std::string interval_svg(const PlanLatency& us, double scale_us, bool strong) {
  const auto x = [&](double value) {
    return 3 + 154 * std::clamp(value / std::max(scale_us, 1e-9), 0.0, 1.0);
  };
  return fmt::format(
      "<svg class=\"interval{}\" viewBox=\"0 0 160 12\" aria-hidden=\"true\"><path d=\"M{:.1f} "
      "6H{:.1f}\"/><circle cx=\"{:.1f}\" cy=\"6\" r=\"3\"/></svg>",
      strong ? " strong" : "", x(us.low), x(us.high), x(us.median));
}

}  // namespace fettle::tuner
