// SPDX-License-Identifier: Apache-2.0
//
// The report: one page of HTML with its style and drawings inside. Every name in it comes from files that
// nobody vouches for, so every name is escaped, and the page holds no script at all.
#include "tuner/report.h"

#include "tuner/records.h"
#include "tuner/reference_share.h"
#include "tuner/report_svg.h"
#include "tuner/space.h"

#include <fettle/tuner.h>
#include <fettle/version.h>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

namespace fettle {
namespace {

using namespace tuner;

constexpr const char* kStyle = R"(
:root{--ink:#1d2733;--soft:#5d6b7a;--line:#e3e8ee;--paper:#fff;--back:#f6f8fa;--chosen:#0b7f79;--default:#a3afbc;--second:#e2b657}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1060px;margin:0 auto;padding:36px 24px 64px}
h1{font-size:27px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 12px}
p{margin:6px 0;overflow-wrap:anywhere}
.soft{color:var(--soft)}
section{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:20px 24px;margin-top:20px}
.numbers{display:flex;flex-wrap:wrap;gap:12px 40px;margin:2px 0 14px}
.numbers b{display:block;font-size:25px;line-height:1.25;font-variant-numeric:tabular-nums}
.numbers span{color:var(--soft);font-size:13px}
svg.chart{display:block;width:100%;min-width:640px;height:auto;font-size:12.5px}
svg .default,.key.default{fill:var(--default);background:var(--default)}
svg .chosen,.key.chosen{fill:var(--chosen);background:var(--chosen)}
svg .second,.key.second{fill:var(--second);background:var(--second)}
svg .cut{fill:var(--second)}
svg .name{text-anchor:end;fill:var(--ink)}
svg .value{text-anchor:end;fill:var(--ink)}
svg .tick{text-anchor:middle;fill:var(--soft);font-size:11px}
svg .grid{stroke:var(--line)}
svg .whisker{stroke:var(--ink);stroke-width:1.4;fill:none}
svg.interval{width:160px;height:12px;vertical-align:middle}
svg.interval path{stroke:var(--default);stroke-width:3;stroke-linecap:round}
svg.interval circle{fill:var(--soft)}
svg.interval.strong path{stroke:var(--chosen)}
svg.interval.strong circle{fill:var(--chosen)}
.legend{display:flex;gap:20px;color:var(--soft);font-size:13px;margin-bottom:6px}
.key{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}
details{border-top:1px solid var(--line);padding:8px 0}
summary{cursor:pointer;display:flex;gap:14px;align-items:baseline}
summary::before{content:"▸";color:var(--soft)}
details[open] summary::before{content:"▾"}
summary .layer{flex:1;font-weight:600;overflow-wrap:anywhere}
summary .kernel{color:var(--chosen);overflow-wrap:anywhere}
summary .time{font-variant-numeric:tabular-nums;min-width:84px;text-align:right}
code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:10px 0 4px;font-size:13.5px}
th{text-align:left;color:var(--soft);font-weight:500;padding:3px 14px 5px 0;border-bottom:1px solid var(--line)}
td{padding:4px 14px 4px 0;vertical-align:baseline}
td code{white-space:nowrap}
td .tag{white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tr.picked td{font-weight:600}
tr.out td{color:var(--soft)}
.tag{display:inline-block;border-radius:9px;padding:0 8px;font-size:12px;font-weight:500;background:var(--back);border:1px solid var(--line);color:var(--soft)}
.tag.win{background:var(--chosen);border-color:var(--chosen);color:#fff}
@media print{body{background:#fff}section{break-inside:avoid-page;border:0;padding:12px 0}}
)";

void number(std::string& page, const std::string& value, const std::string& what) {
  fmt::format_to(std::back_inserter(page), "<div><b>{}</b><span>{}</span></div>", value, what);
}

std::string range(const PlanLatency& us) {
  return fmt::format("95 % interval {} to {}", time_text(us.low), time_text(us.high));
}

std::string headline(const TuneResult& result) {
  if (!result.default_kept) {
    return fmt::format("The plan takes {:.1f} % of the default's time, measured in {} interleaved rounds.",
                       result.ratio * 100, result.rounds);
  }
  if (result.rounds == 0) return "The default is kept: nothing was compared with it within the budget.";
  return "The default is kept: no plan beat it beyond the noise.";
}

void summary_section(std::string& page, const TuneResult& result) {
  page += "<section><h2>Whole model</h2><div class=\"numbers\">";
  number(page, time_text(result.plan_us.median), "plan · " + range(result.plan_us));
  number(page, time_text(result.default_us.median), "default · " + range(result.default_us));
  if (result.ratio > 0) number(page, fmt::format("{:.2f}×", 1 / result.ratio), "speed-up (median of rounds)");
  page += "</div><p>" + headline(result) + "</p><div class=\"scroll\">" + summary_svg(result) + "</div>";
  double conversions = 0;
  for (const LayerExplanation& layer : result.layers) conversions += layer.conversions_us;
  const ReferenceShare reference = reference_time(result.layers);
  fmt::format_to(std::back_inserter(page),
                 "<p class=\"soft\">The table of layers predicts {} for this choice, {} of it conversions "
                 "between formats. The selection was {}. "
                 "{} network passes in {:.1f} s{}.</p><p class=\"soft\">In the plan {}.</p></section>",
                 time_text(result.predicted_us), time_text(conversions),
                 result.default_kept ? "not used"
                 : result.optimal    ? "proved optimal for the measured table"
                                     : "not proved optimal",
                 result.measurements, result.seconds, result.stopped ? ", stopped early" : "",
                 reference.text("the time") + escape_html(reference.names()));
}

void chart_section(std::string& page, const TuneResult& result) {
  page +=
      "<section><h2>Layer by layer</h2><div class=\"legend\"><span><i class=\"key "
      "default\"></i>default</span>"
      "<span><i class=\"key chosen\"></i>chosen</span><span><i class=\"key second\"></i>best of the "
      "others (cut off where pointed)</span></div>"
      "<p class=\"soft\">Times are lower quartiles of the samples, which choices go by: other work on the "
      "machine only ever adds time.</p>";
  page += "<div class=\"scroll\">" + layers_svg(result.layers) + "</div></section>";
}

std::string status_of(const VariantCost& variant) {
  std::string tags;
  if (variant.chosen) tags += "<span class=\"tag win\">chosen</span> ";
  if (variant.is_default) tags += "<span class=\"tag\">default</span> ";
  if (variant.refusal != Refusal::none)
    tags += fmt::format("<span class=\"tag\">refused: {}</span>", escape_html(to_string(variant.refusal)));
  else if (!variant.left_out.empty())
    tags += fmt::format("<span class=\"tag\">left out: {}</span>", escape_html(variant.left_out));
  else if (variant.samples == 0)
    tags += "<span class=\"tag\">not measured</span>";
  return tags;
}

void variant_row(std::string& page, const VariantCost& variant, double scale_us) {
  std::string name = "<code>" + escape_html(variant.shown_name()) + "</code>";
  if (const std::string covers = covers_html(variant); !covers.empty())
    name += "<span class=\"soft\">" + covers + "</span>";
  const bool measured = variant.samples > 0;
  fmt::format_to(
      std::back_inserter(page),
      "<tr class=\"{}\"><td>{}</td><td>{}</td><td class=\"n\">{}</td><td "
      "class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
      variant.chosen ? "picked"
      : measured     ? ""
                     : "out",
      name, escape_html(variant.variant.signature.text()), variant.variant.threads,
      measured ? time_text(variant.quiet_us) : "", measured ? time_text(variant.us.median) : "",
      measured ? interval_svg(variant.us, scale_us, variant.chosen) : "",
      measured ? fmt::format("{}", variant.samples) : "", status_of(variant));
}

void layer_details(std::string& page, const LayerExplanation& layer) {
  const auto found = std::find_if(layer.variants.begin(), layer.variants.end(),
                                  [](const VariantCost& v) { return v.chosen; });
  const VariantCost* chosen = found == layer.variants.end() ? nullptr : &*found;
  fmt::format_to(std::back_inserter(page),
                 "<details><summary><span class=\"layer\">{}</span><span class=\"kernel\">{}</span><span "
                 "class=\"time\">{}</span></summary>",
                 escape_html(layer.layer), chosen == nullptr ? "" : escape_html(chosen->shown_name()),
                 chosen == nullptr || chosen->samples == 0 || !chosen->covered_by.empty()
                     ? ""
                     : time_text(chosen->quiet_us));
  page += "<p><code class=\"soft\">" + escape_html(layer.desc) + "</code></p>";
  if (layer.conversions_us > 0)
    page += "<p>Conversions of its inputs: " + time_text(layer.conversions_us) + "</p>";
  double scale = 0;
  for (const VariantCost& variant : layer.variants) scale = std::max(scale, variant.us.high);
  page +=
      "<div class=\"scroll\"><table><thead><tr><th>kernel</th><th>formats</th><th "
      "class=\"n\">threads</th><th class=\"n\">lower quartile</th>"
      "<th class=\"n\">median</th><th>95 % interval</th>"
      "<th class=\"n\">samples</th><th></th></tr></thead><tbody>";
  for (const VariantCost& variant : layer.variants) variant_row(page, variant, scale);
  page += "</tbody></table></div></details>";
}

void notes_section(std::string& page, const TuneResult& result) {
  if (result.notes.empty()) return;
  page += "<section><h2>Notes</h2>";
  for (const std::string& note : result.notes) page += "<p>" + escape_html(note) + "</p>";
  page += "</section>";
}

}  // namespace

std::string tuner::report_page(const std::string& model_name, const TuneResult& result) {
  const std::string name = escape_html(model_name);
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">"
      "<title>Tuning " +
      name + "</title><style>" + kStyle + "</style></head><body><main>";
  page += "<h1>" + name + "</h1>";
  fmt::format_to(std::back_inserter(page), "<p class=\"soft\">{} layers · {} · Fettle {}</p>",
                 result.layers.size(), escape_html(device_key(result.plan.device)), FETTLE_VERSION);
  summary_section(page, result);
  chart_section(page, result);
  page += "<section><h2>What was tried</h2>";
  for (const LayerExplanation& layer : result.layers) layer_details(page, layer);
  page += "</section>";
  notes_section(page, result);
  return page + "</main></body></html>\n";
}

}  // namespace fettle
