// SPDX-License-Identifier: Apache-2.0
//
// Reading plans. The text is untrusted: docs/plan-format.md says what is accepted.
#include "lib/base/guard.h"
#include "lib/base/mapped_file.h"
#include "lib/plan/json_reader.h"
#include "lib/plan/quantisation_text.h"

#include <fettle/plan.h>

#include <charconv>
#include <cstdint>
#include <limits>

namespace fettle {
namespace plan {
namespace {

constexpr std::int64_t kMaxExtent = std::int64_t{1} << 31;
constexpr std::size_t kMaxPoints = 64;
constexpr std::int64_t kMaxBytes = std::int64_t{1} << 48;

// "layouts" is an older name of the key, of texts without types.
Signature read_formats(Reader& reader, const Json& layer, const std::string& layer_place) {
  const std::string key = layer.contains("layouts") && !layer.contains("formats") ? "layouts" : "formats";
  const std::string place = layer_place + "." + key;
  if (!layer.contains(key)) {
    reader.fail(layer_place, "\"formats\" is missing");
    return {};
  }
  const Json& value = layer[key];
  const Result<Signature> signature = Signature::parse(reader.text(value, place));
  if (signature) return *signature;
  reader.fail(place, signature.error().message() + ": " + signature.error().hint());
  return {};
}

std::uint32_t read_midr(Reader& reader, const Json& value, const std::string& place) {
  const std::string text = reader.text(value, place);
  std::uint32_t midr = 0;
  const char* const end = text.data() + text.size();
  const bool prefixed = text.starts_with("0x") && text.size() > 2;
  const auto parsed = std::from_chars(prefixed ? text.data() + 2 : end, end, midr, 16);
  if (!prefixed || parsed.ec != std::errc() || parsed.ptr != end)
    reader.fail(place, "a core id such as \"0x410fd0b0\" is expected");
  return midr;
}

void read_model(Reader& reader, const Json& value, PlanModel& model) {
  if (!reader.object(value, "model", {"name", "graph", "weights"})) return;
  model.name = reader.text(value["name"], "model.name");
  model.graph = reader.text(value["graph"], "model.graph");
  model.weights = reader.text(value["weights"], "model.weights");
}

void read_device(Reader& reader, const Json& value, PlanDevice& device) {
  if (!reader.object(value, "device", {"isa", "cores", "library"})) return;
  device.library = reader.text(value["library"], "device.library");
  if (reader.array(value["isa"], "device.isa")) {
    for (const Json& name : value["isa"]) device.isa.push_back(reader.text(name, "device.isa"));
  }
  if (!reader.array(value["cores"], "device.cores")) return;
  for (const Json& entry : value["cores"]) {
    const std::string place = "device.cores[" + std::to_string(device.cores.size()) + "]";
    if (!reader.object(entry, place, {"midr", "count"}, {"l1d", "l2"})) return;
    PlanDevice::Cores cores;
    cores.midr = read_midr(reader, entry["midr"], place + ".midr");
    cores.count = static_cast<int>(reader.integer(entry["count"], place + ".count", 1, 4096));
    if (entry.contains("l1d"))
      cores.l1d = static_cast<std::size_t>(
          reader.integer(entry["l1d"], place + ".l1d", 0, std::numeric_limits<std::int32_t>::max()));
    if (entry.contains("l2"))
      cores.l2 = static_cast<std::size_t>(
          reader.integer(entry["l2"], place + ".l2", 0, std::numeric_limits<std::int32_t>::max()));
    device.cores.push_back(cores);
  }
}

void read_expected(Reader& reader, const Json& value, PlanExpectation& expected) {
  if (!reader.object(value, "expected", {"latency_us", "default_latency_us", "arena_bytes"}, {},
                     {"predicted", "accuracy", "energy", "weight_bytes", "peak_bytes"}))
    return;
  const Json& us = value["latency_us"];
  if (!reader.object(us, "expected.latency_us", {"median", "low", "high"})) return;
  expected.latency_us = {reader.number(us["median"], "expected.latency_us.median"),
                         reader.number(us["low"], "expected.latency_us.low"),
                         reader.number(us["high"], "expected.latency_us.high")};
  expected.default_latency_us = reader.number(value["default_latency_us"], "expected.default_latency_us");
  const std::int64_t bytes = reader.integer(value["arena_bytes"], "expected.arena_bytes", 0, kMaxBytes);
  expected.arena_bytes = static_cast<std::size_t>(bytes);
}

Shape read_shape(Reader& reader, const Json& value, const std::string& place) {
  Shape shape;
  if (!reader.array(value, place)) return shape;
  if (value.size() > kMaxRank) reader.fail(place, "more than 8 dimensions");
  for (const Json& extent : value) shape.push_back(reader.integer(extent, place, 0, kMaxExtent));
  return shape;
}

PlanLayer read_layer(Reader& reader, const Json& value, const std::string& place) {
  PlanLayer layer;
  if (!reader.object(value, place, {"kernel", "revision"},
                     {"formats", "layouts", "threads", "covers", "pinned"}, {"parameters", "verified"}))
    return layer;
  Variant& variant = layer.variant;
  variant.kernel = reader.text(value["kernel"], place + ".kernel");
  variant.revision = static_cast<std::uint32_t>(
      reader.integer(value["revision"], place + ".revision", 0, std::numeric_limits<std::uint32_t>::max()));
  variant.signature = read_formats(reader, value, place);
  if (value.contains("threads"))
    variant.threads = static_cast<int>(reader.integer(value["threads"], place + ".threads", 1, kMaxThreads));
  if (value.contains("pinned")) layer.pinned = reader.boolean(value["pinned"], place + ".pinned");
  if (value.contains("covers") && reader.array(value["covers"], place + ".covers")) {
    for (const Json& id : value["covers"]) variant.covers.push_back(reader.text(id, place + ".covers"));
  }
  return layer;
}

PlanPoint read_point(Reader& reader, const Json& value, const std::string& place) {
  PlanPoint point;
  if (!reader.object(value, place, {"threads", "shapes", "layers"}, {}, {"name", "cores", "verified"}))
    return point;
  point.threads = static_cast<int>(reader.integer(value["threads"], place + ".threads", 1, kMaxThreads));
  if (!value["shapes"].is_object()) reader.fail(place + ".shapes", "an object is expected");
  if (!value["layers"].is_object()) reader.fail(place + ".layers", "an object is expected");
  if (!reader.ok()) return point;
  for (const auto& [name, shape] : value["shapes"].items())
    point.shapes[name] = read_shape(reader, shape, place + ".shapes." + name.substr(0, 80));
  for (const auto& [id, layer] : value["layers"].items()) {
    if (id.empty()) reader.fail(place + ".layers", "a layer without a name");
    point.layers[id] = read_layer(reader, layer, place + ".layers." + id.substr(0, 80));
  }
  return point;
}

Result<Plan> read(std::string_view text, const std::string& name) {
  if (text.size() > Plan::kMaxBytes) {
    return Error(ErrorCode::kLimitExceeded, name + " has " + std::to_string(text.size()) +
                                                " bytes, plans have at most " +
                                                std::to_string(Plan::kMaxBytes));
  }
  Result<Json> json = parse_json(text, name);
  if (!json) return std::move(json).error();
  Reader reader(name);
  Plan plan;
  if (!reader.object(*json, "plan", {"fettle_plan", "model", "device", "objective", "points"},
                     {"expected", "quantisation"}, {"verified", "predicted"}))
    return reader.error();
  const Json& root = *json;
  const std::int64_t version =
      reader.integer(root["fettle_plan"], "fettle_plan", 1, std::numeric_limits<std::int32_t>::max());
  if (reader.ok() && version != Plan::kFormatVersion) {
    return Error(ErrorCode::kPlanMalformed,
                 name + ": format version " + std::to_string(version) + ", this library reads version " +
                     std::to_string(Plan::kFormatVersion),
                 "tune again with this version");
  }
  read_model(reader, root["model"], plan.model);
  read_device(reader, root["device"], plan.device);
  if (reader.object(root["objective"], "objective", {"minimise"}))
    plan.objective = reader.text(root["objective"]["minimise"], "objective.minimise");
  if (root.contains("expected")) read_expected(reader, root["expected"], plan.expected.emplace());
  if (root.contains("quantisation")) plan.quantisation = read_quantisation(reader, root["quantisation"]);
  if (reader.array(root["points"], "points")) {
    if (root["points"].size() > kMaxPoints) reader.fail("points", "more than 64 operating points");
    for (std::size_t i = 0; reader.ok() && i < root["points"].size(); ++i) {
      plan.points.push_back(read_point(reader, root["points"][i], "points[" + std::to_string(i) + "]"));
    }
  }
  if (!reader.ok()) return reader.error();
  return plan;
}

Result<PlanDevice> read_device_alone(std::string_view text, const std::string& name) {
  Result<Json> json = parse_json(text, name);
  if (!json) return std::move(json).error();
  Reader reader(name);
  PlanDevice device;
  read_device(reader, *json, device);
  if (!reader.ok()) return reader.error();
  return device;
}

}  // namespace
}  // namespace plan

Result<PlanDevice> PlanDevice::parse(std::string_view text, const std::string& name) {
  return guard_allocation([&] { return plan::read_device_alone(text, name); });
}

Result<Plan> Plan::parse(std::string_view text, const std::string& name) {
  return guard_allocation([&] { return plan::read(text, name); });
}

Result<Plan> Plan::load(const std::string& path) {
  return guard_allocation([&]() -> Result<Plan> {
    Result<std::shared_ptr<const MappedFile>> file = MappedFile::open(path, kMaxBytes);
    if (!file) return std::move(file).error();
    const std::span<const std::byte> bytes = (*file)->bytes();
    if (bytes.empty())
      return Error(ErrorCode::kPlanMalformed, path + " is empty", "`fettle tune` writes a plan");
    return plan::read({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
  });
}

}  // namespace fettle
