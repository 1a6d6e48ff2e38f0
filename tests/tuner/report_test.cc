// SPDX-License-Identifier: Apache-2.0
#include "tuner/report.h"
#include "tests/tuner/simulated_device.h"
#include "tuner/report_svg.h"
#include "tuner/tune_on.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::tuner {
namespace {

TEST_CASE("untrusted names are escaped", "[tuner][report]") {
  CHECK(escape_html("<script>alert('x & \"y\"')</script>\n\x01") ==
        "&lt;script&gt;alert(&#39;x &amp; &quot;y&quot;&#39;)&lt;/script&gt;  ");
  LayerExplanation layer;
  layer.layer = "</text></svg><script>1</script>";
  VariantCost variant;
  variant.variant.kernel = "<b>\"";
  variant.samples = 3;
  variant.us = {1, 1, 1};
  variant.chosen = true;
  layer.variants.push_back(variant);
  const std::string svg = layers_svg({layer});
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.find("<b>") == std::string::npos);
  CHECK(svg.find("&lt;script") != std::string::npos);
}

TEST_CASE("a report tells of every layer and fetches nothing", "[tuner][report]") {
  testing::SimulatedDevice::Options simulated;
  simulated.threads = 2;
  simulated.noise = 0.05;
  testing::SimulatedDevice device(simulated);
  TuneOptions options;
  options.budget_s = 2;
  const Result<TuneResult> result = tune_on(device.problem(), device, options);
  REQUIRE(result);
  const std::string page = report_page("<model> & co", *result);
  CHECK(page.find("<model>") == std::string::npos);
  CHECK(page.find("&lt;model&gt; &amp; co") != std::string::npos);
  for (const LayerExplanation& layer : result->layers)
    CHECK(page.find(">" + layer.layer + "<") != std::string::npos);
  for (const char* wanted :
       {"conv.gemm.f32.plain", "refused: layout", "left out: too slow to be worth the budget", "</html>"})
    CHECK(page.find(wanted) != std::string::npos);
  for (const char* foreign : {"http:", "https:", "src=", "<script", "@import", "url("})
    CHECK(page.find(foreign) == std::string::npos);
}

TEST_CASE("long names are shortened between characters", "[tuner][report]") {
  CHECK(shortened("short", 10) == "short");
  CHECK(shortened("abcdefghijkl", 7) == "a…hijkl");
  CHECK(shortened("ääääääää", 5) == "ä…äää");
}

TEST_CASE("a region is drawn against the defaults of all layers that it computes", "[tuner][report]") {
  const auto variant = [](const char* kernel, double us) {
    VariantCost cost;
    cost.variant.kernel = kernel;
    cost.samples = 5;
    cost.quiet_us = us;
    return cost;
  };
  LayerExplanation first;
  first.layer = "conv";
  first.variants = {variant("conv.own", 40), variant("convadd.rows", 45)};
  first.variants[0].is_default = true;
  first.variants[1].chosen = true;
  first.variants[1].variant.covers = {"sum"};
  LayerExplanation second;
  second.layer = "sum";
  second.variants = {variant("add.own", 20), variant("convadd.rows", 0)};
  second.variants[0].is_default = true;
  second.variants[1].chosen = true;
  second.variants[1].covered_by = "conv";
  const std::string svg = layers_svg({first, second});
  CHECK(svg.find("default: " + time_text(60) + " for the 2 layers together") != std::string::npos);
  CHECK(svg.find(time_text(60) + " → " + time_text(45)) != std::string::npos);
  CHECK(svg.find("covered") != std::string::npos);
  std::size_t bars = 0;
  for (std::size_t at = svg.find("\"default\""); at != std::string::npos;
       at = svg.find("\"default\"", at + 1))
    ++bars;
  CHECK(bars == 1);
}

TEST_CASE("a bar without room for its length says so", "[tuner][report]") {
  LayerExplanation layer;
  layer.variants.resize(2);
  for (VariantCost& variant : layer.variants) variant.samples = 5;
  layer.variants[0].chosen = layer.variants[0].is_default = true;
  layer.variants[0].quiet_us = 10;
  layer.variants[1].quiet_us = 10;
  layer.variants[1].us.median = 25;
  CHECK(layers_svg({layer}).find("class=\"cut\"") == std::string::npos);
  layer.variants[1].quiet_us = 25;
  CHECK(layers_svg({layer}).find("class=\"cut\"") != std::string::npos);
}

TEST_CASE("bars, times and rows go by the lower quartile, the median is beside it", "[tuner][report]") {
  VariantCost standard, choice;
  standard.samples = choice.samples = 5;
  standard.is_default = choice.chosen = true;
  standard.quiet_us = 20, standard.us = {30, 20, 40};
  choice.quiet_us = 10, choice.us = {50, 10, 60};
  LayerExplanation layer;
  layer.variants = {choice, standard};
  const std::string svg = layers_svg({layer});
  CHECK(svg.find("20.0 µs → 10.0 µs") != std::string::npos);
  CHECK(svg.find("10.0 µs (median 50.0 µs, 10.0 µs to 60.0 µs)") != std::string::npos);
  TuneResult result;
  result.layers = {layer};
  const std::string page = report_page("model", result);
  CHECK(page.find("<span class=\"time\">10.0 µs</span>") != std::string::npos);
  CHECK(page.find("<td class=\"n\">10.0 µs</td><td class=\"n\">50.0 µs</td>") != std::string::npos);
}

TEST_CASE("times are readable", "[tuner][report]") {
  CHECK(time_text(0.5) == "0.5 µs");
  CHECK(time_text(99.94) == "99.9 µs");
  CHECK(time_text(1234) == "1.23 ms");
  CHECK(time_text(2.5e6) == "2.50 s");
}

TEST_CASE("the runner-up is the best of those neither chosen nor default", "[tuner][report]") {
  LayerExplanation layer;
  for (int i = 0; i < 5; ++i) {
    VariantCost variant;
    variant.samples = i == 4 ? 0 : 5;
    variant.quiet_us = 10 - i;
    variant.us.median = 20 + i;
    layer.variants.push_back(variant);
  }
  layer.variants[2].chosen = true;
  layer.variants[0].is_default = true;
  CHECK(runner_up(layer) == &layer.variants[3]);
  CHECK(chosen_variant(layer) == &layer.variants[2]);
  CHECK(default_variant(layer) == &layer.variants[0]);
}

}  // namespace
}  // namespace fettle::tuner
