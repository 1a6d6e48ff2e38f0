// SPDX-License-Identifier: Apache-2.0
//
// Writing plans: two spaces a level, a layer a line.
#include "lib/base/guard.h"
#include "lib/plan/json_reader.h"
#include "lib/plan/quantisation_text.h"

#include <fettle/files.h>
#include <fettle/plan.h>

#include <cstdio>

namespace fettle {
namespace plan {
namespace {

// Keeps the order in which fields are written.
using OrderedJson = nlohmann::ordered_json;

std::string hex(std::uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(number));
  return text;
}

OrderedJson write_device(const PlanDevice& device) {
  OrderedJson cores = OrderedJson::array();
  for (const PlanDevice::Cores& kind : device.cores) {
    cores.push_back({{"midr", hex(kind.midr)}, {"count", kind.count}, {"l1d", kind.l1d}, {"l2", kind.l2}});
  }
  return {{"isa", device.isa}, {"cores", cores}, {"library", device.library}};
}

OrderedJson write_expected(const PlanExpectation& expected) {
  const PlanLatency& us = expected.latency_us;
  return {{"latency_us", {{"median", us.median}, {"low", us.low}, {"high", us.high}}},
          {"default_latency_us", expected.default_latency_us},
          {"arena_bytes", expected.arena_bytes}};
}

OrderedJson write_layer(const PlanLayer& layer) {
  const Variant& variant = layer.variant;
  OrderedJson json{{"kernel", variant.kernel},
                   {"revision", variant.revision},
                   {"formats", variant.signature.text()},
                   {"threads", variant.threads}};
  if (!variant.covers.empty()) json["covers"] = variant.covers;
  if (layer.pinned) json["pinned"] = true;
  return json;
}

// Text of names that are not UTF-8 must not fail: such bytes are replaced.
template <typename AnyJson>
std::string line(const AnyJson& json) {
  return json.dump(-1, ' ', false, AnyJson::error_handler_t::replace);
}

void append_point(std::string& text, const PlanPoint& point) {
  Json shapes = Json::object();  // in the order of the map, and as quick
  for (const auto& [name, shape] : point.shapes)
    shapes[name] = Json(std::vector<std::int64_t>(shape.begin(), shape.end()));
  text += "    { \"threads\": " + std::to_string(point.threads) + ", \"shapes\": " + line(shapes) +
          ",\n      \"layers\": {";
  bool first = true;
  for (const auto& [id, layer] : point.layers) {
    text += first ? "\n" : ",\n";
    text += "        " + line(OrderedJson(id)) + ": " + line(write_layer(layer));
    first = false;
  }
  text += "\n      }\n    }";
}

}  // namespace
}  // namespace plan

std::string PlanDevice::json() const { return plan::line(plan::write_device(*this)); }

std::string Plan::json() const {
  std::string text = "{ \"fettle_plan\": " + std::to_string(kFormatVersion) + ",\n";
  text += "  \"model\": " +
          plan::line(
              plan::OrderedJson({{"name", model.name}, {"graph", model.graph}, {"weights", model.weights}})) +
          ",\n";
  text += "  \"device\": " + device.json() + ",\n";
  text += "  \"objective\": " + plan::line(plan::Json({{"minimise", objective}})) + ",\n";
  if (expected) text += "  \"expected\": " + plan::line(plan::write_expected(*expected)) + ",\n";
  if (quantisation) plan::append_quantisation(text, *quantisation);
  text += "  \"points\": [";
  for (std::size_t i = 0; i < points.size(); ++i) {
    text += i == 0 ? "\n" : ",\n";
    plan::append_point(text, points[i]);
  }
  text += points.empty() ? "] }\n" : "\n  ] }\n";
  return text;
}

Status Plan::save(const std::string& path) const {
  return guard_allocation([&] { return write_file(path, json()); });
}

}  // namespace fettle
