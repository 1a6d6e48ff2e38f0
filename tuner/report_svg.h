// SPDX-License-Identifier: Apache-2.0
//
// The drawings of the report, as inline SVG, and the text helpers that they share with the page.
#pragma once

#include <fettle/tuner.h>

#include <string>
#include <string_view>
#include <vector>

namespace fettle::tuner {

/// Text that is safe inside HTML and SVG, in elements and in quoted attributes. Control characters become
/// spaces.
std::string escape_html(std::string_view text);
/// "12.3 µs", "4.56 ms".
std::string time_text(double us);
/// At most `most` characters (code points), the middle left out.
std::string shortened(std::string_view text, std::size_t most);

/// " covers LAYER, LAYER" of a variant of a region, safe inside HTML; else empty.
std::string covers_html(const VariantCost& variant);

/// Whole-model times of default and plan with their intervals.
std::string summary_svg(const TuneResult& result);
/// For each layer bars of the default, the choice and the runner-up, as long as what choices go by.
std::string layers_svg(const std::vector<LayerExplanation>& layers);
/// A whisker from low to high with a dot at the median, on a scale from 0 to `scale_us`.
std::string interval_svg(const PlanLatency& us, double scale_us, bool strong);

/// The variant that is chosen, the default one and the best of the rest; nullptr where there is none with
/// samples.
const VariantCost* chosen_variant(const LayerExplanation& layer);
const VariantCost* default_variant(const LayerExplanation& layer);
const VariantCost* runner_up(const LayerExplanation& layer);

}  // namespace fettle::tuner
