// SPDX-License-Identifier: Apache-2.0
//
// Writing plans: two spaces a level, a layer a line.
#include "lib/base/guard.h"
#include "lib/plan/json_reader.h"

#include <fettle/plan.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

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

OrderedJson write_layouts(LayoutPair layouts) {
  std::string text(to_string(layouts.input));
  if (layouts.output != layouts.input) text.append(">").append(to_string(layouts.output));
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
  OrderedJson json{{"kernel", layer.kernel}, {"revision", layer.revision}};
  if (layer.layouts) json["layouts"] = write_layouts(*layer.layouts);
  json["threads"] = layer.threads;
  if (!layer.covers.empty()) json["covers"] = layer.covers;
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

// Writes and makes sure that it is on the disk before the name is taken.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return fsync(fd) == 0;
}

Status save_text(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".part";
  const auto fail = [&](int reason) {
    ::unlink(temporary.c_str());
    return Error(ErrorCode::kFileUnwritable, path + ": " + std::strerror(reason),
                 "check that the folder exists and may be written");
  };
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail(errno);
  const bool written = write_all(fd, text);
  const int reason = errno;
  ::close(fd);
  if (!written) return fail(reason);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(errno);
  return {};
}

}  // namespace
}  // namespace plan

std::string Plan::json() const {
  std::string text = "{ \"fettle_plan\": " + std::to_string(kFormatVersion) + ",\n";
  text += "  \"model\": " +
          plan::line(
              plan::OrderedJson({{"name", model.name}, {"graph", model.graph}, {"weights", model.weights}})) +
          ",\n";
  text += "  \"device\": " + plan::line(plan::write_device(device)) + ",\n";
  text += "  \"objective\": " + plan::line(plan::Json({{"minimise", objective}})) + ",\n";
  if (expected) text += "  \"expected\": " + plan::line(plan::write_expected(*expected)) + ",\n";
  text += "  \"points\": [";
  for (std::size_t i = 0; i < points.size(); ++i) {
    text += i == 0 ? "\n" : ",\n";
    plan::append_point(text, points[i]);
  }
  text += points.empty() ? "] }\n" : "\n  ] }\n";
  return text;
}

Status Plan::save(const std::string& path) const {
  return guard_allocation([&] { return plan::save_text(path, json()); });
}

}  // namespace fettle
